//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod change_person;
pub mod describe_team;
pub mod edit_policy;
pub mod edit_registry;
pub mod findings;
pub mod invite;
pub mod launches;
pub mod make_token;
pub mod mitigations;
pub mod moved;
pub mod notices;
pub mod okrs;
pub mod read_audit;
pub mod readiness;
pub mod register_dataset;
pub mod register_model;
pub mod register_version;
pub mod registry;
pub mod resting;
pub mod runs;
pub mod set_password;
pub mod set_up;
pub mod sign_off;
pub mod trend;
pub mod upload_run;
pub mod void_run;
pub mod waiting;
pub mod waivers;

pub use set_up::setup_link;
