//! What an adapter gathers from another tool's file: estimates with their places, the conventions
//! they follow, and what has no place in a run, with the reason.

use super::estimate::{Draft, Estimates, Field, Location, agree};
use super::header::{self, UNSTATED};
use super::known::Metrics;
use super::name::{self, quoted};
use super::problems::Problems;
use super::spot::Reported;
use super::{Basis, Context, Format, MappedMetric, NotPlaced, Notes};
use metrics::catalogue::{self, CustomMetric, Direction};
use metrics::counts::Counts;
use metrics::multiclass::{self, Confusion};
use metrics::rates::{self, Setting};
use metrics::run::SCHEMA;
use metrics::scores::Scored;
use metrics::{Estimate, Instrument, Place, Problem, RunDocument, Slice};
use std::collections::{BTreeMap, HashMap};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Entries of the receipt's lists; the others are a number.
const LISTED: usize = 200;

/// Confidence level of intervals that are made from counts.
const LEVEL: f64 = 0.95;

pub(super) struct Harvest<'c> {
    context: &'c Context,
    instrument: Instrument,
    /// Name and version of the data, where the file tells both.
    pub dataset: Option<(String, String)>,
    evaluated_at: Option<OffsetDateTime>,
    drafts: Vec<(Draft, Place)>,
    /// Where in `drafts` a metric of a slice stands, and under which name.
    seen: HashMap<(Slice, String), (usize, String)>,
    customs: BTreeMap<String, CustomMetric>,
    mapped: BTreeMap<(String, String, Basis), MappedMetric>,
    /// Estimates of names that are not among those.
    mapped_more: u32,
    /// Two names that say the same, and how often.
    repeated: BTreeMap<(String, String), u32>,
    amended: Vec<String>,
    conventions: Vec<String>,
    not_placed: Vec<NotPlaced>,
    not_placed_more: u32,
}

impl Location for Place {
    fn of(&self, _: &str) -> Place {
        self.clone()
    }
}

/// A metric of a confusion matrix, as it was reported.
pub(super) struct Counted<'m> {
    pub original: &'m str,
    /// The catalogue's key.
    pub key: &'m str,
    /// NaN where something else than a number stands.
    pub value: Option<f64>,
    pub place: Place,
}

/// A metric that is not the catalogue's, as far as the tool says what it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Declared<'m> {
    pub name: &'m str,
    pub direction: Option<Direction>,
    pub range: Option<[f64; 2]>,
}

impl<'c> Harvest<'c> {
    pub fn of(format: Format, context: &'c Context) -> Self {
        let tool = format.name();
        let instrument = context.instrument.clone().unwrap_or_else(|| Instrument {
            name: tool.to_owned(),
            version: UNSTATED.to_owned(),
            definitions: UNSTATED.to_owned(),
            judge: None,
        });
        Self {
            context,
            instrument,
            dataset: None,
            evaluated_at: None,
            drafts: Vec::new(),
            seen: HashMap::new(),
            customs: BTreeMap::new(),
            mapped: BTreeMap::new(),
            mapped_more: 0,
            repeated: BTreeMap::new(),
            amended: Vec::new(),
            conventions: Vec::new(),
            not_placed: Vec::new(),
            not_placed_more: 0,
        }
    }

    /// The tool's version, as the file tells it.
    pub fn version(&mut self, version: Option<&str>) {
        if let (Some(version), None) = (version, &self.context.instrument) {
            self.instrument.version = version.to_owned();
        }
    }

    /// The version of the metric definitions, as the file tells it.
    pub fn definitions(&mut self, definitions: String) {
        if self.context.instrument.is_none() {
            self.instrument.definitions = definitions;
        }
    }

    /// When the evaluation was made, as the file tells it; without a zone it is taken for UTC.
    pub fn evaluated(&mut self, text: &str) {
        let zoned = OffsetDateTime::parse(text, &Rfc3339);
        self.evaluated_at = match zoned {
            Ok(time) => Some(time),
            Err(_) => match local_time(text) {
                Some(time) => {
                    self.amend(format!("the time {text} has no zone and is taken for UTC"));
                    Some(time)
                }
                None => {
                    self.amend(format!("{} was not read as a time", quoted(text)));
                    None
                }
            },
        };
    }

    /// The same in seconds since 1970.
    pub fn evaluated_unix(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a time too far away is refused")]
        let whole = seconds.trunc() as i64;
        self.evaluated_at = OffsetDateTime::from_unix_timestamp(whole).ok();
    }

