//! What the text of a cell means.

use super::problems::Problems;
use super::request::Request;
use crate::Problem;

/// Reads labels and predictions; remembers what it has seen besides the positive one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    positive_seen: bool,
    others: Vec<String>,
}

impl Classes {
    /// A label as 0 or 1; `None` when it is neither.
    #[inline]
    pub fn label(&mut self, text: &[u8], positive: Option<&str>) -> Option<u8> {
        match positive {
            None => plain(text),
            Some(positive) => Some(self.named(text, positive)),
        }
    }

    /// A prediction as 0 or 1: as labels are written, or as 0/1 all the same.
    #[inline]
    pub fn prediction(&mut self, text: &[u8], positive: Option<&str>) -> Option<u8> {
        match positive {
            None => plain(text),
            Some(positive) => match plain(text).filter(|_| plain(positive.as_bytes()).is_none()) {
                Some(value) => Some(value),
                None => Some(self.named(text, positive)),
            },
        }
    }

    fn named(&mut self, text: &[u8], positive: &str) -> u8 {
        let text = text.trim_ascii();
        if text == positive.as_bytes() {
            self.positive_seen = true;
            return 1;
        }
        let known = self.others.iter().any(|other| other.as_bytes() == text);
        if !known && self.others.len() < 3 {
            let name = crate::slice::normalise_name(&String::from_utf8_lossy(text));
            if name == positive {
                self.positive_seen = true;
                return 1;
            }
            self.others.push(String::from_utf8_lossy(text).into_owned());
        }
        0
    }

    pub fn merge(&mut self, other: Self) {
        self.positive_seen |= other.positive_seen;
        for name in other.others {
            if !self.others.contains(&name) {
                self.others.push(name);
            }
        }
    }

    /// Two labels are binary; three are not, and one that never occurs is mistyped.
    pub fn judge(&self, request: &Request, problems: &mut Problems) {
        let Some(positive) = &request.positive else { return };
        let others =
            self.others.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let at = request.label();
        if !self.positive_seen && !self.others.is_empty() {
            problems.push(|| {
                Problem::new("positive_absent", format!("no label is `{positive}`"))
                    .at_cell(None, at)
                    .expected(format!("the positive one of the labels: {others}"))
            });
        } else if self.others.len() > 1 {
            problems.push(|| {
                let message = format!("besides `{positive}` there are the labels {others}");
                Problem::new("not_binary", message)
                    .at_cell(None, at)
                    .expected("one label besides the positive one")
            });
        }
    }
}

/// 0/1 and true/false, as tools write them.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<u8> {
    match text {
        b"0" => Some(0),
        b"1" => Some(1),
        _ => match text.trim_ascii() {
            b"0" | b"0.0" | b"false" | b"False" | b"FALSE" => Some(0),
            b"1" | b"1.0" | b"true" | b"True" | b"TRUE" => Some(1),
            _ => None,
        },
    }
}

/// A score in 0..1, or what is wrong with it: code and message.
#[inline]
pub(super) fn score(value: f64) -> Result<f64, (&'static str, String)> {
    if (0.0..=1.0).contains(&value) {
        // -0 would sort after 1.
        Ok(value + 0.0)
    } else if value.is_finite() {
        Err(("out_of_range", format!("score {value} is outside 0..1")))
    } else {
        Err(("not_finite", format!("score is {value}")))
    }
}

/// A weight, or what is wrong with it.
#[inline]
pub(super) fn weight(value: f64) -> Result<f64, (&'static str, String)> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else if value.is_finite() {
        Err(("negative_weight", format!("weight {value} is negative")))
    } else {
        Err(("not_finite", format!("weight is {value}")))
    }
}

/// A number from text.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// A cell's text for a message: short, and readable whatever it holds.
pub(super) fn shown(text: &[u8]) -> String {
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}

/// A label or prediction that is neither.
pub(super) fn not_binary(text: &[u8], column: &str, line: u64) -> Problem {
    let message = if text.trim_ascii().is_empty() {
        format!("`{column}` is empty")
    } else {
        format!("`{column}` is `{}`", shown(text))
    };
    Problem::new("not_binary", message)
        .at_cell(Some(line), Some(column))
        .expected("0 or 1, true or false, or a `positive` value in the spec")
}

/// A score or weight that cannot be, by code and message.
pub(super) fn bad_measure(
    (code, message): (&'static str, String),
    column: &str,
    line: u64,
) -> Problem {
    let expected = match code {
        "negative_weight" => "a number of at least 0",
        "out_of_range" => "a number in 0..1",
        _ => "a finite number",
    };
    Problem::new(code, message).at_cell(Some(line), Some(column)).expected(expected)
}

/// Text that is none.
pub(super) fn not_utf8(column: &str, line: u64) -> Problem {
    Problem::new("not_utf8", "the text is not UTF-8")
        .at_cell(Some(line), Some(column))
        .expected("text in UTF-8")
}
