//! Objectives and key results: what a quarter should change, graded from evidence.

use super::text_enum::text_enum;
use metrics::disparity::{Comparison, Kind as DisparityKind, Reference, compare};
use metrics::{Estimate, Slice, catalogue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use time::{Date, Month, OffsetDateTime};

text_enum! {
    /// What is promised.
    Promise {
        Committed = "committed" ("committed"),
        Aspirational = "aspirational" ("aspirational"),
    }
}

text_enum! {
    /// Where a key result's value comes from.
    Source {
        Live = "live" ("live"),
        Manual = "manual" ("checked in"),
    }
}

text_enum! {
    /// How sure whoever checks in is that the target will be met.
    Confidence {
        Low = "low" ("low"),
        Medium = "medium" ("medium"),
        High = "high" ("high"),
    }
}

/// A quarter of a year, written as `2026-Q4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    year: i32,
    quarter: u8,
}

impl Period {
    /// The quarter that a moment lies in.
    pub fn of(at: OffsetDateTime) -> Self {
        let month = u8::from(at.month());
        Self { year: at.year(), quarter: (month - 1) / 3 + 1 }
    }

    /// When it begins, in UTC.
    pub fn start(self) -> OffsetDateTime {
        let month = Month::try_from((self.quarter - 1) * 3 + 1).unwrap_or(Month::January);
        Date::from_calendar_date(self.year, month, 1).unwrap_or(Date::MIN).midnight().assume_utc()
    }

    /// The quarter after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.quarter {
            4 => Self { year: self.year + 1, quarter: 1 },
            quarter => Self { quarter: quarter + 1, ..self },
        }
    }

    /// The quarter before it.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.quarter {
            1 => Self { year: self.year - 1, quarter: 4 },
            quarter => Self { quarter: quarter - 1, ..self },
        }
    }

    /// The share of it that has passed, from 0 to 1.
    pub fn elapsed(self, at: OffsetDateTime) -> f64 {
        let (start, end) = (self.start(), self.next().start());
        ((at - start) / (end - start)).clamp(0.0, 1.0)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.quarter)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no quarter; write 2026-Q4");
        let (year, quarter) = text.trim().split_once("-Q").ok_or_else(wrong)?;
        let year: i32 = year.parse().map_err(|_| wrong())?;
        let quarter: u8 = quarter.parse().map_err(|_| wrong())?;
        if (2000..=9000).contains(&year) && (1..=4).contains(&quarter) {
            Ok(Self { year, quarter })
        } else {
            Err(wrong())
        }
    }
}

/// What a live key result reads, on a dataset: of the version that was launched last since its
/// baseline was frozen, or, before any was, of the newest run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// The dataset's name; any version of it, the newest run.
    pub dataset: String,
    pub metric: String,
    /// Canonical text; empty is overall. With a disparity: the group that is compared.
    pub slice: String,
    /// The gap of the slice to its reference, in place of the estimate.
    pub disparity: Option<Disparity>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disparity {
    pub kind: DisparityKind,
    pub reference: Reference,
}

/// A bound on another measure that the grade must not be bought with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    pub measure: Measure,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// A value, with its interval where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
}

impl Reading {
    fn half_width(&self) -> f64 {
        self.interval.map_or(0.0, |(low, high)| (high - low) / 2.0)
    }
}

/// Confidence level of the intervals.
pub const LEVEL: f64 = 0.95;

impl Measure {
    /// Reads it from a run's estimates, with the n that it rests on.
    ///
    /// # Errors
    /// In words, when the run does not have it, or has it without an interval.
    pub fn read(
        &self,
        estimates: &[Estimate],
        outcome: catalogue::Outcome,
    ) -> Result<(Reading, u64), String> {
        let slice = Slice::parse(&self.slice).map_err(|error| error.to_string())?;
        let label = slice.label();
        let estimate = estimates
            .iter()
            .find(|e| e.metric == self.metric && e.slice == slice)
            .ok_or_else(|| format!("the newest run has no {} for {label}", self.metric))?;
        let n = estimate.n.ok_or_else(|| format!("{label} was reported without n"))?;
        let Some(disparity) = &self.disparity else {
            let bounds = estimate.bounds(LEVEL)?;
            let interval = Some((bounds.low, bounds.high));
            return Ok((Reading { value: bounds.value, interval }, n));
        };
        let attributes: Vec<&str> = slice.attributes().collect();
        let comparison = Comparison {
            metric: &self.metric,
            attributes: &attributes,
            kind: disparity.kind,
            reference: disparity.reference.clone(),
            outcome,
            level: LEVEL,
            least_n: metrics::disparity::LEAST_N,
        };
        let found = compare(estimates, &comparison)
            .into_iter()
            .find(|it| it.slice == slice)
            .ok_or_else(|| format!("{label} cannot be compared"))?;
        let is_reference = found.reference_slice.as_ref() == Some(&slice);
        match (found.value, found.interval) {
            (Some(value), Some(interval)) => {
                Ok((Reading { value, interval: Some((interval.low, interval.high)) }, n))
            }
            // It is the best group itself: nothing is left to close.
            (Some(value), None) if is_reference => Ok((Reading { value, interval: None }, n)),
            _ => Err(found.reason.unwrap_or_else(|| "it cannot be compared".to_owned())),
        }
    }
}

