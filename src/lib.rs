//! Fenzhen (分诊): triage and routing of Chinese e-commerce customer messages.
//!
//! One turn goes through these modules, in suggested reading order:
//!
//! 1. [`text`]: normalise, segment, find personal data and entities.
//! 2. [`model`]: two ONNX classifiers read intent and sentiment.
//! 3. [`kb`]: the knowledge base looks for an answer.
//! 4. [`routing`]: rules name skill group, priority and deadlines.
//! 5. [`conversation`]: strikes are counted, the hand-off is decided; [`store`] keeps it.
//! 6. [`triage`]: joins the five above; the only module that knows them all.
//! 7. [`library`]: what editors do to the articles in the store.
//! 8. [`learning`]: what the knowledge base should learn from conversations.
//! 9. [`http`]: the service; [`eval`]: figures over labelled data; [`app`]: everything built once.

pub mod app;
pub mod config;
pub mod conversation;
pub mod eval;
pub mod http;
pub mod kb;
pub mod learning;
pub mod library;
pub mod model;
pub mod routing;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod triage;
