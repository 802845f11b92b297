//! The service as its clients see it, through the real router.

mod accounts;
mod attributes;
mod datasets;
mod health;
mod models;
mod size;
