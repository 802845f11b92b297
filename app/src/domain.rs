//! Types that cannot be wrong and the rules that decide. Pure: no SQL, no HTTP, no clock.

pub mod attribute;
pub mod dataset;
pub mod disclosure;
pub mod id;
pub mod model;
pub mod name;
pub mod register;
pub mod role;
pub mod token;

mod text_enum;

pub use id::{
    AttributeId, DatasetId, GroupId, ModelId, PersonId, RunId, TeamId, TokenId, VersionId,
};
pub use name::{Email, Label, Line, Prose, Slug};
pub use role::{Function, Grant, Grants, Permission, Role, Scope};
