//! Types that cannot be wrong and the rules that decide. Pure: no SQL, no HTTP, no clock.

pub mod against;
pub mod attribute;
pub mod dataset;
pub mod disclosure;
pub mod id;
pub mod launch;
pub mod mitigation;
pub mod model;
pub mod monitoring;
pub mod moved;
pub mod name;
pub mod okr;
pub mod policy;
pub mod register;
pub mod role;
pub mod taking;
pub mod token;
pub mod verdict;

mod series;
mod text_enum;

pub use id::{
    AttributeId, DatasetId, FindingId, GroupId, KeyResultId, LaunchId, MitigationId, ModelId,
    ObjectiveId, PersonId, PolicyId, PolicyVersionId, RevisionId, RunId, SignOffId, TeamId,
    TokenId, UploadId, VersionId, WaiverId,
};
pub use name::{Email, Label, Line, Prose, SLUG_PATTERN, Slug};
pub use role::{Function, Grant, Grants, Permission, Role, Scope};
pub use taking::UploadState;
