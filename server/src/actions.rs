//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod change_person;
pub mod describe_team;
pub mod invite;
pub mod make_token;
pub mod set_password;
pub mod set_up;

pub use set_up::setup_link;
