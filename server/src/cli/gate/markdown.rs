//! A verdict as Markdown (CommonMark with GitHub's tables), to stand under a pull request.

use super::{Part, Readiness, Rule};
use crate::cli::output::clean;
use app::domain::verdict::Verdict;
use app::number::{capitalised, count};

/// Heading, sentence, a table of the rules and where to read more.
pub fn summary(model: &str, version: &str, page: &str, readiness: &Readiness) -> String {
    let (model, version) = (escaped(model), escaped(version));
    let verdict = readiness.verdict;
    let mut lines = vec![
        format!("## {} {model} {version}: {verdict}", mark(verdict)),
        String::new(),
        escaped(&readiness.sentence),
    ];
    if !readiness.rules.is_empty() {
        lines.push(String::new());
        lines.push("| Rule | Verdict | Worst estimate | Bound | What is needed |".to_owned());
        lines.push("| --- | --- | --- | --- | --- |".to_owned());
        lines.extend(readiness.rules.iter().map(row));
    }
    let policy = readiness.policy.as_ref().map_or_else(
        || "no policy".to_owned(),
        |policy| format!("policy {} version {}", escaped(&policy.policy), policy.version),
    );
    let until =
        readiness.valid_until.as_deref().map(|until| format!(", holds until {}", escaped(until)));
    lines.push(String::new());
    lines
        .push(format!("By {policy}{}. [All slices and runs](<{page}>)", until.unwrap_or_default()));
    lines.push(String::new());
    lines.join("\n")
}

fn row(rule: &Rule) -> String {
    let worst = rule.parts.first();
    let estimate = worst.and_then(estimate);
    let needed = worst.and_then(|part| part.would_decide.clone());
    // Without a number the reason says what is missing.
    let needed = match (rule.verdict, needed) {
        (Verdict::Pass, _) => None,
        (_, Some(needed)) => Some(needed),
        (_, None) if estimate.is_none() => Some(rule.reason.clone()),
        (_, None) => None,
    };
    let cell = |text: Option<String>| text.map_or_else(|| "–".to_owned(), |text| escaped(&text));
    format!(
        "| {} | {} {} | {} | {} | {} |",
        escaped(&rule.name),
        mark(rule.verdict),
        escaped(&rule.said()),
        cell(estimate),
        escaped(&rule.bound.words),
        cell(needed.map(|text| capitalised(&text))),
    )
}

/// Slice, value with interval, and n.
fn estimate(part: &Part) -> Option<String> {
    let measured = part.measured.as_ref()?;
    let n = part.n.map_or_else(|| "n not known".to_owned(), |n| format!("n = {}", count(n)));
    Some(format!("{}: {measured}, {n}", part.slice.label()))
}

fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Fail => '✗',
        Verdict::NotEnoughEvidence => '?',
    }
}

/// Text that stands for itself in a cell of a table: it makes no markup, no link and no cell, and
/// tells nobody that they were mentioned.
fn escaped(text: &str) -> String {
    let text = clean(text);
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Mentions are looked for in what is shown, so a backslash would not do.
            '@' => safe.push_str("@\u{2060}"),
            // `www.example.org` becomes a link of itself; a decimal point should stay readable.
            '.' if chars.peek().is_some_and(|next| next.is_alphabetic()) => safe.push_str("\\."),
            '.' | ',' | ';' | '\'' | '"' | '(' | ')' | '-' | '+' | '=' | '%' | '/' | '?' => {
                safe.push(c);
            }
            c if c.is_ascii_punctuation() => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_no_markup_no_link_no_cell_and_mentions_nobody() {
        for (name, safe) in [
            ("a|b", "a\\|b"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("[x](https://e.org)", "\\[x\\](https\\://e\\.org)"),
            ("`rm` **now**", "\\`rm\\` \\*\\*now\\*\\*"),
            ("www.example.org", "www\\.example\\.org"),
            ("@everyone", "@\u{2060}everyone"),
            ("line\nbreak\\", "line\\\\nbreak\\\\"),
            ("−0.05 [−0.13, 0.02]", "−0.05 \\[−0.13, 0.02\\]"),
            ("&lt;", "\\&lt;"),
        ] {
            assert_eq!(escaped(name), safe, "{name}");
        }
    }
}
