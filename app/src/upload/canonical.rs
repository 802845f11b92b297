//! One text per JSON value, for digests: RFC 8785, except that numbers with a fraction are decimal
//! text.
//!
//! RFC 8785 prints numbers as ECMAScript does, which every other language has to imitate. A digest
//! that people check with their own tools rests on less: a number that is not a whole one up to
//! 2^53 − 1 is written as a string of its shortest decimal form, without an exponent.

use metrics::slice::Distinct;
use metrics::{Estimate, RunDocument};
use serde_json::{Number, Value};
use std::fmt::Write;
use time::UtcOffset;

/// Largest whole number that every reader of JSON keeps exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The canonical text of a value: no spaces, keys sorted by UTF-16 code units, the shortest
/// escapes, and numbers as whole numbers or decimal text.
///
/// ```
/// use app::upload::canonical::canonical;
/// let value = serde_json::json!({"b": 0.25, "a": [1, "é\n"]});
/// assert_eq!(canonical(&value), r#"{"a":[1,"é\n"],"b":"0.25"}"#);
/// ```
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (key, value)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn write_number(out: &mut String, number: &Number) {
    let safe = number.as_u64().is_some_and(|n| n <= MAX_SAFE)
        || number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_SAFE);
    if safe {
        let _ = write!(out, "{number}");
    } else if number.is_f64() {
        write_fraction(out, number.as_f64().unwrap_or_default());
    } else {
        write_text(out, &number.to_string());
    }
}

fn write_fraction(out: &mut String, number: f64) {
    // Zero has no sign. `Display` is the shortest text that reads back, without an exponent.
    let _ = write!(out, "\"{}\"", number + 0.0);
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    // Most texts are names, in which nothing needs an escape.
    if !text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// What a run's digest is taken of: the canonical text of its document with the ids of model and
/// version, metrics sorted by key and estimates by slice and metric, the time in UTC. Who sent it
/// and when is no part.
///
/// It is written estimate by estimate and handed over in parts, since a tree of a million of them
/// would take gigabytes.
pub fn run_text(
    document: &RunDocument,
    model_id: &str,
    version_id: &str,
    mut take: impl FnMut(&str),
) {
    let mut head = document.without_estimates();
    head.evaluated_at = head.evaluated_at.to_offset(UtcOffset::UTC);
    head.metrics.sort_by(|a, b| a.key.cmp(&b.key));
    let mut head = serde_json::to_value(&head)
        .expect("a document has JSON unless its year has five digits, and readers refuse that");
    head["model"] = model_id.into();
    head["version"] = version_id.into();
    let text = canonical(&head);
    let (before, after) = text
        .split_once(NO_ESTIMATES)
        .expect("a document has a list of estimates, and quotes in a text are escaped");
    let (rank, json) = ranked(&document.estimates);
    let mut sorted: Vec<(usize, &Estimate)> = rank.into_iter().zip(&document.estimates).collect();
    sorted.sort_by(|(a, x), (b, y)| (a, &x.metric).cmp(&(b, &y.metric)));
    take(before);
    let mut out = r#""estimates":["#.to_owned();
    for (i, (slice, estimate)) in sorted.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_estimate(&mut out, estimate, &json[slice]);
        if out.len() > PART {
            take(&out);
            out.clear();
        }
    }
    out.push(']');
    take(&out);
    take(after);
}

/// The field that [`run_text`] fills. In a text, its quotes would be escaped.
const NO_ESTIMATES: &str = r#""estimates":[]"#;

/// Parts of a run's text are about so many bytes.
const PART: usize = 1 << 16;

/// For each estimate the place of its slice in the order of their texts, and in that order each
/// slice's canonical JSON.
fn ranked(estimates: &[Estimate]) -> (Vec<usize>, Vec<String>) {
    let Distinct { slices, places } = estimates.iter().map(|estimate| &estimate.slice).collect();
    let mut sorted: Vec<(String, usize)> =
        slices.iter().enumerate().map(|(place, slice)| (slice.to_string(), place)).collect();
    sorted.sort();
    let mut rank = vec![0; slices.len()];
    let mut json = Vec::with_capacity(slices.len());
    for (at, (_, place)) in sorted.into_iter().enumerate() {
        rank[place] = at;
        let pairs = slices[place].pairs().map(|(name, group)| (name.to_owned(), group.into()));
        json.push(canonical(&Value::Object(pairs.collect())));
    }
    (places.into_iter().map(|place| rank[place]).collect(), json)
}

