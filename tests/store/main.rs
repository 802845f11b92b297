//! The store, on both databases.

mod audit;
mod backup;
mod registry;
mod upgrade;
mod people;
