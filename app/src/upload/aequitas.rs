//! Aequitas' crosstabs: a row per group with its confusion matrix, so everything is computed again.
//!
//! Its bias and fairness tables are the same with columns of disparities beside.

use super::cross::{Alone, Crossed};
use super::harvest::{Counted, Harvest};
use super::measure::DISPARITY;
use super::name::quoted;
use super::problems::Problems;
use super::sheet::{self, Line, Sheet, cell_at, plain_number};
use super::spot::Reported;
use super::{Context, Format, Notes};
use metrics::counts::Counts;
use metrics::{Place, Problem, RunDocument, Slice};
use std::collections::{BTreeMap, BTreeSet};

/// Columns and the metrics that they are.
const METRICS: [(&str, &str); 12] = [
    ("group_size", "count"),
    ("accuracy", "accuracy"),
    ("tpr", "true_positive_rate"),
    ("tnr", "true_negative_rate"),
    ("for", "false_omission_rate"),
    ("fdr", "false_discovery_rate"),
    ("fpr", "false_positive_rate"),
    ("fnr", "false_negative_rate"),
    ("npv", "negative_predictive_value"),
    ("precision", "precision"),
    ("pprev", "selection_rate"),
    ("prev", "base_rate"),
];

/// Columns that say how the table was made, or repeat sums of its counts.
const ABOUT: [&str; 14] = [
    "model_id",
    "score_threshold",
    "k",
    "attribute_name",
    "attribute_value",
    "pp",
    "pn",
    "fp",
    "fn",
    "tn",
    "tp",
    "group_label_pos",
    "group_label_neg",
    "total_entities",
];

const CROSSTABS: &str = "the crosstabs of `Group().get_crosstabs(df)`, a row per group with `tp`, \
                         `fp`, `fn` and `tn`";

pub(super) fn read(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let sheet = Sheet::read(text, CROSSTABS, problems)?;
    let mut column = |name: &str| sheet.require(name, CROSSTABS, problems);
    let attribute = column("attribute_name");
    let value = column("attribute_value");
    let cells = ["tp", "fp", "fn", "tn"].map(column);
    let (attribute, value) = (attribute?, value?);
    let [Some(tp), Some(fp), Some(false_negatives), Some(tn)] = cells else { return None };

    let mut harvest = Harvest::of(Format::Aequitas, context);
    let threshold = one_model(&sheet, &mut harvest, problems);
    harvest.convention(
        "each group's own rates, from its counts; `pprev` is the selection rate, `prev` the base rate",
    );
    let mut alone = Alone::default();
    let mut groups = Vec::new();
    for line in &sheet.rows {
        let cell = |at: usize| line.cells[at].as_str();
        alone.add(cell(attribute), cell(value));
        let mut count = |name: &str, at| sheet::count(cell(at), &line.at(name), problems);
        let counts =
            [count("tp", tp), count("fp", fp), count("fn", false_negatives), count("tn", tn)];
        let [Some(tp), Some(fp), Some(false_negatives), Some(tn)] = counts else { continue };
        // Sums of counts above what a float holds exactly would be no counts.
        if [tp, fp, false_negatives, tn].into_iter().sum::<u64>() < 1 << 53 {
            let counts = Counts::of_confusion(tp, fp, false_negatives, tn);
            groups.push(Group { line, attribute: cell(attribute), value: cell(value), counts });
        } else {
            let problem = Problem::new("count_too_large", "the counts are too large");
            problems.add_at(line.place(), problem.expected("counts whose sum is below 2^53"));
        }
    }
    for group in &groups {
        let Some(slice) = group.slice(&alone, &mut harvest, problems) else { continue };
        let wanted = group.wanted(&sheet, problems);
        harvest.add_counted(&slice, &group.counts, threshold, &wanted, problems);
    }
    overall(&sheet, &groups, threshold, &mut harvest, problems);
    leave_the_rest(&sheet, &mut harvest);
    harvest.settle(problems)
}

struct Group<'s> {
    line: &'s Line,
    attribute: &'s str,
    value: &'s str,
    counts: Counts,
}

