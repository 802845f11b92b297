//! The service as its clients see it, through the real router.

mod accounts;
mod audit;
mod attributes;
mod bad_input;
mod datasets;
mod health;
mod models;
mod people;
mod teams;
mod tokens;
mod routes;
mod runs;
mod trend;
mod uploads;
