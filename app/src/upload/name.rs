//! Names that people typed: what they may be, and which known one was meant.

use metrics::Problem;

/// Longest attribute, group, metric, tool or version name, in characters.
pub(super) const MAX_NAME: usize = 200;

/// Longest reason why a metric is undefined.
pub(super) const MAX_REASON: usize = 1_000;

/// What is wrong with a text that people will read, if anything.
pub(super) fn problem_with(what: &str, text: &str, longest: usize) -> Option<Problem> {
    if text.trim().is_empty() {
        return Some(Problem::new("empty_text", format!("{what} is empty")).expected("text"));
    }
    if let Some(c) = text.chars().find(|&c| c.is_control() || turns_text(c)) {
        let code = u32::from(c);
        return Some(
            Problem::new(
                "control_character",
                format!("{what} has the control character U+{code:04X}"),
            )
            .expected("visible characters and spaces"),
        );
    }
    let length = text.chars().count();
    (length > longest).then(|| {
        Problem::new("too_long", format!("{what} has {length} characters"))
            .expected(format!("at most {longest}"))
    })
}

/// Characters that change the order in which text is shown, so that it reads as another.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a text is a slug, `[a-z0-9][a-z0-9._-]{0,62}`.
pub(super) fn is_slug(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether a text is a digest, `sha256:` and 64 lower-case hex digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The candidate that a mistyped word most likely meant.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > MAX_NAME {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// Names as a sentence has them, the first twenty of many.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 20;
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names.by_ref().take(SHOWN).map(quoted).collect();
    let more = names.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// A text shortened to be quoted in a message.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
