//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod set_password;
pub mod set_up;

pub use set_up::setup_link;
