//! Checked strings. Each says in its error what it expects.

use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// A text that is not what its kind of name must be; the message is for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAName(pub &'static str);

macro_rules! checked_text {
    ($($(#[$doc:meta])* $name:ident = $check:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Result<Self, NotAName> {
                $check(text).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

checked_text! {
    /// What addresses a team, model, policy or dataset; it never changes.
    Slug = slug,
    /// A model version's or dataset version's label; it never changes.
    Label = label,
    /// An e-mail address, in lower case.
    Email = email,
    /// A name or other single line of 1 to 200 characters.
    Line = line,
    /// Free text of up to 10,000 characters, which may be empty.
    Prose = prose,
}

/// A [`Slug`], as a regular expression for those who write one down in a schema.
pub const SLUG_PATTERN: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";

fn slug(text: &str) -> Result<String, NotAName> {
    let ok = |first: bool, b: u8| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || (!first && matches!(b, b'.' | b'_' | b'-'))
    };
    let text = text.trim();
    let fits =
        (1..=63).contains(&text.len()) && text.bytes().enumerate().all(|(i, b)| ok(i == 0, b));
    fits.then(|| text.to_owned()).ok_or(NotAName(
        "use 1 to 63 lower-case letters, digits, dots, hyphens or underscores, \
         beginning with a letter or digit",
    ))
}

fn label(text: &str) -> Result<String, NotAName> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'%' | b'\\'))
        && !text.bytes().all(|b| b == b'.');
    fits.then(|| text.to_owned()).ok_or(NotAName(
        "use 1 to 100 printable ASCII characters without spaces or any of / ? # % \\",
    ))
}

fn email(text: &str) -> Result<String, NotAName> {
    let text = text.trim().to_lowercase();
    let fits = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && matches!(text.split_once('@'), Some((user, host))
            if !user.is_empty() && !host.contains('@') && host.split('.').all(|part| !part.is_empty()));
    fits.then_some(text).ok_or(NotAName("use an e-mail address such as ann@example.org"))
}

fn line(text: &str) -> Result<String, NotAName> {
    let text: String = text.trim().nfc().collect();
    let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then_some(text).ok_or(NotAName("use 1 to 200 characters on one line"))
}

fn prose(text: &str) -> Result<String, NotAName> {
    let text: String = text.trim().replace("\r\n", "\n").nfc().collect();
    let fits = text.chars().count() <= 10_000
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    fits.then_some(text).ok_or(NotAName("use at most 10,000 characters"))
}

/// Checks a password that somebody chose for an account: length alone, no composition rules, and
/// not one of those that everybody tries first.
pub fn check_password(password: &str, email: &Email) -> Result<(), NotAName> {
    let length = password.chars().count();
    if length < 12 {
        return Err(NotAName("use at least 12 characters; four or five words do well"));
    }
    if length > 512 {
        return Err(NotAName("use at most 512 characters"));
    }
    let lower = password.to_lowercase();
    let user = email.as_str().split('@').next().unwrap_or_default();
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let run = "abcdefghijklmnopqrstuvwxyz01234567890";
    let common = ["password", "passwort", "qwerty", "letmein", "welcome", "iloveyou", "evenhand"];
    let stripped: String = lower.chars().filter(char::is_ascii_alphabetic).collect();
    if distinct.len() < 5
        || run.contains(&lower)
        || (user.len() > 3 && lower.contains(user))
        || common.iter().any(|word| stripped == *word || stripped == word.repeat(2))
    {
        return Err(NotAName("this one is too easy to guess; four or five words do well"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_lower_case_and_starts_with_a_letter_or_digit() {
        for good in ["a", "credit-scorer", "acs_2015.v2", "0"] {
            assert!(Slug::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a b", "é", &"a".repeat(64), "../x"] {
            assert!(Slug::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_email_is_compared_in_lower_case_and_needs_a_user_and_a_host() {
        assert_eq!(Email::new(" Ann@Example.ORG ").unwrap().as_str(), "ann@example.org");
        for bad in ["ann", "@x.org", "ann@", "a b@x.org", "a@b@c", "a@x..y"] {
            assert!(Email::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_label_can_stand_in_a_path() {
        assert!(Label::new("v1.2-rc+3").is_ok());
        for bad in ["", "a/b", "..", "a b", "a?b", "a%2f"] {
            assert!(Label::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_needs_length_and_not_what_everybody_tries() {
        let ann = Email::new("annabel@example.org").unwrap();
        assert!(check_password("correct horse battery", &ann).is_ok());
        for bad in ["short", "aaaaaaaaaaaaaaaa", "password1234", "annabel-2026-x", "abcdefghijkl"] {
            assert!(check_password(bad, &ann).is_err(), "{bad}");
        }
    }
}
