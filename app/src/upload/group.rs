//! The metrics that a tool reports of one group, with its number of rows among them or not: counts
//! are taken where they follow from the rates, and a rate without them has no n.
//!
//! A rate that its counts contradict may be of weighted rows or another average, under a name that
//! says nothing of it. So a tool's adapter decides which it refuses, and what stays is named.

use super::estimate::{Draft, agree};
use super::harvest::{Counted, Harvest, unweighted};
use super::measure;
use super::name::listed;
use super::problems::Problems;
use super::solve::{self, Unsolved};
use super::spot::Reported;
use metrics::catalogue;
use metrics::counts::Counts;
use metrics::rates;
use metrics::scores::Scored;
use metrics::{Estimate, Place, Problem, Slice};
use std::collections::BTreeMap;

/// Rows of a group below which shares of weighted rows are often those of whole numbers, by chance
/// or because all of the rows weigh the same.
const TELLING: u64 = 20;

/// A metric of the group, as the tool calls it.
pub(super) struct Told<'m> {
    pub original: &'m str,
    /// The catalogue's key, where it has the metric.
    pub key: Option<&'static str>,
    pub cell: Reported,
    pub place: Place,
}

impl Told<'_> {
    fn value(&self) -> Option<f64> {
        match self.cell {
            Reported::Is(value) => Some(value),
            Reported::None(_) => None,
        }
    }
}

/// What the group's number of rows and its other rates say of one of its metrics.
enum Fit {
    /// Nothing, or what they would say of weighted rows too.
    Untold,
    /// It is a share of whole numbers of rows, not of none of them nor of all.
    Follows,
    /// It is no share of them; this one would be, where that is known.
    Contradicts(Option<f64>),
}

pub(super) struct Group<'m> {
    told: Vec<Told<'m>>,
    fits: Vec<Fit>,
    rows: Option<u64>,
    /// The rows, where rates say how many of them they count.
    certain: Option<u64>,
    counts: Option<Counts>,
}

impl<'m> Group<'m> {
    /// A group's metrics, with counts if it has fewer than `below` rows and they are found.
    pub fn of(told: Vec<Told<'m>>, below: u64) -> Self {
        let mut known: BTreeMap<&str, f64> = BTreeMap::new();
        for told in &told {
            if let (Some(key), Some(value)) = (told.key, told.value()) {
                known.entry(key).or_insert(value);
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number"
        )]
        let rows = known
            .get("count")
            .filter(|count| count.fract() == 0.0 && (0.0..1e15).contains(*count))
            .map(|count| *count as u64);
        let certain = rows.filter(|rows| *rows < below);
        let (mut counts, mut wrong) = (None, None);
        if let Some(rows) = certain {
            let solved = solve::counts(rows, |key| known.get(key).copied());
            counts = solved.ok().or_else(|| solve::but_for_one(rows, &known));
            if solved == Err(Unsolved::Never) && counts.is_none() {
                wrong = last_of(rows, &known);
            }
        }
        let of_counts = counts.as_ref().map(Exact::of);
        let fit = |told: &Told| {
            let (Some(rows), Some(key), Some(value)) = (certain, told.key, told.value()) else {
                return Fit::Untold;
            };
            let exact = match &of_counts {
                Some(exact) => exact.get(key),
                None if wrong == Some(key) => return Fit::Contradicts(None),
                None if is_of_all_rows(key) && solve::decides(rows) => {
                    Some((value * rows as f64).round() / rows as f64)
                }
                None => None,
            };
            match exact {
                // A rate of all rows alone says that it is wrong, and not what is right.
                Some(exact) if !agree(value, exact) => {
                    Fit::Contradicts(of_counts.is_some().then_some(exact))
                }
                Some(exact) if value > 0.0 && value < 1.0 && (value - exact).abs() <= 1e-9 => {
                    Fit::Follows
                }
                _ => Fit::Untold,
            }
        };
        let fits = told.iter().map(fit).collect();
        Self { told, fits, rows, certain, counts }
    }

    /// The metrics that the counts decide, where these are so many that weighted rows would hardly
    /// give them too, and whether each is what they make it.
    pub fn judged(&self) -> impl Iterator<Item = (&'m str, bool)> {
        let is_telling = self.is_telling() && self.is_solved();
        self.told.iter().zip(&self.fits).filter_map(move |(told, fit)| match fit {
            Fit::Follows if is_telling => Some((told.original, true)),
            Fit::Contradicts(_) => Some((told.original, false)),
            Fit::Follows | Fit::Untold => None,
        })
    }

    fn is_telling(&self) -> bool {
        self.certain.is_some_and(|rows| rows >= TELLING)
    }

    /// Whether there are counts that give back its rates, but for those that they contradict.
    pub fn is_solved(&self) -> bool {
        self.counts.is_some()
    }

