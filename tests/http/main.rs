//! The service as its clients see it, through the real router.

mod accounts;
mod health;
mod people;
mod teams;
mod tokens;
