//! The checks that the inputs share.

use crate::domain::name::{Line, NotAName};
use crate::form::FieldErrors;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Splits what was typed into one field: at commas, semicolons and white space.
pub fn split_list(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `/models/new` and `…/versions/new` are forms.
pub fn not_reserved(text: &str) -> Result<&str, NotAName> {
    if text.trim() == "new" { Err(NotAName("`new` is taken; use another")) } else { Ok(text) }
}

pub fn needed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is needed".to_owned());
    }
    text.parse().map_err(|error: T::Err| error.to_string())
}

pub fn or_default<T: FromStr<Err = String>>(text: &str, default: T) -> Result<T, String> {
    let text = text.trim();
    if text.is_empty() { Ok(default) } else { text.parse() }
}

pub fn optional_line(text: &str) -> Result<String, NotAName> {
    if text.trim().is_empty() { Ok(String::new()) } else { Line::new(text).map(String::from) }
}

pub fn optional_digest(text: &str) -> Result<Option<String>, NotAName> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let is_digest = text
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    is_digest
        .then_some(Some(text))
        .ok_or(NotAName("use sha256: and 64 hexadecimal digits, as `sha256sum` prints them"))
}

pub fn optional_count(text: &str) -> Result<Option<i64>, NotAName> {
    let text = text.trim().replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().ok().filter(|n| *n >= 0).map(Some).ok_or(NotAName("use a whole number of rows"))
}

pub fn check_each<T: Ord + Clone>(
    errors: &mut FieldErrors,
    field: &str,
    texts: &[String],
    most: usize,
    check: impl Fn(&str) -> Result<T, NotAName>,
) -> Vec<T> {
    if texts.len() > most {
        errors.add(field, format!("use at most {most}"));
        return vec![];
    }
    let mut all = BTreeSet::new();
    for text in texts {
        match check(text) {
            Ok(value) => {
                all.insert(value);
            }
            Err(message) => errors.add(field, format!("`{text}`: {message}")),
        }
    }
    all.into_iter().collect()
}

pub fn sorted(texts: &[String]) -> String {
    let mut texts = texts.to_vec();
    texts.sort();
    texts.join(", ")
}

pub fn finish<T>(value: Option<T>, errors: FieldErrors) -> Result<T, FieldErrors> {
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(errors),
    }
}
