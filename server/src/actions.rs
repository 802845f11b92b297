//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod runs;
pub mod trend;
pub mod upload_run;
pub mod void_run;