    /// Says once how the tool counts, compares or signs.
    pub fn convention(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.conventions.contains(&text) {
            self.conventions.push(text);
        }
    }

    /// Says once what was read otherwise than it was written.
    pub fn amend(&mut self, text: String) {
        if !self.amended.contains(&text) {
            self.amended.push(text);
        }
    }

    /// Leaves something out, and says why.
    pub fn leave(&mut self, place: Place, what: &str, why: &str) {
        if self.not_placed.len() < LISTED {
            let what = what.chars().take(name::MAX_NAME).collect();
            self.not_placed.push(NotPlaced { place, what, why: why.to_owned() });
        } else {
            self.not_placed_more += 1;
        }
    }

    /// The key of a metric that the catalogue does not have, declared for this run; `None` after
    /// it was left out because its name makes no key of its own.
    pub fn declare(&mut self, original: &str, like: Declared, place: &Place) -> Option<String> {
        let key = match key_of(original) {
            Ok(key) => key,
            Err(why) => {
                self.leave(place.clone(), original, why);
                return None;
            }
        };
        let named = if like.name.is_empty() { original } else { like.name };
        let named: String =
            named.chars().filter(|c| !c.is_control()).take(name::MAX_NAME).collect();
        let metric = CustomMetric {
            key: key.clone(),
            name: named,
            unit: like.range.map(|_| "1".to_owned()),
            direction: like.direction,
            range: like.range,
        };
        match self.customs.get(&key) {
            Some(other) if *other != metric => {
                let why = format!("the metric {} makes the same key", quoted(&other.name));
                self.leave(place.clone(), original, &why);
                None
            }
            _ => {
                self.customs.insert(key.clone(), metric);
                Some(key)
            }
        }
    }

    /// Keeps an estimate; one that says the same of the same slice again is only counted.
    pub fn add(&mut self, original: &str, draft: Draft, place: Place) {
        let basis = if draft.undefined != Field::Absent {
            Basis::Undefined
        } else if draft.numerator != Field::Absent {
            Basis::Recomputed
        } else if draft.n == Field::Absent {
            Basis::ReportedWithoutN
        } else {
            Basis::Reported
        };
        self.add_on(basis, original, draft, place);
    }

    /// Keeps the metrics that a confusion matrix makes, as far as they were reported; a reported
    /// value has to be the matrix's own.
    pub fn add_counted(
        &mut self,
        slice: &Slice,
        counts: &Counts,
        threshold: Option<f64>,
        wanted: &[Counted],
        problems: &mut Problems,
    ) {
        let made = rates::estimates(slice, counts, &Scored::default(), unweighted(threshold));
        self.add_made(&made, wanted, problems);
    }

    /// The same of several classes, whose rates are those against the rest, `precision[cat]`, and
    /// their means.
    pub fn add_classes(
        &mut self,
        slice: &Slice,
        confusion: &Confusion,
        classes: &[String],
        wanted: &[Counted],
        problems: &mut Problems,
    ) {
        let made = multiclass::estimates(slice, confusion, classes, unweighted(None));
        self.add_made(&made, wanted, problems);
    }

    fn add_made(&mut self, made: &[Estimate], wanted: &[Counted], problems: &mut Problems) {
        let mut reported: HashMap<&str, Vec<&Counted>> = HashMap::new();
        for one in wanted {
            reported.entry(one.key).or_default().push(one);
        }
        for estimate in made {
            let same = reported.get(estimate.metric.as_str()).into_iter().flatten();
            for Counted { original, value, place, .. } in same {
                // What is reported where nothing is to be divided by says nothing.
                if let (Some(value), Some(exact)) = (value, estimate.value)
                    && !agree(*value, exact)
                {
                    problems.add_at(
                        place.clone(),
                        Problem::new(
                            "value_is_not_its_counts",
                            if value.is_nan() {
                                "it is undefined, but not by the counts beside it".to_owned()
                            } else {
                                format!("{value} does not follow from the counts beside it")
                            },
                        )
                        .expected(exact.to_string()),
                    );
                }
                let basis =
                    if estimate.value.is_some() { Basis::Recomputed } else { Basis::Undefined };
                self.add_on(basis, original, draft_of(estimate), place.clone());
            }
        }
    }

