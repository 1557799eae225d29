//! The HTTP interface in process.

mod classify;
mod conversations;
mod errors;
mod kb;
mod models;
mod openapi;
mod operation;
mod reindex;
mod route;
