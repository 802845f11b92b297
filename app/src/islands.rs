//! The only code that is shipped to the browser. Every page works without it.

pub mod chart_reader;
