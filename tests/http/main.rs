//! The service as its clients see it, through the real router.

mod accounts;
mod bad_input;
mod health;
mod routes;
mod runs;
mod trend;
mod uploads;
mod attributes;
mod datasets;
mod health;
mod models;