/// The same as [`canonical`] of the estimate's JSON, without making that, but for its slice, whose
/// JSON is given.
fn write_estimate(out: &mut String, estimate: &Estimate, slice_json: &str) {
    // Named one by one, so that a new field cannot be left out.
    let Estimate {
        slice: _,
        metric,
        value,
        n,
        numerator,
        denominator,
        positives,
        n_effective,
        stderr,
        threshold,
        interval,
        undefined,
    } = estimate;
    out.push('{');
    let whole = |out: &mut String, key: &str, n: Option<u64>| {
        if let Some(n) = n {
            out.push_str(key);
            write_number(out, &n.into());
            out.push(',');
        }
    };
    let fraction = |out: &mut String, key: &str, number: Option<f64>| {
        if let Some(number) = number {
            out.push_str(key);
            write_fraction(out, number);
            out.push(',');
        }
    };
    whole(out, r#""denominator":"#, *denominator);
    if let Some(interval) = interval {
        out.push_str(r#""interval":{"#);
        fraction(out, r#""high":"#, Some(interval.high));
        fraction(out, r#""level":"#, Some(interval.level));
        fraction(out, r#""low":"#, Some(interval.low));
        out.push_str(r#""method":"#);
        write_text(out, &interval.method);
        out.push_str("},");
    }
    out.push_str(r#""metric":"#);
    write_text(out, metric);
    out.push(',');
    whole(out, r#""n":"#, *n);
    fraction(out, r#""n_effective":"#, *n_effective);
    whole(out, r#""numerator":"#, *numerator);
    whole(out, r#""positives":"#, *positives);
    out.push_str(r#""slice":"#);
    out.push_str(slice_json);
    out.push(',');
    fraction(out, r#""stderr":"#, *stderr);
    fraction(out, r#""threshold":"#, *threshold);
    if let Some(undefined) = undefined {
        out.push_str(r#""undefined":"#);
        write_text(out, undefined);
        out.push(',');
    }
    match value {
        Some(value) => {
            out.push_str(r#""value":"#);
            write_fraction(out, *value);
        }
        None => out.push_str(r#""value":null"#),
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{DatasetRef, Instrument, Interval, Slice};
    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::datetime;

    /// The example of RFC 8785, section 3.2.2, but for its numbers.
    #[test]
    fn the_example_of_the_rfc_comes_out_as_printed_there() {
        let value: Value = serde_json::from_str(
            r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
        )
        .unwrap();
        assert_eq!(
            canonical(&value),
            r#"{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
    }

    /// RFC 8785, section 3.2.3: an emoji sorts by its surrogates, before U+FB33.
    #[test]
    fn keys_are_sorted_by_utf_16_code_units() {
        let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let text = canonical(&value);
        let order: Vec<_> = text.bytes().filter(u8::is_ascii_digit).map(char::from).collect();
        // The key "1" is among the digits.
        assert_eq!(order.iter().collect::<String>(), "21467153");
    }

    #[test]
    fn fractions_are_decimal_text_and_equal_numbers_are_equal_text() {
        let value = json!([0.1, 1e21, 1e-7, -0.0, 1.0, 5, -3, u64::MAX, 9_007_199_254_740_991_u64]);
        assert_eq!(
            canonical(&value),
            r#"["0.1","1000000000000000000000","0.0000001","0","1",5,-3,"18446744073709551615",9007199254740991]"#
        );
    }

    /// A number from few that are hard to write, or none.
    fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> impl Strategy<Value = Option<T>> {
        proptest::option::of(proptest::sample::select(of))
    }

    fn estimate() -> impl Strategy<Value = Estimate> {
        let name = "[a-zé\"\\\\\u{fb33}\u{1f600}\t\u{1}]{1,4}";
        let whole = || some(vec![0, 7, MAX_SAFE, MAX_SAFE + 1, u64::MAX]);
        let fraction = || some(vec![-0.0, 1.0, 0.1, 1e-7, 1e21, f64::MIN_POSITIVE]);
        let slice = proptest::collection::btree_map(name, name, 0..3)
            .prop_filter_map("names that are one when trimmed", |pairs| Slice::new(pairs).ok());
        let counts = (whole(), whole(), whole(), whole());
        let fractions = (fraction(), fraction(), fraction(), fraction());
        let interval = proptest::option::of((fraction(), fraction(), name));
        (slice, name, counts, fractions, interval, proptest::option::of(name)).prop_map(
            |(slice, metric, counts, fractions, interval, undefined)| Estimate {
                slice,
                metric,
                value: fractions.0,
                n: counts.0,
                numerator: counts.1,
                denominator: counts.2,
                positives: counts.3,
                n_effective: fractions.1,
                stderr: fractions.2,
                threshold: fractions.3,
                interval: interval.map(|(low, high, method)| Interval {
                    low: low.unwrap_or(-0.5),
                    high: high.unwrap_or(2.0),
                    level: 0.95,
                    method,
                }),
                undefined,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_run_written_estimate_by_estimate_is_its_whole_tree_in_canonical_form(
            estimates in proptest::collection::vec(estimate(), 0..4),
            judge in proptest::option::of(Just(r#""estimates":[]"#.to_owned())),
        ) {
            let mut document = RunDocument {
                schema: metrics::run::SCHEMA.to_owned(),
                evaluated_at: datetime!(2026-11-01 01:00 +1),
                dataset: DatasetRef {
                    name: "adult".to_owned(), version: "1".to_owned(), digest: None, rows: Some(3),
                },
                instrument: Instrument {
                    name: "x".to_owned(), version: "1".to_owned(), definitions: "1".to_owned(), judge,
                },
                positive_outcome: None,
                metrics: vec![],
                estimates,
            };
            let mut text = String::new();
            run_text(&document, "m", "v", |part| text.push_str(part));
            document.evaluated_at = document.evaluated_at.to_offset(UtcOffset::UTC);
            document.estimates.sort_by_cached_key(|e| (e.slice.to_string(), e.metric.clone()));
            let mut tree = serde_json::to_value(&document).unwrap();
            tree["model"] = "m".into();
            tree["version"] = "v".into();
            prop_assert_eq!(text, canonical(&tree));
        }
    }
}
