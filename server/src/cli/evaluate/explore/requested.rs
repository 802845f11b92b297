//! Intervals by a method that was asked for, as a person reads them.

use super::name_of;
use crate::cli::output::{Align, Table, clean};
use app::number::{interval, method_name, ratio, ratio_interval, signed, signed_interval, value};
use metrics::disparity::Kind;
use metrics::requested::{Requested, RequestedInterval};
use std::fmt::Write;

pub fn report(requested: &Requested) -> String {
    let against = match requested.method.kind() {
        None => "of each rate",
        Some(Kind::Difference) => "of differences from the best group",
        Some(Kind::Ratio) => "of ratios to the best group",
    };
    let found = requested.intervals.iter().find_map(|it| it.interval.as_ref());
    let name = found.map_or(requested.method.as_str(), |it| method_name(&it.method));
    let mut text = format!("\n{name} intervals {against}\n");
    if requested.intervals.is_empty() {
        text.push_str("There are no rates that counts decide.\n");
    }
    let mut table = Table::new([Align::Left, Align::Left, Align::Right, Align::Left]);
    let mut slice = None;
    for it in &requested.intervals {
        let head = (&it.slice, &it.reference);
        let label = if slice == Some(head) { String::new() } else { label(it) };
        slice = Some(head);
        let (x, ends) = written(it, requested.method.kind());
        table.row([format!("  {label}"), name_of(&it.metric).to_owned(), x, ends]);
    }
    text.push_str(&table.to_string());
    if !requested.without.is_empty() {
        let names: Vec<&str> = requested.without.iter().map(|key| name_of(key)).collect();
        let _ = writeln!(text, "Not rates of counts: {}.", clean(&names.join(", ")));
    }
    text
}

fn label(it: &RequestedInterval) -> String {
    match &it.reference {
        Some(best) => format!("{} against {}", clean(&it.slice.label()), clean(&best.label())),
        None => clean(&it.slice.label()),
    }
}

fn written(it: &RequestedInterval, kind: Option<Kind>) -> (String, String) {
    type Write = fn(f64) -> String;
    type WriteEnds = fn(f64, f64) -> String;
    let (write, write_ends): (Write, WriteEnds) = match kind {
        None => (value, interval),
        Some(Kind::Difference) => (signed, signed_interval),
        Some(Kind::Ratio) => (ratio, ratio_interval),
    };
    let ends = it.interval.as_ref().map(|ends| write_ends(ends.low, ends.high));
    let ends = ends.or_else(|| it.reason.clone()).unwrap_or_default();
    (it.value.map_or_else(|| "—".to_owned(), write), ends)
}
