//! Uploads that are acknowledged before they are read.

use super::text_enum::text_enum;

text_enum! {
    /// How far an upload has come that is read after it was acknowledged.
    UploadState {
        Waiting = "waiting" ("being read, or waiting for its turn"),
        Done = "done" ("it became a run"),
        Refused = "refused" ("the file was refused; nothing was stored"),
        Failed = "failed" ("it could not be read; send it again"),
    }
}
