//! A run document as the long table, for people with a spreadsheet.

use super::column::{guarded, is_attribute};
use metrics::{Estimate, Interval, RunDocument};
use std::collections::BTreeSet;
use std::fmt::Write;

const NUMBERS: &str = "metric,value,n,numerator,denominator,positives,n_effective,stderr,threshold,\
                       low,high,level,method,undefined";

/// The long table of a document: a column per attribute, or one column `slice` where an attribute
/// has the name of another column.
///
/// Read again, beside the same dataset, instrument and time, it gives the same estimates in the
/// same order. The document's own fields (dataset, instrument, declared metrics) have no place in
/// a table. Text that a spreadsheet would run as a formula has an apostrophe before it.
pub fn to_csv(document: &RunDocument) -> String {
    let attributes: BTreeSet<&str> =
        document.estimates.iter().flat_map(|estimate| estimate.slice.attributes()).collect();
    let columns = attributes.iter().all(|name| is_attribute(name)).then_some(attributes);
    let mut out = String::new();
    match &columns {
        Some(attributes) => {
            for attribute in attributes {
                push_text(&mut out, attribute);
                out.push(',');
            }
        }
        None => out.push_str("slice,"),
    }
    out.push_str(NUMBERS);
    out.push_str("\r\n");
    for estimate in &document.estimates {
        if let Some(attributes) = &columns {
            for attribute in attributes {
                push_text(&mut out, estimate.slice.group(attribute).unwrap_or_default());
                out.push(',');
            }
        } else {
            push_text(&mut out, &estimate.slice.to_string());
            out.push(',');
        }
        push_numbers(&mut out, estimate);
        out.push_str("\r\n");
    }
    out
}

fn push_numbers(out: &mut String, estimate: &Estimate) {
    let Estimate { slice: _, metric, value, n, numerator, denominator, .. } = estimate;
    let Estimate { positives, n_effective, stderr, threshold, interval, undefined, .. } = estimate;
    push_text(out, metric);
    push_number(out, *value);
    for count in [n, numerator, denominator, positives] {
        out.push(',');
        out.push_str(&count.map(|count| count.to_string()).unwrap_or_default());
    }
    for number in [n_effective, stderr, threshold] {
        push_number(out, *number);
    }
    match interval {
        Some(Interval { low, high, level, method }) => {
            for number in [low, high, level] {
                push_number(out, Some(*number));
            }
            out.push(',');
            push_text(out, method);
        }
        None => out.push_str(",,,,"),
    }
    out.push(',');
    push_text(out, undefined.as_deref().unwrap_or_default());
}

/// A comma and the shortest text that reads back as the same number.
fn push_number(out: &mut String, number: Option<f64>) {
    out.push(',');
    if let Some(number) = number {
        let long = number != 0.0 && !(1e-6..1e16).contains(&number.abs());
        let _ = if long { write!(out, "{number:e}") } else { write!(out, "{number}") };
    }
}

fn push_text(out: &mut String, text: &str) {
    let text = guarded(text);
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(&text);
    }
}

/// A text as a cell of a CSV file: quoted where it must be, guarded where a spreadsheet would run
/// it.
pub fn text_cell(text: &str) -> String {
    let mut cell = String::new();
    push_text(&mut cell, text);
    cell
}
