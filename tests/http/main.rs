//! The service as its clients see it, through the real router.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing should panic there")]

mod accounts;
mod attributes;
mod audit;
mod bad_input;
mod concurrency;
mod contract;
mod datasets;
mod desk;
mod desk_api;
mod doubts;
mod etags;
mod exports;
mod forms;
mod health;
mod limits;
mod models;
mod outcomes;
mod paired;
mod people;
mod preview;
mod regrouped;
mod routes;
mod runs;
mod schemas;
mod size;
mod taken;
mod tasks;
mod teams;
mod tokens;
mod trend;
mod uploads;
