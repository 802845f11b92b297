//! The store, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing should panic there")]

mod audit;
mod backup;
mod estimates;
mod people;
mod registry;
mod upgrade;
