//! The store, on both databases.

mod audit;
mod registry;
