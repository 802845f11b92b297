//! The service as its clients see it, through the real router.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing should panic there")]

mod accounts;
mod attributes;
mod audit;
mod bad_input;
mod datasets;
mod desk;
mod exports;
mod health;
mod models;
mod outcomes;
mod people;
mod routes;
mod runs;
mod size;
mod teams;
mod tokens;
mod trend;
mod uploads;
