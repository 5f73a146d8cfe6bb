//! What people look at, in the tools with which they look at it.

#[path = "see/book.rs"]
mod book;
#[path = "see/browser.rs"]
mod browser;
#[path = "see/commands.rs"]
mod commands;
#[path = "see/export.rs"]
mod export;
#[path = "see/promql.rs"]
mod promql;
#[path = "see/promtool.rs"]
mod promtool;
#[path = "see/shelf.rs"]
mod shelf;
#[path = "see/trace.rs"]
mod trace;
