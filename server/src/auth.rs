//! Who you are, and what you may.

pub mod actor;
pub mod permit;

pub use actor::Actor;
pub use permit::Permit;
