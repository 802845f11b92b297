//! One file per thing a person can do: load, ask the domain, write, audit.

pub mod change_person;
pub mod describe_team;
pub mod dry_run;
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
pub mod paired;
pub mod preview_upload;
pub mod read_audit;
pub mod readiness;
pub mod register_dataset;
pub mod register_model;
pub mod register_version;
pub mod registry;
pub mod replay;
pub mod resting;
pub mod review;
pub mod runs;
pub mod set_password;
pub mod set_up;
pub mod sign_off;
pub mod take_upload;
pub mod trend;
pub mod upload_run;
pub mod void_run;
pub mod waiting;
pub mod waivers;

pub use set_up::setup_link;

use crate::error::Error;

/// What a decision rests on is read before its transaction, which begins anew when that has changed
/// meanwhile: this often, and then whoever decides is told so.
const TRIES: usize = 8;

fn unsettled() -> Error {
    Error::Conflict(
        "what this rests on is being changed at this moment; try again when it has settled"
            .to_owned(),
    )
}
