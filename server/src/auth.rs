//! Who you are, and what you may.

pub mod actor;
pub mod permit;
pub mod token;

pub use actor::Actor;
pub use permit::Permit;
