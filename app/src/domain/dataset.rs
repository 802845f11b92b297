//! How a dataset's group labels came to be.

use super::text_enum::text_enum;

text_enum! {
    /// How the group label of an attribute was obtained for a dataset.
    Obtained {
        SelfReported = "self_reported" ("self-reported"),
        Annotated = "annotated" ("annotated by people"),
        Inferred = "inferred" ("inferred by a model"),
        Recorded = "recorded" ("taken from records"),
        Unknown = "unknown" ("not known"),
        NotMeasured = "not_measured" ("not measured"),
    }
}
