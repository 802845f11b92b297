//! lm-evaluation-harness: `results_….json`, a metric per task and filter.
//!
//! A run of one task is about all its rows. With several tasks the attribute `task` tells them
//! apart, and their aggregates are under `task_group`, so that no row counts twice.

use super::estimate::{Draft, Field};
use super::harvest::{Declared, Harvest};
use super::name::listed;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::catalogue::{self, Direction};
use metrics::interval::{self, method};
use metrics::{Problem, RunDocument, Slice};
use std::collections::{BTreeMap, BTreeSet};

const LEVEL: f64 = 0.95;

/// Fields of a task that are no metrics.
const ABOUT: [&str; 5] = ["name", "alias", "sample_len", "sample_count", " "];

/// Families of tasks, one for each group of an attribute.
const BY_TASK: [(&str, &str); 4] = [
    ("crows_pairs_english_", "bias_type"),
    ("crows_pairs_french_", "bias_type"),
    ("winogender_", "gender"),
    ("simple_cooccurrence_bias_", "gender"),
];

/// Families of metrics, one for each group of an attribute.
const BY_METRIC: [(&str, &str); 2] =
    [("amb_bias_score_", "bias_category"), ("disamb_bias_score_", "bias_category")];

/// Metrics that look at a part of the samples only, which the file does not count.
const MASKED: [&str; 4] = ["acc_amb", "acc_disamb", "accuracy_amb", "accuracy_disamb"];

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::LmEval, context);
    let results = root.object("results", problems)?;
    harvest.version(root.get("lm_eval_version").and_then(|version| version.text()));
    if let Some(seconds) = root.get("date").and_then(|date| date.number()) {
        harvest.evaluated_unix(seconds);
    }
    let groups = root.get("groups");
    let is_group = |task: &str| groups.as_ref().is_some_and(|groups| groups.get(task).is_some());
    let tasks: Vec<(&str, Spot)> = results.fields().collect();
    let single = matches!(tasks.as_slice(), [(task, _)] if by_task(task).is_none());
    about(root, &tasks, single, &mut harvest);
    let mut better = Better::of(root, &tasks);
    for (task, spot) in &tasks {
        if !spot.is_object() {
            spot.expected("an object of metrics", problems);
            continue;
        }
        let pairs = match by_task(task) {
            _ if single => vec![],
            Some((attribute, group)) => vec![(attribute, group)],
            None if is_group(task) => vec![("task_group", *task)],
            None => vec![("task", *task)],
        };
        let samples = root.find(&["n-samples", task, "effective"]).and_then(|n| n.count());
        let samples = samples.or_else(|| spot.get("sample_len")?.count());
        let mut task = Task { better: &mut better, name: task, spot, pairs, samples };
        task.read(&mut harvest, problems);
    }
    better.tell(&mut harvest);
    harvest.settle(problems)
}

/// The attribute and group that a task's name stands for.
fn by_task(task: &str) -> Option<(&'static str, &str)> {
    let (prefix, attribute) = *BY_TASK.iter().find(|(prefix, _)| task.starts_with(prefix))?;
    Some((attribute, &task[prefix.len()..])).filter(|(_, group)| !group.is_empty())
}

/// What the file says of the run as a whole.
fn about(root: &Spot, tasks: &[(&str, Spot)], single: bool, harvest: &mut Harvest) {
    let version = |task: &str| root.find(&["versions", task]).and_then(|it| it.name());
    let mut definitions: Vec<String> = Vec::new();
    for (task, _) in tasks {
        let mut text = (*task).to_owned();
        if let Some(version) = version(task) {
            text = format!("{text} {version}");
        }
        if let Some(shots) = root.find(&["n-shot", task]).and_then(|shots| shots.count()) {
            text = format!("{text} {shots}-shot");
        }
        definitions.push(text);
    }
    let definitions = definitions.join(", ");
    if !definitions.is_empty() && definitions.chars().count() <= super::name::MAX_NAME {
        harvest.definitions(definitions);
    } else {
        harvest.amend(
            "the versions of the tasks are too many for the name of an instrument".to_owned(),
        );
    }
    if let (true, Some((task, _))) = (single, tasks.first()) {
        harvest.dataset = version(task).map(|version| ((*task).to_owned(), version));
    }
    if let Some(limit) = root.find(&["config", "limit"]).and_then(|limit| limit.name()) {
        harvest.convention(format!("a part of the samples only: the run was limited to {limit}"));
    }
    harvest.convention("`acc` is the share of right answers; a rate × samples in whole numbers is taken for its count");
}

/// Which way metrics are better, for a run declares each once for all its tasks. Not every task says
/// it: groups of tasks do not, nor do tasks of older configurations.
#[derive(Default)]
struct Better<'n> {
    /// By metric, what each task says that says it.
    told: BTreeMap<&'n str, BTreeMap<&'n str, bool>>,
    /// Metrics of tasks that do not say it.
    untold: BTreeSet<String>,
    /// Metrics of which tasks say either.
    unlike: BTreeSet<String>,
}

