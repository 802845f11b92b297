//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod edit_registry;
pub mod register_dataset;
pub mod register_model;
pub mod register_version;
pub mod registry;
