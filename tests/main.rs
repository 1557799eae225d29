//! Tests of the whole service: in process, on a real socket, and through the command line.

mod cli;
mod http;
mod process;
mod support;
