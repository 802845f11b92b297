//! Inspect AI: the `.json` log. An `.eval` archive is the same log in parts, put together before
//! it comes here.
//!
//! A log has one number per metric, and its samples with their scores and metadata: from these the
//! counts behind accuracy and behind each group are taken.

mod samples;

use super::estimate::{Draft, Field, agree};
use super::harvest::{Declared, Harvest};
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::catalogue;
use metrics::interval::{self, method};
use metrics::{Problem, RunDocument, Slice};
use samples::{Samples, Tally};

const LEVEL: f64 = 0.95;

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Inspect, context);
    if !is_whole(root, problems) {
        return None;
    }
    let results = root.object("results", problems)?;
    about(root, &results, &mut harvest);
    let samples = Samples::of(root);
    let scores: Vec<Spot> = match results.get("scores").filter(Spot::is_list) {
        Some(scores) => scores.items().collect(),
        // Version 1 of the log has one score, without a list.
        None if results.get("metrics").is_some() => vec![results.clone()],
        None => {
            results.list("scores", problems);
            vec![]
        }
    };
    let headline = results.find(&["headline", "score"]).and_then(|name| name.text());
    let first = headline.or_else(|| name_of(scores.first()?));
    for spot in &scores {
        let name = name_of(spot).unwrap_or_default();
        let is_first = scores.len() == 1 || first == Some(name);
        let score = Score { root, spot, name, is_first, samples: &samples };
        score.read(&mut harvest, problems);
    }
    harvest.settle(problems)
}

fn name_of<'n>(score: &Spot<'n>) -> Option<&'n str> {
    score.get("name").or_else(|| score.get("scorer"))?.text()
}

/// Whether the evaluation came to its end and stands.
fn is_whole(root: &Spot, problems: &mut Problems) -> bool {
    let status = root.get("status");
    let text = status.as_ref().and_then(Spot::text).unwrap_or("missing");
    if text != "success" {
        let place = status.map_or_else(|| root.place(), |status| status.place());
        let problem = Problem::new("unfinished_run", format!("the log's status is `{text}`"));
        problems.add_at(place, problem.expected("`success`: a run that came to its end"));
        return false;
    }
    if let Some(invalidated) = root.get("invalidated")
        && invalidated.truth() == Some(true)
    {
        let problem = Problem::new("invalidated", "the log was invalidated");
        problems.add_at(invalidated.place(), problem.expected("a log that stands"));
        return false;
    }
    true
}

fn about(root: &Spot, results: &Spot, harvest: &mut Harvest) {
    let text = |path: &[&str]| root.find(path).and_then(|spot| spot.text());
    if let Some(created) = text(&["eval", "created"]) {
        harvest.evaluated(created);
    }
    harvest.version(text(&["eval", "packages", "inspect_ai"]));
    if let Some(task) = text(&["eval", "task"]) {
        let version = root.find(&["eval", "task_version"]).and_then(|it| it.name());
        harvest.definitions(version.map_or(task.to_owned(), |version| format!("{task} {version}")));
    }
    if let Some(model) = text(&["eval", "model"]) {
        harvest.convention(format!("the model under test is {model}"));
    }
    harvest
        .convention("scores count C as 1, P as a half, I and N as 0; each group against no other");
    let count = |name: &str| results.get(name).and_then(|it| it.count());
    if let (Some(total), Some(completed)) = (count("total_samples"), count("completed_samples"))
        && completed < total
    {
        harvest
            .convention(format!("a part only: {completed} of {total} samples came to their end"));
    }
    if let Some(limit) = root.find(&["eval", "config", "limit"]).and_then(|limit| limit.name()) {
        harvest.convention(format!("a part only: the run was limited to {limit} samples"));
    }
}

struct Score<'s, 'n> {
    root: &'s Spot<'n>,
    spot: &'s Spot<'n>,
    name: &'s str,
    /// Whether its accuracy is the run's.
    is_first: bool,
    samples: &'s Samples<'n>,
}

