//! Slices: which part of the data an estimate is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// The group that an empty attribute cell becomes; a real group may not have this name.
pub const MISSING: &str = "(missing)";

/// A conjunction of attribute=group pairs, at most one pair per attribute.
///
/// The empty slice is *overall*; two pairs or more are intersectional. The canonical text is
/// `attribute=group` joined by `;`, sorted by attribute, with `\;`, `\=` and `\\` as escapes; names
/// are NFC and trimmed. In JSON a slice is an object.
///
/// ```
/// use metrics::Slice;
/// let slice = Slice::parse("sex=Female;race=Black")?;
/// assert_eq!(slice.to_string(), "race=Black;sex=Female");
/// assert_eq!(Slice::parse("")?, Slice::overall());
/// # Ok::<(), metrics::slice::SliceError>(())
/// ```
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
// Shared, because one slice stands in many estimates, comparisons and verdicts.
pub struct Slice(Arc<BTreeMap<String, String>>);

/// The different slices among many, and the place of each among them: many estimates share one, and
/// what is made of a slice need not be made again.
#[derive(Clone, Debug, Default)]
pub struct Distinct<'a> {
    /// Each once, in the order of their first place.
    pub slices: Vec<&'a Slice>,
    /// For each that was given, its place in `slices`.
    pub places: Vec<usize>,
}

impl<'a> FromIterator<&'a Slice> for Distinct<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Slice>>(given: I) -> Self {
        let mut distinct = Self::default();
        let mut known: HashMap<&Slice, usize> = HashMap::new();
        let mut last: Option<(&Slice, usize)> = None;
        for slice in given {
            // The estimates of a slice mostly stand together.
            let place = match last {
                Some((before, place)) if before == slice => place,
                _ => *known.entry(slice).or_insert_with(|| {
                    distinct.slices.push(slice);
                    distinct.slices.len() - 1
                }),
            };
            last = Some((slice, place));
            distinct.places.push(place);
        }
        distinct
    }
}

/// Why a slice cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// A part of the text has no unescaped `=`.
    #[error("`{0}` is not `attribute=group`")]
    NoEquals(String),
    /// An attribute or a group has no name.
    #[error("an attribute or group has no name in `{0}`")]
    Empty(String),
    /// An attribute stands twice.
    #[error("attribute `{0}` stands twice")]
    Twice(String),
}

/// A name as it is compared and stored: NFC, trimmed, and an integer written as a float without
/// its `.0`.
pub fn normalise_name(name: &str) -> String {
    let name = name.trim();
    // ASCII is normal already, and most names are.
    let name = if name.is_ascii() { name.to_owned() } else { name.nfc().collect() };
    match name.strip_suffix(".0") {
        Some(whole)
            if !whole.is_empty()
                && whole.strip_prefix('-').unwrap_or(whole).bytes().all(|b| b.is_ascii_digit())
                && whole != "-" =>
        {
            whole.to_owned()
        }
        _ => name,
    }
}

impl Slice {
    /// The empty slice: all rows.
    pub fn overall() -> Self {
        Self::default()
    }

    /// The slice of these attribute=group pairs.
    ///
    /// # Errors
    /// When a name is empty or an attribute stands twice.
    pub fn new<A: AsRef<str>, G: AsRef<str>>(
        pairs: impl IntoIterator<Item = (A, G)>,
    ) -> Result<Self, SliceError> {
        let mut slice = BTreeMap::new();
        for (attribute, group) in pairs {
            let (attribute, group) =
                (normalise_name(attribute.as_ref()), normalise_name(group.as_ref()));
            if attribute.is_empty() || group.is_empty() {
                return Err(SliceError::Empty(format!("{attribute}={group}")));
            }
            if slice.insert(attribute.clone(), group).is_some() {
                return Err(SliceError::Twice(attribute));
            }
        }
        Ok(Self(Arc::new(slice)))
    }

    /// Reads the canonical text, or the same unsorted.
    ///
    /// # Errors
    /// When a part is not `attribute=group`, a name is empty or an attribute stands twice.
    pub fn parse(text: &str) -> Result<Self, SliceError> {
        if text.trim().is_empty() {
            return Ok(Self::overall());
        }
        let pairs = split_escaped(text, ';')
            .into_iter()
            .map(|part| match split_escaped(&part, '=').as_slice() {
                [attribute, group] => Ok((unescape(attribute), unescape(group))),
                _ => Err(SliceError::NoEquals(part.clone())),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(pairs)
    }

    /// The pairs, sorted by attribute.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(attribute, group)| (attribute.as_str(), group.as_str()))
    }

    /// The group of an attribute in this slice.
    pub fn group(&self, attribute: &str) -> Option<&str> {
        self.0.get(attribute).map(String::as_str)
    }

    /// How many pairs it has: 0 overall, 1 a group, 2 and more an intersection.
    pub fn arity(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds all rows.
    pub fn is_overall(&self) -> bool {
        self.0.is_empty()
    }

    /// Its attributes, sorted.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What a person reads: `Overall`, `Female`, or `Black × Female` in the order of attributes.
    pub fn label(&self) -> String {
        if self.is_overall() {
            return "Overall".to_owned();
        }
        self.0.values().map(String::as_str).collect::<Vec<_>>().join(" × ")
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (attribute, group)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(";")?;
            }
            write!(f, "{}={}", escape(attribute), escape(group))?;
        }
        Ok(())
    }
}

impl TryFrom<BTreeMap<String, String>> for Slice {
    type Error = SliceError;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, SliceError> {
        Self::new(pairs)
    }
}

impl From<Slice> for BTreeMap<String, String> {
    fn from(slice: Slice) -> Self {
        Arc::unwrap_or_clone(slice.0)
    }
}

/// A name as it stands in a slice's canonical text.
pub fn escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace(';', "\\;").replace('=', "\\=")
}

fn unescape(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        name.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    name
}

/// Splits at every `separator` that no backslash precedes; the parts keep their escapes.
fn split_escaped(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_the_canonical_text() {
        let slice = Slice::new([("a;b", "c=d"), ("e\\", "\\;=")]).unwrap();
        assert_eq!(Slice::parse(&slice.to_string()).unwrap(), slice);
    }

    #[test]
    fn names_are_trimmed_composed_and_integers_lose_their_fraction() {
        let slice = Slice::parse(" age = 30.0 ;name=e\u{301}").unwrap();
        assert_eq!(slice.to_string(), "age=30;name=\u{e9}");
        assert_eq!(normalise_name("3.10.0"), "3.10.0");
    }

    #[test]
    fn a_slice_without_equals_a_name_or_with_an_attribute_twice_is_refused() {
        assert!(matches!(Slice::parse("sex"), Err(SliceError::NoEquals(_))));
        assert!(matches!(Slice::parse("sex="), Err(SliceError::Empty(_))));
        assert!(matches!(Slice::parse("sex=a;sex=b"), Err(SliceError::Twice(_))));
    }
}