impl<'n> Better<'n> {
    fn of(root: &Spot<'n>, tasks: &[(&'n str, Spot<'n>)]) -> Self {
        let mut better = Self::default();
        for (task, _) in tasks {
            for (metric, told) in
                root.find(&["higher_is_better", task]).iter().flat_map(Spot::fields)
            {
                if let Some(is_higher) = told.truth() {
                    better.told.entry(metric).or_default().insert(task, is_higher);
                }
            }
        }
        better
    }

    fn direction(&mut self, metric: &str, task: &str) -> Option<Direction> {
        let tasks = self.told.get(metric)?;
        let is_higher = *tasks.values().next()?;
        if tasks.values().any(|told| *told != is_higher) {
            self.unlike.insert(metric.to_owned());
            return None;
        }
        if !tasks.contains_key(task) {
            self.untold.insert(metric.to_owned());
        }
        Some(if is_higher { Direction::Higher } else { Direction::Lower })
    }

    fn tell(&self, harvest: &mut Harvest) {
        let names = |metrics: &BTreeSet<String>| listed(metrics.iter().map(String::as_str));
        if !self.untold.is_empty() {
            harvest.amend(format!(
                "not every task says which way its metric is better, and what the others say of it \
                 is taken: {}",
                names(&self.untold)
            ));
        }
        if !self.unlike.is_empty() {
            harvest.amend(format!(
                "tasks differ in which way a metric is better, so that it is taken for neither: {}",
                names(&self.unlike)
            ));
        }
    }
}

struct Task<'t, 'n> {
    better: &'t mut Better<'n>,
    name: &'t str,
    spot: &'t Spot<'n>,
    pairs: Vec<(&'t str, &'t str)>,
    samples: Option<u64>,
}

impl Task<'_, '_> {
    fn read(&mut self, harvest: &mut Harvest, problems: &mut Problems) {
        for (field, value) in self.spot.fields() {
            if ABOUT.contains(&field) {
                continue;
            }
            let (metric, filter) = field.rsplit_once(',').unwrap_or((field, "none"));
            if metric.ends_with("_stderr") {
                continue;
            }
            if !value.is_number() && value.text().is_none() && !value.is_null() {
                harvest.leave(value.place(), field, "it is no number");
                continue;
            }
            let Some(reported) = value.reported(problems) else { continue };
            self.add(metric, filter, reported, &value, harvest, problems);
        }
    }

    fn add(
        &mut self,
        metric: &str,
        filter: &str,
        value: Reported,
        spot: &Spot,
        harvest: &mut Harvest,
        problems: &mut Problems,
    ) {
        let family = BY_METRIC.iter().find(|(prefix, _)| metric.starts_with(prefix));
        let mut pairs = self.pairs.clone();
        let base = match family {
            Some((prefix, attribute)) => {
                pairs.push((attribute, &metric[prefix.len()..]));
                prefix.trim_end_matches('_')
            }
            None => metric,
        };
        let slice = match Slice::new(pairs) {
            Ok(slice) => slice,
            Err(error) => {
                let problem = Problem::new("bad_slice", error.to_string());
                problems.add_at(spot.place(), problem.expected("a task's name"));
                return;
            }
        };
        let original = if filter == "none" { base.to_owned() } else { format!("{base},{filter}") };
        let key = match (base, filter) {
            ("acc", "none") => Some("accuracy".to_owned()),
            ("pct_stereotype", "none") => Some("stereotype_rate".to_owned()),
            _ => self.declare(&original, base, harvest, spot),
        };
        let Some(key) = key else { return };
        let is_masked = MASKED.contains(&base) || family.is_some();
        let n = self.samples.filter(|n| *n > 0 && !is_masked);
        let mut draft = Draft::reported(&slice, &key, value);
        match n {
            Some(n) if key == "accuracy" || key == "stereotype_rate" => draft = draft.counted(n),
            _ => {}
        }
        if draft.numerator == Field::Absent {
            draft = self.with_stderr(draft.of_rows(n), metric, filter);
        }
        harvest.add(&original, draft, spot.place());
    }

    fn declare(
        &mut self,
        original: &str,
        base: &str,
        harvest: &mut Harvest,
        spot: &Spot,
    ) -> Option<String> {
        let direction = self.better.direction(base, self.name);
        let like = Declared { name: original, direction, range: None };
        // Of F1 and its like the harness has its own definitions.
        let original = match catalogue::find(original) {
            Some(_) => format!("lm_eval {original}"),
            None => original.to_owned(),
        };
        harvest.declare(&original, like, &spot.place())
    }

    /// The interval that a standard error makes.
    fn with_stderr(&self, mut draft: Draft, metric: &str, filter: &str) -> Draft {
        let with_filter = self.spot.get(&format!("{metric}_stderr,{filter}"));
        let stderr = with_filter.or_else(|| self.spot.get(&format!("{metric}_stderr")));
        let stderr = stderr.and_then(|stderr| stderr.number()).filter(|stderr| *stderr > 0.0);
        if let (&Field::Is(value), &Field::Is(n), Some(stderr)) = (&draft.value, &draft.n, stderr)
            && n > 1
        {
            let bounds = interval::mean_t(value, stderr, n as f64 - 1.0, LEVEL);
            draft.stderr = Field::Is(stderr);
            draft.interval = Field::Is(bounds.interval(LEVEL, method::T));
        }
        draft
    }
}
