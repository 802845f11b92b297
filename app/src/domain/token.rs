//! What an API token may be used for.

use super::text_enum::text_enum;

text_enum! {
    /// A token's right is its scopes, cut down to what its person may do now.
    TokenScope {
        Read = "read" ("read what its person may read"),
        ModelsWrite = "models:write" ("register and describe models"),
        RunsWrite = "runs:write" ("upload results"),
        LaunchesWrite = "launches:write" ("request launches"),
        MitigationsWrite = "mitigations:write" ("record mitigations"),
        OkrsWrite = "okrs:write" ("check in key results"),
    }
}
