//! Links with a query: how filters, sorting and pages keep all their choices in the URL.

use std::fmt;

/// A path with query parameters; a parameter may stand more than once.
///
/// ```
/// use app::pages::parts::Link;
/// let list = Link::new("/models").with("q", "a&b").with("page", 2);
/// assert_eq!(list.set("page", 3).to_string(), "/models?q=a%26b&page=3");
/// assert_eq!(list.without("q").to_string(), "/models?page=2");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    path: String,
    query: Vec<(String, String)>,
}

impl Link {
    /// A link to a path, taken as it is.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), query: Vec::new() }
    }

    /// The same link with one more parameter.
    #[must_use]
    pub fn with(&self, key: &str, value: impl ToString) -> Self {
        let mut link = self.clone();
        link.query.push((key.to_owned(), value.to_string()));
        link
    }

    /// The same link with one more parameter, unless its value is empty.
    #[must_use]
    pub fn with_some(&self, key: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        if value.is_empty() { self.clone() } else { self.with(key, value) }
    }

    /// The same link with this parameter once, in place of any it had.
    #[must_use]
    pub fn set(&self, key: &str, value: impl ToString) -> Self {
        self.without(key).with(key, value)
    }

    /// The same link without this parameter.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let mut link = self.clone();
        link.query.retain(|(name, _)| name != key);
        link
    }

    /// Its parameters, for the hidden fields of a form that must keep them.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// Its path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        for (i, (key, value)) in self.query.iter().enumerate() {
            f.write_str(if i == 0 { "?" } else { "&" })?;
            write!(f, "{}={}", encode(key), encode(value))?;
        }
        Ok(())
    }
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        link.to_string()
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters, for a path segment or a query.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_survives_a_query() {
        let link = Link::new("/x").with("slice", "sex=Female;race=Ä");
        assert_eq!(link.to_string(), "/x?slice=sex%3DFemale%3Brace%3D%C3%84");
    }
}
