//! The service as its clients see it, through the real router.

mod accounts;
mod attributes;
mod audit;
mod bad_input;
mod datasets;
mod health;
mod models;
mod people;
mod routes;
mod runs;
mod teams;
mod tokens;
mod trend;
mod uploads;