impl Group<'_> {
    fn slice(
        &self,
        alone: &Alone,
        harvest: &mut Harvest,
        problems: &mut Problems,
    ) -> Option<Slice> {
        match alone.take_apart(self.attribute, self.value) {
            Crossed::Is(slice) => return Some(slice),
            Crossed::Unclear => {
                let what = format!("{}={}", self.attribute, self.value);
                harvest.leave(
                    self.line.place(),
                    &what,
                    "it joins attributes, and nothing says where one group ends",
                );
                return None;
            }
            Crossed::No => {}
        }
        match Slice::new([(self.attribute, self.value)]) {
            Ok(slice) => Some(slice),
            Err(error) => {
                let problem = Problem::new("bad_slice", error.to_string());
                problems.add_at(
                    self.line.at("attribute_value"),
                    problem.expected("an attribute and a group in each row"),
                );
                None
            }
        }
    }

    fn wanted(&self, sheet: &Sheet, problems: &mut Problems) -> Vec<Counted<'static>> {
        let mut wanted = Vec::new();
        for (name, key) in METRICS {
            let Some(at) = sheet.find(name) else { continue };
            let place = self.line.at(name);
            match sheet::reported(&self.line.cells[at], &place, problems) {
                Some(Reported::Is(value)) => {
                    wanted.push(Counted { original: name, key, value: Some(value), place });
                }
                Some(Reported::None(_)) => {
                    wanted.push(Counted { original: name, key, value: None, place });
                }
                None => {}
            }
        }
        wanted
    }
}

/// The threshold of the one model that a run is of.
fn one_model(sheet: &Sheet, harvest: &mut Harvest, problems: &mut Problems) -> Option<f64> {
    let mut first: Option<Vec<&str>> = None;
    let columns: Vec<usize> =
        ["model_id", "score_threshold"].into_iter().filter_map(|name| sheet.find(name)).collect();
    for line in &sheet.rows {
        let this: Vec<&str> = columns.iter().map(|at| line.cells[*at].as_str()).collect();
        let first = first.get_or_insert_with(|| this.clone());
        if *first != this {
            problems.add_at(
                line.place(),
                Problem::new(
                    "several_models",
                    format!("the row is of {}", quoted(&this.join(", "))),
                )
                .expected(format!(
                    "rows of {} alone: a run is of one model at one threshold",
                    quoted(&first.join(", "))
                )),
            );
            return None;
        }
    }
    let shown = first?.join(", ");
    harvest.convention(format!("model and threshold: {shown}"));
    // Such as `0.5_val`; `100_abs` and `0.1_pct` are ranks, not scores.
    let at = sheet.find("score_threshold")?;
    plain_number(sheet.rows.first()?.cells[at].strip_suffix("_val")?)
}

/// All rows together, where the groups of an attribute are all of them.
fn overall(
    sheet: &Sheet,
    groups: &[Group],
    threshold: Option<f64>,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let Some(total) = sheet.find("total_entities") else { return };
    let mut sums: BTreeMap<&str, Counts> = BTreeMap::new();
    let totals: BTreeSet<&str> = groups.iter().map(|it| it.line.cells[total].as_str()).collect();
    let [all] = totals.into_iter().collect::<Vec<_>>()[..] else { return };
    for group in groups {
        let sum = sums.entry(group.attribute).or_default();
        *sum = sum.plus(&group.counts);
    }
    let whole: Vec<_> =
        sums.iter().filter(|(_, sum)| plain_number(all) == Some(sum.all() as f64)).collect();
    let Some((attribute, counts)) = whole.first() else { return };
    if whole.iter().any(|(_, other)| other != counts) {
        return;
    }
    harvest.amend(format!("overall is the sum of the groups of {}", quoted(attribute)));
    let place = cell_at(sheet.head, "total_entities");
    let wanted: Vec<Counted> = METRICS
        .iter()
        .filter(|(name, _)| sheet.find(name).is_some())
        .map(|(name, key)| Counted { original: name, key, value: None, place: place.clone() })
        .collect();
    harvest.add_counted(&Slice::overall(), counts, threshold, &wanted, problems);
}

fn leave_the_rest(sheet: &Sheet, harvest: &mut Harvest) {
    for name in &sheet.names {
        let known =
            METRICS.iter().any(|(known, _)| known == name) || ABOUT.contains(&name.as_str());
        if known {
            continue;
        }
        let why = if name == "ppr" {
            "a share of all predicted positives, which grows with the group's size"
        } else if name.ends_with("_disparity") || name.ends_with("_ref_group_value") {
            DISPARITY
        } else if name.ends_with("_significance") {
            "a test of a disparity"
        } else {
            "no number of a group that Evenhand knows; verdicts are its own"
        };
        harvest.leave(Place::Cell { line: None, column: Some(name.clone()) }, name, why);
    }
}