    /// Places the metrics. One that its counts contradict is refused if the tool's metric of this
    /// name is one of whole rows, and another of the group shows that its rows are not weighted.
    pub fn place(
        self,
        is_of_whole_rows: impl Fn(&str) -> bool,
        slice: &Slice,
        apart: &mut Apart<'m>,
        harvest: &mut Harvest,
        problems: &mut Problems,
    ) {
        let is_unweighted =
            self.is_telling() && self.fits.iter().any(|fit| matches!(fit, Fit::Follows));
        let mut counted = Vec::new();
        for (told, fit) in self.told.iter().zip(&self.fits) {
            let Told { original, key, cell, place } = told;
            match fit {
                Fit::Contradicts(exact) if is_unweighted && is_of_whole_rows(original) => {
                    problems.add_at(place.clone(), contradiction(told, *exact));
                    continue;
                }
                Fit::Contradicts(_) => {}
                Fit::Untold | Fit::Follows => {
                    if let (Some(key), Some(_)) = (key, &self.counts)
                        && is_of_confusion(key)
                    {
                        // What the counts define was not undefined.
                        let value = Some(told.value().unwrap_or(f64::NAN));
                        counted.push(Counted { original, key, value, place: place.clone() });
                        continue;
                    }
                }
            }
            let key = key.map(str::to_owned);
            let Some(key) = key.or_else(|| measure::key_or_declare(original, harvest, place))
            else {
                continue;
            };
            let draft = Draft::reported(slice, &key, cell.clone());
            let draft = match (key.as_str(), self.certain) {
                ("count", _) => draft.of_rows(self.rows),
                (key, Some(rows)) if is_of_all_rows(key) => draft.counted(rows),
                _ => draft,
            };
            if self.rows.is_some()
                && draft.n.is_absent()
                && told.value().is_some()
                && is_of_confusion(&key)
            {
                apart.add(told.original, matches!(fit, Fit::Contradicts(_)));
            }
            harvest.add(original, draft, place.clone());
        }
        apart.end_of(slice);
        if let Some(counts) = &self.counts {
            harvest.add_counted(slice, counts, None, &counted, problems);
        }
    }
}

/// The metrics of a confusion matrix by key.
struct Exact(Vec<Estimate>);

impl Exact {
    fn of(counts: &Counts) -> Self {
        Self(rates::estimates(&Slice::overall(), counts, &Scored::default(), unweighted(None)))
    }

    fn get(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|estimate| estimate.metric == key)?.value
    }
}

/// Metrics that stay without n though their number of rows stands beside them, and the places of
/// their groups.
#[derive(Default)]
pub(super) struct Apart<'m> {
    unlike: BTreeMap<&'m str, Vec<usize>>,
    undecided: BTreeMap<&'m str, Vec<usize>>,
    groups: Vec<String>,
}

impl<'m> Apart<'m> {
    fn add(&mut self, metric: &'m str, is_unlike: bool) {
        let metrics = if is_unlike { &mut self.unlike } else { &mut self.undecided };
        metrics.entry(metric).or_default().push(self.groups.len());
    }

    fn end_of(&mut self, slice: &Slice) {
        let name = if slice.is_overall() { "overall".to_owned() } else { slice.to_string() };
        self.groups.push(name);
    }

    pub fn tell(self, harvest: &mut Harvest) {
        for (metrics, why) in [
            (
                self.unlike,
                "the counts beside them give other values, as they do where rows are weighted or \
                 rates are averaged",
            ),
            (
                self.undecided,
                "no whole numbers of rows give the group's rates, or several do, as where rates \
                 are few or rounded",
            ),
        ] {
            let mut by_groups: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
            for (metric, groups) in metrics {
                by_groups.entry(groups).or_default().push(metric);
            }
            for (groups, metrics) in by_groups {
                let groups = groups.iter().map(|group| self.groups[*group].as_str());
                harvest.amend(format!(
                    "reported as they stand, without n: {} of {}; {why}",
                    listed(metrics),
                    listed(groups)
                ));
            }
        }
    }
}

/// What is wrong with a rate that the counts beside it contradict.
fn contradiction(told: &Told, exact: Option<f64>) -> Problem {
    let value = told.value().unwrap_or(f64::NAN);
    let what = format!("{value} does not follow from the counts beside it");
    let expected = match exact {
        Some(exact) => exact.to_string(),
        None => "a rate that whole numbers of the group's rows give with the others".to_owned(),
    };
    Problem::new("value_is_not_its_counts", what)
        .expected(format!("{expected}, or another name if rows are weighted or rates averaged"))
}

/// The one rate beside those of all rows, where those are of whole numbers: then it is the one that
/// none give.
fn last_of<'k>(rows: u64, known: &BTreeMap<&'k str, f64>) -> Option<&'k str> {
    let mut of_all = known.iter().filter(|(key, _)| is_of_all_rows(key));
    if !of_all.all(|(_, rate)| solve::whole_part(*rate, rows).is_some()) {
        return None;
    }
    let is_other = |key: &&&str| **key != "count" && is_of_confusion(key) && !is_of_all_rows(key);
    let mut others = known.keys().filter(is_other);
    let only = others.next()?;
    others.next().is_none().then_some(*only)
}

/// Whether a rate is one of all rows of a group.
fn is_of_all_rows(key: &str) -> bool {
    matches!(key, "selection_rate" | "accuracy" | "base_rate")
}

/// Whether a confusion matrix decides a metric.
pub(super) fn is_of_confusion(key: &str) -> bool {
    matches!(key, "count" | "f1" | "balanced_accuracy")
        || catalogue::find(key).is_some_and(|metric| {
            metric.kind == catalogue::Kind::Rate
                && metric.family == catalogue::Family::Classification
        })
}
