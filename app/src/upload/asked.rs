//! What is said beside a file: its dataset, and when it was evaluated.

use crate::domain::{Label, Slug};
use metrics::Problem;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A dataset as it is written: `NAME@VERSION`.
///
/// # Errors
/// What was expected.
pub fn parse_dataset(text: &str) -> Result<(String, String), Problem> {
    let wrong = || {
        Problem::new("bad_dataset", format!("`{text}` is no dataset"))
            .expected("NAME@VERSION, such as adult-test@1994")
    };
    let (name, version) = text.trim().split_once('@').ok_or_else(wrong)?;
    let name = Slug::new(name).map_err(|_| wrong())?;
    let version = Label::new(version).map_err(|_| wrong())?;
    Ok((name.into(), version.into()))
}

/// A time as RFC 3339, or a day, which begins at midnight UTC.
///
/// # Errors
/// What was expected.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, Problem> {
    let text = text.trim();
    let day = format!("{text}T00:00:00Z");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&day, &Rfc3339))
        .map_err(|_| {
            Problem::new("bad_time", format!("`{text}` is no time"))
                .expected("RFC 3339, such as 2026-11-01T09:00:00Z, or a day, such as 2026-11-01")
        })
}