impl Score<'_, '_> {
    fn read(&self, harvest: &mut Harvest, problems: &mut Problems) {
        let Some(metrics) = self.spot.object("metrics", problems) else { return };
        for (field, metric) in metrics.fields() {
            let Some(value) = metric.get("value") else {
                if metric.is_object() {
                    harvest.leave(metric.place(), field, "it has no value");
                } else {
                    metric.expected("an object with `name` and `value`", problems);
                }
                continue;
            };
            let name = metric.get("name").and_then(|name| name.text()).unwrap_or(field);
            if matches!(name, "stderr" | "std" | "var" | "bootstrap_stderr") {
                continue;
            }
            let Some(reported) = value.reported(problems) else { continue };
            let group = metric.find(&["params", "group_key"]).and_then(|key| key.text());
            let is_grouped = group.is_some() || metric.get("group").is_some();
            if !is_grouped {
                self.add(name, Slice::overall(), reported, &value, harvest, problems);
                continue;
            }
            let Some(attribute) = group.or_else(|| self.only_group_key()) else {
                harvest.leave(
                    metric.place(),
                    name,
                    "nothing says which attribute it is a group of",
                );
                continue;
            };
            let of_all = metric.find(&["params", "all_label"]).and_then(|label| label.text());
            let has_all =
                metric.find(&["params", "all"]).is_none_or(|all| all.truth() != Some(false));
            if has_all && name == of_all.unwrap_or("all") {
                let why = "a mean over the groups, or all samples again";
                harvest.leave(metric.place(), name, why);
                continue;
            }
            let inner = metric.find(&["params", "metric", "name"]).and_then(|name| name.text());
            match Slice::new([(attribute, name)]) {
                Ok(slice) => {
                    let inner = inner.unwrap_or("accuracy").rsplit('/').next().unwrap_or_default();
                    self.add(inner, slice, reported, &value, harvest, problems);
                }
                Err(error) => {
                    let problem = Problem::new("bad_slice", error.to_string());
                    problems.add_at(metric.place(), problem.expected("a group's name"));
                }
            }
        }
    }

    /// The attribute of `grouped` metrics in logs that do not say it with each number, where the
    /// evaluation has one alone.
    fn only_group_key(&self) -> Option<&str> {
        let scorers = self.root.find(&["eval", "scorers"])?;
        let mut keys: Vec<&str> = scorers
            .items()
            .filter_map(|scorer| scorer.get("metrics"))
            .flat_map(|metrics| metrics.items().collect::<Vec<_>>())
            .filter_map(|metric| metric.find(&["options", "group_key"])?.text())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        if let [key] = keys[..] { Some(key) } else { None }
    }

    fn add(
        &self,
        metric: &str,
        slice: Slice,
        value: Reported,
        spot: &Spot,
        harvest: &mut Harvest,
        problems: &mut Problems,
    ) {
        let key = if metric == "accuracy" && self.is_first {
            Some("accuracy".to_owned())
        } else {
            let named =
                if self.is_first { metric.to_owned() } else { format!("{} {metric}", self.name) };
            let original = match catalogue::find(&named) {
                Some(_) => format!("inspect {named}"),
                None => named.clone(),
            };
            harvest.declare(
                &original,
                Declared { name: &named, ..Declared::default() },
                &spot.place(),
            )
        };
        let Some(key) = key else { return };
        let mut draft = Draft::reported(&slice, &key, value);
        let scored = self.spot.get("scored_samples").and_then(|n| n.count());
        match self.samples.tally(self.name, &slice) {
            Some(Tally { n, right: Some(right) }) if metric == "accuracy" && n > 0 => {
                let exact = right as f64 / n as f64;
                if let Field::Is(value) = draft.value
                    && !agree(value, exact)
                {
                    problems.add_at(
                        spot.place(),
                        Problem::new(
                            "value_is_not_its_counts",
                            format!("{value} is not {right} right of {n} samples in the log"),
                        )
                        .expected(exact.to_string()),
                    );
                    return;
                }
                if key == "accuracy" {
                    draft.numerator = Field::Is(right);
                    draft.denominator = Field::Is(n);
                }
                draft.n = Field::Is(n);
            }
            Some(Tally { n, .. }) if n > 0 => draft.n = Field::Is(n),
            _ if slice.is_overall() => draft = draft.of_rows(scored.filter(|n| *n > 0)),
            _ => {}
        }
        if draft.numerator == Field::Absent && slice.is_overall() {
            draft = self.with_stderr(draft);
        }
        harvest.add(metric, draft, spot.place());
    }

    /// The interval that the score's standard error makes.
    fn with_stderr(&self, mut draft: Draft) -> Draft {
        let stderr = self.spot.find(&["metrics", "stderr", "value"]).and_then(|it| it.number());
        let stderr = stderr.filter(|stderr| *stderr > 0.0);
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