    fn add_on(&mut self, basis: Basis, original: &str, mut draft: Draft, place: Place) {
        if let (Field::Is(value), Field::Is(range)) = (&draft.value, &draft.interval)
            && !(range.low..=range.high).contains(value)
        {
            let why = "the value is not in it, so that it is no interval of the value";
            let what = format!("{}..{} of {original}", range.low, range.high);
            self.leave(place.clone(), &what, why);
            draft.interval = Field::Absent;
        }
        if let (Some(slice), Some(metric)) = (&draft.slice, &draft.metric) {
            let at = self.drafts.len();
            if let Some((first, name)) = self.seen.get(&(slice.clone(), metric.clone())) {
                if says_the_same(&self.drafts[*first].0, &draft) {
                    *self.repeated.entry((original.to_owned(), name.clone())).or_default() += 1;
                    return;
                }
            } else {
                self.seen.insert((slice.clone(), metric.clone()), (at, original.to_owned()));
            }
            let mapped = (original.to_owned(), metric.clone(), basis);
            if self.mapped.len() < LISTED || self.mapped.contains_key(&mapped) {
                let (original, metric, basis) = mapped.clone();
                let first = place.clone();
                self.mapped
                    .entry(mapped)
                    .or_insert(MappedMetric { original, metric, basis, estimates: 0, first })
                    .estimates += 1;
            } else {
                self.mapped_more += 1;
            }
        }
        self.drafts.push((draft, place));
    }

    /// The run, once everything was looked at.
    pub fn settle(mut self, problems: &mut Problems) -> Option<(RunDocument, Notes)> {
        let inside = self.dataset.take();
        let dataset = header::dataset_beside("the file", inside, self.context, problems);
        let evaluated_at = self.time(problems);
        let metrics: Vec<CustomMetric> = self.customs.into_values().collect();
        for text in [&self.instrument.version, &self.instrument.definitions] {
            if let Some(problem) = name::problem_with("the tool's version", text, name::MAX_NAME) {
                problems.add(problem.at_pointer(""));
            }
        }
        if self.drafts.is_empty() && !problems.any() {
            let left =
                self.not_placed.first().map(|first| format!("; {} ({})", first.what, first.why));
            problems.add(
                Problem::new(
                    "no_estimates",
                    format!("the file has no value that can be placed{}", left.unwrap_or_default()),
                )
                .at_pointer("")
                .expected("at least one metric with a value"),
            );
        }
        let mut estimates = Estimates::new(Metrics::with(&metrics), &self.instrument.name, None);
        for (draft, place) in self.drafts {
            if !estimates.add(draft, place, problems) {
                break;
            }
        }
        let (estimates, mut notes) = estimates.finish(problems);
        let amended = std::mem::take(&mut notes.amended);
        notes.amended = self.amended;
        if self.mapped_more > 0 {
            notes.amended.push(format!(
                "names that were read as metrics are listed up to {LISTED}; estimates of other \
                 names: {}",
                self.mapped_more
            ));
        }
        notes.amended.extend(amended);
        for ((again, first), n) in self.repeated {
            let what = if again == first {
                format!("{} stands again with the same value", quoted(&again))
            } else {
                format!("{} says the same as {}", quoted(&again), quoted(&first))
            };
            notes.ignored.push(format!("{what}: {n}"));
        }
        notes.conventions = self.conventions;
        notes.mapped = self.mapped.into_values().collect();
        notes.not_placed = self.not_placed;
        notes.not_placed_more = self.not_placed_more;
        let document = RunDocument {
            schema: SCHEMA.to_owned(),
            // One that has no time in UTC was refused above.
            evaluated_at: evaluated_at.checked_to_offset(UtcOffset::UTC)?,
            dataset: dataset?,
            instrument: self.instrument,
            positive_outcome: None,
            metrics,
            estimates,
        };
        Some((document, notes))
    }

    fn time(&mut self, problems: &mut Problems) -> OffsetDateTime {
        let time = match (self.context.evaluated_at, self.evaluated_at) {
            (Some(beside), Some(inside)) if beside != inside => {
                let inside = inside.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default();
                self.amend(format!("the time given beside the file stands for its own, {inside}"));
                beside
            }
            (Some(time), _) | (None, Some(time)) => time,
            (None, None) => {
                self.amend("the time of receipt is taken for the time of evaluation".to_owned());
                self.context.received_at
            }
        };
        if let Some(problem) = header::implausible(time, self.context) {
            problems.add(problem.at_pointer(""));
        }
        time
    }
}

