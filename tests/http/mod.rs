//! The HTTP interface in process.

mod classify;
mod console;
mod conversations;
mod errors;
mod kb;
mod learning;
mod library;
mod models;
mod openapi;
mod operation;
mod reindex;
mod route;
