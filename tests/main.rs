//! Tests of the whole service: in process, on a real socket, and through the command line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod http;
mod kb;
mod process;
mod support;
mod text;