impl Draft {
    /// A metric of a slice with what the tool reports for it.
    pub fn reported(slice: &Slice, metric: &str, value: Reported) -> Self {
        let mut draft =
            Self { slice: Some(slice.clone()), metric: Some(metric.to_owned()), ..Self::default() };
        match value {
            Reported::Is(value) => draft.value = Field::Is(value),
            Reported::None(reason) => draft.undefined = Field::Is(reason),
        }
        draft
    }

    /// The same with the number of rows behind it.
    pub fn of_rows(mut self, n: Option<u64>) -> Self {
        if let Some(n) = n {
            self.n = Field::Is(n);
        }
        self
    }

    /// The same as a rate of counts, where the value is one of whole numbers: `value` × `n` is
    /// none as soon as rows were weighted or left out.
    pub fn counted(mut self, n: u64) -> Self {
        if let Field::Is(value) = self.value
            && let Some(numerator) = whole_part(value, n)
        {
            self.n = Field::Is(n);
            self.numerator = Field::Is(numerator);
            self.denominator = Field::Is(n);
        }
        self
    }
}

fn unweighted(threshold: Option<f64>) -> Setting {
    Setting { weighted: false, scored: false, threshold, level: LEVEL }
}

/// The number of rows that a rate of `n` rows counts, where it is a whole one to the digits that
/// a tool writes.
pub(super) fn whole_part(rate: f64, n: u64) -> Option<u64> {
    let exact = rate * n as f64;
    let nearest = exact.round();
    // Pandas rounds what it writes as JSON to ten decimals.
    let close =
        (exact - nearest).abs() <= 1e-9 * (n as f64).max(1.0) && (0.0..=1.0).contains(&rate);
    // Where one row more or less is within the rounding, nothing is decided.
    let told = 1e-9 * n as f64 <= 0.1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to n, which is exact"
    )]
    (n > 0 && close && told).then_some(nearest as u64)
}

fn draft_of(estimate: &Estimate) -> Draft {
    fn field<T: Clone>(value: Option<&T>) -> Field<T> {
        value.map_or(Field::Absent, |value| Field::Is(value.clone()))
    }
    let Estimate { slice, metric, value, n, numerator, denominator, positives, .. } = estimate;
    let Estimate { n_effective, stderr, threshold, interval, undefined, .. } = estimate;
    Draft {
        slice: Some(slice.clone()),
        metric: Some(metric.clone()),
        value: field(value.as_ref()),
        n: field(n.as_ref()),
        numerator: field(numerator.as_ref()),
        denominator: field(denominator.as_ref()),
        positives: field(positives.as_ref()),
        n_effective: field(n_effective.as_ref()),
        stderr: field(stderr.as_ref()),
        threshold: field(threshold.as_ref()),
        interval: field(interval.as_ref()),
        undefined: field(undefined.as_ref()),
    }
}

/// Whether two estimates of one metric and slice are the same number, as far as both are written
/// out.
fn says_the_same(a: &Draft, b: &Draft) -> bool {
    match (&a.value, &b.value) {
        (Field::Is(a), Field::Is(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3),
        (Field::Absent, Field::Absent) => true,
        _ => false,
    }
}

/// Whether the catalogue has a metric of this name, with a cut-off or without.
pub(super) fn is_of_the_catalogue(key: &str) -> bool {
    catalogue::find(key).is_some() || catalogue::find(&format!("{key}@10")).is_some()
}

/// A metric's name as a key: `[a-z][a-z0-9_]{0,63}`, and none of the catalogue's.
fn key_of(name: &str) -> Result<String, &'static str> {
    let mut key = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    let key = key.trim_end_matches('_');
    if is_of_the_catalogue(key) {
        return Err(
            "a metric of the catalogue has this name, and nothing says that it is the same",
        );
    }
    if key.len() > 64 || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("its name makes no key of at most 64 of a-z, 0-9 and `_`");
    }
    Ok(key.to_owned())
}

/// A time without a zone, as Python's `isoformat()` and `str()` write it, or a date alone.
fn local_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    let with_time = if text.contains('T') { text } else { format!("{text}T00:00:00") };
    let zoned = OffsetDateTime::parse(&format!("{with_time}Z"), &Rfc3339).ok()?;
    Some(PrimitiveDateTime::new(zoned.date(), zoned.time()).assume_utc())
}
