//! The attribute registry: which attributes and groups the organisation knows.

pub mod registry;
mod regrouping;

pub use registry::{KnownAttribute, KnownGroup, Registry, Unconfirmed};
pub use regrouping::Regrouping;

use super::text_enum::text_enum;

text_enum! {
    /// Whether a lead has accepted an attribute or group. What is only proposed shows as
    /// *unconfirmed* and satisfies no policy rule.
    Standing {
        Proposed = "proposed" ("unconfirmed"),
        Confirmed = "confirmed" ("confirmed"),
    }
}

text_enum! {
    /// How careful one has to be with an attribute.
    Sensitivity {
        Ordinary = "ordinary" ("ordinary"),
        Sensitive = "sensitive" ("sensitive"),
    }
}

/// The known name nearest to an unknown one, when one is near enough to be meant: equal but for
/// case, spaces and punctuation, a clear prefix, or at least 0.75 alike (Jaro-Winkler).
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |name: &str| -> String {
        name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let target = fold(unknown);
    if target.is_empty() {
        return None;
    }
    let alike = |name: &str| {
        let name = fold(name);
        if name == target {
            2.0
        } else if !name.is_empty() && (name.starts_with(&target) || target.starts_with(&name)) {
            1.0
        } else {
            strsim::jaro_winkler(&name, &target)
        }
    };
    known
        .into_iter()
        .map(|name| (alike(name), name))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant_or_none() {
        let sexes = ["Female", "Male"];
        assert_eq!(nearest("female ", sexes), Some("Female"));
        assert_eq!(nearest("F", sexes), Some("Female"));
        assert_eq!(nearest("Femal", sexes), Some("Female"));
        assert_eq!(nearest("Non-binary", sexes), None);
        assert_eq!(nearest("", sexes), None);
    }
}
