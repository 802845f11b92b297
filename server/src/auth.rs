//! Who you are, and what you may.

pub mod actor;
pub mod allowance;
pub mod login;
pub mod password;
pub mod permit;
pub mod throttle;
pub mod token;

pub use actor::Actor;
pub use permit::{Own, Permit};
