//! The service as its clients see it, through the real router.

mod accounts;
mod audit;
mod attributes;
mod datasets;
mod health;
mod models;
mod people;
mod teams;
mod tokens;
