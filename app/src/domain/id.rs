//! Ids: UUIDv7, one type per kind of thing, so that a team's id cannot stand where a model's must.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A person with an account.
    PersonId,
    /// A team that owns models.
    TeamId,
    /// A registered model.
    ModelId,
    /// A version of a model.
    VersionId,
    /// A version of an evaluation set.
    DatasetId,
    /// An attribute of the registry.
    AttributeId,
    /// A group of an attribute.
    GroupId,
    /// An accepted evaluation run.
    RunId,
    /// An upload that is read after it was acknowledged.
    UploadId,
    /// An API token.
    TokenId,
    /// A policy, over all its versions.
    PolicyId,
    /// One version of a policy.
    PolicyVersionId,
    /// A fail or a hole in the evidence.
    FindingId,
    /// A request to ship a version.
    LaunchId,
    /// What a signature on a launch covers.
    RevisionId,
    /// A person's decision on a revision.
    SignOffId,
    /// A time-limited exception from a rule.
    WaiverId,
    /// An intervention with its proof.
    MitigationId,
    /// An objective of a quarter.
    ObjectiveId,
    /// A key result of an objective.
    KeyResultId,
}