/// How a key result stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Standing {
    OffTrack,
    AtRisk,
    OnTrack,
    CannotBeGraded,
}

impl Standing {
    pub const fn label(self) -> &'static str {
        match self {
            Self::OffTrack => "off track",
            Self::AtRisk => "at risk",
            Self::OnTrack => "on track",
            Self::CannotBeGraded => "cannot be graded",
        }
    }
}

/// A grade with what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// 0 to 1; `None`: it cannot be graded.
    pub value: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub standing: Standing,
    /// Why it cannot be graded, or what held it back.
    pub why: Option<String>,
}

impl Grade {
    fn none(why: impl Into<String>) -> Self {
        Self {
            value: None,
            interval: None,
            standing: Standing::CannotBeGraded,
            why: Some(why.into()),
        }
    }
}

/// A failing or unknown counter-metric leaves a grade no higher than this.
pub const HELD_AT: f64 = 0.3;

/// What a counter-metric says: whether it holds, or why nobody can tell.
pub type Held = Result<bool, String>;

/// Everything that a grade depends on.
#[derive(Clone, Debug)]
pub struct ToGrade<'a> {
    pub promise: Promise,
    pub baseline: Option<Reading>,
    pub target: Option<f64>,
    /// The value now, or why there is none.
    pub now: Result<Reading, &'a str>,
    pub counter: Option<Held>,
    /// The share of the quarter that has passed.
    pub elapsed: f64,
}

/// Grades a key result: how far it has come from its baseline to its target.
pub fn grade(it: &ToGrade<'_>) -> Grade {
    let Some(baseline) = it.baseline else { return Grade::none("it has no baseline") };
    let Some(target) = it.target else { return Grade::none("it has no target") };
    let now = match it.now {
        Ok(now) => now,
        Err(why) => return Grade::none(why),
    };
    let way = target - baseline.value;
    let noise = baseline.half_width() + now.half_width();
    if way.abs() < f64::EPSILON || way.abs() < noise {
        return Grade::none(
            "the way from baseline to target is shorter than the two intervals are wide",
        );
    }
    let share = |value: f64| ((value - baseline.value) / way).clamp(0.0, 1.0);
    let mut value = share(now.value);
    let mut interval = now.interval.map(|(low, high)| {
        let (a, b) = (share(low), share(high));
        (a.min(b), a.max(b))
    });
    let mut why = None;
    match &it.counter {
        None | Some(Ok(true)) => {}
        Some(Ok(false)) => why = Some("held back: its counter-metric fails".to_owned()),
        Some(Err(unknown)) => {
            why = Some(format!("held back: its counter-metric is unknown, {unknown}"));
        }
    }
    if why.is_some() {
        value = value.min(HELD_AT);
        interval = interval.map(|(low, high)| (low.min(HELD_AT), high.min(HELD_AT)));
    }
    let standing = standing(it.promise, value, it.elapsed);
    Grade { value: Some(value), interval, standing, why }
}

/// Compares a grade with the share of the quarter that has passed.
fn standing(promise: Promise, grade: f64, elapsed: f64) -> Standing {
    if elapsed >= 1.0 && promise == Promise::Committed {
        return if grade >= 1.0 { Standing::OnTrack } else { Standing::OffTrack };
    }
    // At the very beginning nobody is late.
    let pace = if elapsed <= 0.0 { 1.0 } else { grade / elapsed };
    if pace >= 0.7 {
        Standing::OnTrack
    } else if pace >= 0.4 {
        Standing::AtRisk
    } else {
        Standing::OffTrack
    }
}

/// The grade of an objective: the mean of its key results that can be graded, and how many cannot.
pub fn roll_up(promise: Promise, grades: &[Grade], elapsed: f64) -> (Grade, usize) {
    let known: Vec<f64> = grades.iter().filter_map(|grade| grade.value).collect();
    let left_out = grades.len() - known.len();
    if known.is_empty() {
        return (Grade::none("none of its key results can be graded"), left_out);
    }
    let value = known.iter().sum::<f64>() / known.len() as f64;
    let grade = Grade {
        value: Some(value),
        interval: None,
        standing: standing(promise, value, elapsed),
        why: (left_out > 0).then(|| format!("{left_out} cannot be graded and are left out")),
    };
    (grade, left_out)
}

#[cfg(test)]
mod tests;
