//! One text per JSON value, for digests: RFC 8785, except that numbers with a fraction are decimal
//! text.
//!
//! RFC 8785 prints numbers as ECMAScript does, which every other language has to imitate. A digest
//! that people check with their own tools rests on less: a number that is not a whole one up to
//! 2^53 − 1 is written as a string of its shortest decimal form, without an exponent.

use metrics::RunDocument;
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
        out.push_str(&number.to_string());
    } else if number.is_f64() {
        // Zero has no sign. `Display` is the shortest text that reads back, without an exponent.
        let decimal = number.as_f64().unwrap_or_default() + 0.0;
        write_text(out, &decimal.to_string());
    } else {
        write_text(out, &number.to_string());
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
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

/// What a run's digest is taken of: its document with the ids of model and version, metrics sorted
/// by key and estimates by slice and metric, the time in UTC. Who sent it and when is no part.
pub fn run_content(document: &RunDocument, model_id: &str, version_id: &str) -> Value {
    let mut document = document.clone();
    document.evaluated_at = document.evaluated_at.to_offset(UtcOffset::UTC);
    document.metrics.sort_by(|a, b| a.key.cmp(&b.key));
    document.estimates.sort_by_cached_key(|e| (e.slice.to_string(), e.metric.clone()));
    let mut content = serde_json::to_value(&document)
        .expect("a document has JSON unless its year has five digits, and readers refuse that");
    content["model"] = model_id.into();
    content["version"] = version_id.into();
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
}
