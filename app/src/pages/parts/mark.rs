//! Small marks: badges, verdicts, times and digests.

use leptos::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// What a [`Badge`] says beside its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadgeKind {
    #[default]
    Plain,
    Info,
    Good,
    Bad,
    /// Not settled: unconfirmed, not enough evidence.
    Thin,
}

/// A word that marks what stands beside it.
#[component]
pub fn Badge(#[prop(into)] text: String, #[prop(optional)] kind: BadgeKind) -> impl IntoView {
    let class = match kind {
        BadgeKind::Plain => "badge",
        BadgeKind::Info => "badge info",
        BadgeKind::Good => "badge good",
        BadgeKind::Bad => "badge bad",
        BadgeKind::Thin => "badge thin",
    };
    view! { <span class=class>{text}</span> }.into_any()
}

/// One of the three answers, as shape, word and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    Pass,
    Fail,
    NotEnoughEvidence,
}

/// A verdict; `text` replaces its usual word.
#[component]
pub fn Verdict(kind: VerdictKind, #[prop(into, optional)] text: Option<String>) -> impl IntoView {
    let (class, word) = match kind {
        VerdictKind::Pass => ("v pass", "pass"),
        VerdictKind::Fail => ("v fail", "fail"),
        VerdictKind::NotEnoughEvidence => ("v thin", "not enough evidence"),
    };
    view! { <span class=class>{text.unwrap_or_else(|| word.to_owned())}</span> }.into_any()
}

/// A point in time as a page gets it: a time, or its RFC 3339 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment(Result<OffsetDateTime, String>);

impl From<OffsetDateTime> for Moment {
    fn from(at: OffsetDateTime) -> Self {
        Self(Ok(at))
    }
}

impl From<&str> for Moment {
    fn from(text: &str) -> Self {
        Self(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| text.to_owned()))
    }
}

impl From<String> for Moment {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Moment {
    /// `2026-11-01`; text that is no time comes back as it is.
    pub fn date(&self) -> String {
        self.format(format_description!("[year]-[month]-[day]"))
    }

    /// `2026-11-01 09:30`, in UTC.
    pub fn minute(&self) -> String {
        self.format(format_description!("[year]-[month]-[day] [hour]:[minute]"))
    }

    fn second(&self) -> String {
        self.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC"))
    }

    fn format(&self, description: &[time::format_description::BorrowedFormatItem<'_>]) -> String {
        match &self.0 {
            Ok(at) => at
                .to_offset(time::UtcOffset::UTC)
                .format(description)
                .expect("the descriptions above name only parts that every time has"),
            Err(text) => text.clone(),
        }
    }

    fn rfc3339(&self) -> String {
        match &self.0 {
            Ok(at) => at.format(&Rfc3339).unwrap_or_else(|_| at.to_string()),
            Err(text) => text.clone(),
        }
    }
}

/// A day, with the second in its title; `clock` shows the minute too. Always UTC.
#[component]
pub fn Time(#[prop(into)] at: Moment, #[prop(optional)] clock: bool) -> impl IntoView {
    let shown = if clock { at.minute() } else { at.date() };
    view! {
        <time datetime=at.rfc3339() title=at.second()>
            {shown}
        </time>
    }
    .into_any()
}

/// The first twelve hex digits of a digest, with all of it in the title.
#[component]
pub fn Digest(#[prop(into)] digest: String) -> impl IntoView {
    let hex = digest.strip_prefix("sha256:").unwrap_or(&digest);
    let short: String = hex.chars().take(12).collect();
    let shown = if short.len() < hex.len() { format!("{short}…") } else { short };
    view! {
        <code class="digest" title=digest.clone()>
            {shown}
        </code>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_shows_its_utc_day_and_what_is_no_time_shows_as_it_is() {
        assert_eq!(Moment::from("2026-11-01T23:30:00-02:00").date(), "2026-11-02");
        assert_eq!(Moment::from("2026-11-01T23:30:00Z").minute(), "2026-11-01 23:30");
        assert_eq!(Moment::from("soon").date(), "soon");
    }
}
