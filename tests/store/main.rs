//! The store, on both databases.

mod audit;
mod backup;
mod upgrade;
mod registry;
