//! The store, on both databases.

mod audit;
mod backup;
mod people;
mod registry;
mod upgrade;
