//! The service as its clients see it, through the real router.

mod accounts;
mod attributes;
mod bad_input;
mod datasets;
mod health;
mod models;
mod routes;
mod runs;
mod trend;
mod uploads;
