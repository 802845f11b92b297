//! Results as other tools write them: to the right slices, signs and counts, and what is broken to
//! clear refusals.

#![expect(clippy::unwrap_used, reason = "in a test's helpers a panic is the failure")]

mod broken;
mod frames;
mod made;
mod real;
mod tools;

use app::upload::{Basis, Context, Format, Receipt, read};
use metrics::{Estimate, Problem, RunDocument, Slice};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use time::OffsetDateTime;
use time::macros::datetime;

const RECEIVED: OffsetDateTime = datetime!(2026-12-01 12:00 UTC);

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    fs::read(folder.join(name)).unwrap()
}

fn export(name: &str) -> Vec<u8> {
    fixture(&format!("exports/{name}"))
}

fn beside() -> Context {
    Context { dataset: Some(("some-data".into(), "1".into())), ..Context::at(RECEIVED) }
}

/// Reads what is recognised by its content alone.
fn accepted(bytes: &[u8], format: Format) -> (RunDocument, Receipt) {
    assert_eq!(Format::sniff(bytes), Some(format));
    read(bytes, None, &beside()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn refused(bytes: &[u8], format: Option<Format>) -> Vec<Problem> {
    assert_eq!(Format::sniff(bytes), format);
    read(bytes, None, &beside()).unwrap_err()
}

fn of<'d>(document: &'d RunDocument, slice: &str, metric: &str) -> &'d Estimate {
    let slice = Slice::parse(slice).unwrap();
    let found = document.estimates.iter().find(|e| e.slice == slice && e.metric == metric);
    found.unwrap_or_else(|| panic!("no {metric} of `{slice}`"))
}

fn counts(estimate: &Estimate) -> (Option<u64>, Option<u64>) {
    (estimate.numerator, estimate.denominator)
}

fn basis(receipt: &Receipt, original: &str) -> BTreeSet<Basis> {
    receipt.mapped.iter().filter(|it| it.original == original).map(|it| it.basis).collect()
}

fn left(receipt: &Receipt) -> BTreeSet<&str> {
    receipt.not_placed.iter().map(|it| it.what.as_str()).collect()
}

fn close(got: Option<f64>, wanted: Option<f64>, what: &str) {
    match (got, wanted) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() < 1e-9, "{what}: {got} is not {wanted}");
        }
        _ => assert_eq!(got, wanted, "{what}"),
    }
}
