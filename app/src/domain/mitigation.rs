//! Mitigations: an intervention, and what the evidence says it did.

use super::series::BySeries;
use super::text_enum::text_enum;
use super::verdict::words::metric_name;
use crate::number;
use metrics::catalogue::{self, Direction, Outcome};
use metrics::paired::{Comparison, Discordant, PairedChange};
use metrics::trend::change;
use metrics::{Estimate, Interval, Slice};

text_enum! {
    /// Where an intervention takes hold.
    Kind {
        PreProcessing = "pre_processing" ("pre-processing"),
        InProcessing = "in_processing" ("in-processing"),
        PostProcessing = "post_processing" ("post-processing"),
        Data = "data" ("data"),
        Guardrail = "guardrail" ("guardrail"),
        ProductChange = "product_change" ("product change"),
    }
}

text_enum! {
    /// Where a mitigation stands.
    State {
        Proposed = "proposed" ("proposed"),
        InWork = "in_work" ("in work"),
        Shipped = "shipped" ("shipped"),
        Abandoned = "abandoned" ("abandoned"),
    }
}

text_enum! {
    /// What the evidence says of it.
    Effect {
        Worked = "worked" ("worked"),
        DidNot = "did_not" ("did not work"),
        CannotTell = "cannot_tell" ("cannot tell"),
    }
}

/// One series from the run before to the run after.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub metric: String,
    pub slice: Slice,
    pub before: Estimate,
    pub after: Estimate,
    /// After minus before.
    pub value: f64,
    pub interval: Interval,
    /// What the same rows say; `None` where the runs were taken as independent samples.
    pub paired: Option<Paired>,
}

/// What the rows that both runs have say of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Rows that it rests on.
    pub n: u64,
    /// Rows that the runs disagree on, where the metric is a rate of the same rows.
    pub discordant: Option<Discordant>,
    /// Two-sided p-value of no change.
    pub p: f64,
}

/// What a mitigation did to its target, and to everybody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    pub effect: Effect,
    /// One sentence.
    pub sentence: String,
    pub target: Option<Moved>,
    /// Slices that got worse beyond chance, the farthest first.
    pub worse: Vec<Moved>,
    /// How many series were looked at for that.
    pub looked_at: usize,
    pub basis: Basis,
}

/// What a proof rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// The same rows in both runs, and what is to be known of those that are not compared so.
    Paired { rows: u64, notes: Vec<String> },
    /// Two runs as independent samples, and why.
    Unpaired(String),
}

/// Below this share of the larger run's rows, the rows that both runs have are too few to speak
/// for it.
const LEAST_MATCHED: f64 = 0.5;

/// The target of a mitigation.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal<'a> {
    pub metric: &'a str,
    pub slice: &'a Slice,
    /// By how much it should change, in the metric's unit; its sign is the direction wanted.
    pub change: f64,
    pub outcome: Outcome,
}

/// Confidence level of every interval here.
pub const LEVEL: f64 = 0.95;

/// What two runs on the same dataset say of a mitigation: row by row where `rows` compares them so,
/// else as independent samples, which misses small harm; then `rows` says why.
///
/// Worked: the whole interval of the change lies on the wanted side of none. Did not: it lies wholly
/// on the other side, or wholly short of the change that was wanted.
pub fn prove(
    goal: &Goal<'_>,
    before: &[Estimate],
    after: &[Estimate],
    rows: &Result<Comparison, String>,
) -> Proof {
    let (rows, basis) = basis(rows);
    let rows = BySeries::of(rows, |change| (&change.metric, &change.slice));
    let old = BySeries::of_estimates(before);
    let all = BySeries::of_estimates(after);
    let mut worse = vec![];
    let (mut looked_at, mut target) = (0, None);
    for new in after.iter().filter(|new| !says_it_twice(new, &all, goal.metric)) {
        let is_goal = new.metric == goal.metric && new.slice == *goal.slice;
        let Some(old) = old.get(&new.metric, &new.slice) else { continue };
        let Some(moved) = moved(old, new, rows.get(&new.metric, &new.slice)) else { continue };
        if is_goal {
            target = Some(moved);
            continue;
        }
        let got_worse = match catalogue::direction(&new.metric, goal.outcome) {
            Direction::Higher => moved.interval.high < 0.0,
            Direction::Lower => moved.interval.low > 0.0,
            Direction::Neither => continue,
        };
        looked_at += 1;
        if got_worse {
            worse.push(moved);
        }
    }
    worse.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let Some(moved) = target else {
        let sentence = format!(
            "The runs do not both have {} with an interval for {}.",
            metric_name(goal.metric),
            goal.slice.label()
        );
        let effect = Effect::CannotTell;
        return Proof { effect, sentence, target: None, worse, looked_at, basis };
    };
    let (effect, sentence) = judge(goal, &moved);
    Proof { effect, sentence, target: Some(moved), worse, looked_at, basis }
}

/// What can be taken row by row, and what all of it rests on.
fn basis(rows: &Result<Comparison, String>) -> (&[PairedChange], Basis) {
    let rows = match rows {
        Ok(rows) => rows,
        Err(why) => return (&[], Basis::Unpaired(why.clone())),
    };
    if rows.share_matched() < LEAST_MATCHED {
        let why =
            format!("only {} in both runs", number::counted(rows.matched, "row is", "rows are"));
        return (&[], Basis::Unpaired(why));
    }
    let mut notes = rows.notes.clone();
    for (n, run) in [(rows.only_before, "before"), (rows.only_after, "after")] {
        if n > 0 {
            notes.push(format!("{} only the run {run} has", number::counted(n, "row", "rows")));
        }
    }
    if rows.unidentified > 0 {
        let n = number::counted(rows.unidentified, "row has", "rows have");
        notes.push(format!("{n} no id, or one that another row has too"));
    }
    (&rows.changes, Basis::Paired { rows: rows.matched, notes })
}

/// A series from one run to the other: on the rows that both have, if they are compared so; `None`
/// without an interval.
fn moved(old: &Estimate, new: &Estimate, rows: Option<&PairedChange>) -> Option<Moved> {
    if let Some(found) = rows
        && let (Some(value), Some(interval)) = (found.change.value, &found.change.interval)
        && let Some(p) = found.p
    {
        return Some(Moved {
            metric: new.metric.clone(),
            slice: new.slice.clone(),
            before: found.before.clone(),
            after: found.after.clone(),
            value,
            interval: interval.clone(),
            paired: Some(Paired { n: found.n, discordant: found.discordant, p }),
        });
    }
    let change = change(old, new, LEVEL);
    Some(Moved {
        metric: new.metric.clone(),
        slice: new.slice.clone(),
        before: old.clone(),
        after: new.clone(),
        value: change.value?,
        interval: change.interval?,
        paired: None,
    })
}

/// Whether another metric of the slice says the same the other way round.
fn says_it_twice(estimate: &Estimate, all: &BySeries<'_, Estimate>, goal: &str) -> bool {
    let other = match estimate.metric.as_str() {
        "true_negative_rate" => "false_positive_rate",
        "false_negative_rate" => "true_positive_rate",
        "false_discovery_rate" => "precision",
        "false_omission_rate" => "negative_predictive_value",
        _ => return false,
    };
    estimate.metric != goal && all.get(other, &estimate.slice).is_some()
}

fn judge(goal: &Goal<'_>, moved: &Moved) -> (Effect, String) {
    // On the scale on which more is what was wanted.
    let sign = if goal.change < 0.0 { -1.0 } else { 1.0 };
    let ends = [moved.interval.low * sign, moved.interval.high * sign];
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let wanted = goal.change.abs();
    let same_rows = moved.paired.map(|paired| {
        let test = if paired.discordant.is_some() { "McNemar p" } else { "p" };
        let n = number::counted(paired.n, "row", "rows");
        format!(" on the same {n}, {test} {}", number::p_value(paired.p))
    });
    let said = format!(
        "{} of {} changed by {} {}{}",
        metric_name(goal.metric),
        goal.slice.label(),
        number::signed(moved.value),
        number::signed_interval(moved.interval.low, moved.interval.high),
        same_rows.unwrap_or_default()
    );
    let aim = number::signed(goal.change);
    if low > 0.0 {
        let reached = if low >= wanted {
            "the change that was wanted is reached"
        } else if high < wanted {
            "though less than was wanted"
        } else {
            "whether it is as much as was wanted cannot be told"
        };
        (Effect::Worked, format!("It worked: {said}; {reached} ({aim})."))
    } else if high < 0.0 {
        (Effect::DidNot, format!("It did the opposite: {said}; wanted was {aim}."))
    } else if high < wanted {
        (Effect::DidNot, format!("It did not work: {said}, short of {aim} at its best."))
    } else {
        let text = format!("It cannot be told: {said}, which may be nothing or {aim}.");
        (Effect::CannotTell, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::paired::{self, Column, Rows};

    fn rate(metric: &str, slice: &str, k: u64, n: u64) -> Estimate {
        Estimate {
            slice: Slice::parse(slice).unwrap(),
            metric: metric.to_owned(),
            value: Some(k as f64 / n as f64),
            n: Some(n),
            numerator: Some(k),
            denominator: Some(n),
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: None,
            undefined: None,
        }
    }

    fn proved(change: f64, before: u64, after: u64, n: u64) -> Proof {
        let slice = Slice::parse("sex=Female").unwrap();
        let goal = Goal {
            metric: "true_positive_rate",
            slice: &slice,
            change,
            outcome: Outcome::Favourable,
        };
        let of = |k| vec![rate("true_positive_rate", "sex=Female", k, n)];
        prove(&goal, &of(before), &of(after), &Err("their rows are not kept".to_owned()))
    }

    #[test]
    fn it_worked_did_not_or_cannot_be_told_by_where_the_interval_lies() {
        for (change, before, after, n, effect, says) in [
            (0.1, 580, 830, 1000, Effect::Worked, "is reached"),
            (0.5, 580, 830, 1000, Effect::Worked, "less than was wanted"),
            (0.25, 580, 830, 1000, Effect::Worked, "cannot be told"),
            (0.1, 830, 580, 1000, Effect::DidNot, "the opposite"),
            (0.2, 500, 510, 1000, Effect::DidNot, "short of"),
            (0.05, 50, 52, 100, Effect::CannotTell, "may be nothing"),
            (-0.1, 830, 580, 1000, Effect::Worked, "is reached"),
        ] {
            let proof = proved(change, before, after, n);
            assert_eq!(proof.effect, effect, "{change}: {}", proof.sentence);
            assert!(proof.sentence.contains(says), "{}", proof.sentence);
        }
    }

    #[test]
    fn whoever_got_worse_is_listed_and_what_has_no_direction_is_not() {
        let slice = Slice::parse("sex=Female").unwrap();
        let goal = Goal {
            metric: "true_positive_rate",
            slice: &slice,
            change: 0.1,
            outcome: Outcome::Favourable,
        };
        let before = [
            rate("true_positive_rate", "sex=Female", 580, 1000),
            rate("accuracy", "", 900, 1000),
            rate("accuracy", "sex=Male", 900, 1000),
            rate("base_rate", "", 500, 1000),
        ];
        let after = [
            rate("true_positive_rate", "sex=Female", 830, 1000),
            rate("accuracy", "", 700, 1000),
            rate("accuracy", "sex=Male", 898, 1000),
            rate("base_rate", "", 100, 1000),
        ];
        let proof = prove(&goal, &before, &after, &Err("their rows are not kept".to_owned()));
        let worse: Vec<String> =
            proof.worse.iter().map(|m| format!("{} {}", m.metric, m.slice.label())).collect();
        assert_eq!((worse, proof.looked_at), (vec!["accuracy Overall".to_owned()], 2));
        assert_eq!(proof.basis, Basis::Unpaired("their rows are not kept".to_owned()));
    }

    /// 600 positives of men, of whom a run finds those in a range; and as many women, all found.
    fn rows(found: std::ops::Range<u128>, ids: std::ops::Range<u128>) -> Rows {
        let ids: Vec<u128> = ids.collect();
        let male = |id: &u128| *id <= 600;
        let cell = |id: &u128| if !male(id) || found.contains(id) { 3 } else { 1 };
        let sex = Column {
            name: "sex".to_owned(),
            groups: vec!["Female".to_owned(), "Male".to_owned()],
            codes: ids.iter().map(|id| u16::from(male(id))).collect(),
        };
        Rows::new(ids.clone(), ids.iter().map(cell).collect(), vec![], vec![sex], vec![])
    }

    fn on_the_same_rows(before: &Rows, after: &Rows) -> Proof {
        let slice = Slice::parse("sex=Female").unwrap();
        let goal = Goal {
            metric: "true_positive_rate",
            slice: &slice,
            change: 0.1,
            outcome: Outcome::Favourable,
        };
        let men = |k| vec![rate("true_positive_rate", "sex=Male", k, 600)];
        prove(
            &goal,
            &men(480),
            &men(462),
            &paired::compare(before, after, LEVEL).map_err(|e| e.to_string()),
        )
    }

    #[test]
    fn a_loss_of_three_points_on_600_rows_is_listed_when_the_rows_are_paired_and_only_then() {
        // 480 found before; then 18 of them no longer.
        let (before, after) = (rows(1..481, 1..1201), rows(1..463, 1..1201));
        let proof = on_the_same_rows(&before, &after);
        assert_eq!(proof.basis, Basis::Paired { rows: 1_200, notes: vec![] });
        let worse = &proof.worse[0];
        let discordant = Some(Discordant { lost: 18, gained: 0 });
        assert_eq!(worse.paired.map(|p| (p.n, p.discordant)), Some((600, discordant)));
        assert_eq!(worse.interval.method, metrics::interval::method::NEWCOMBE_PAIRED);
        // The same two runs without their rows.
        let unpaired = on_the_same_rows(&before, &rows(1..463, 5_000..5_001));
        assert_eq!(unpaired.worse, vec![]);
        assert_eq!(unpaired.basis, Basis::Unpaired("they have no row in common".to_owned()));
    }

    #[test]
    fn rows_that_only_one_run_has_are_said_and_too_few_in_both_prove_nothing() {
        let before = rows(1..481, 1..1201);
        let proof = on_the_same_rows(&before, &rows(1..463, 1..1101));
        let notes = vec!["100 rows only the run before has".to_owned()];
        assert_eq!(proof.basis, Basis::Paired { rows: 1_100, notes });
        let proof = on_the_same_rows(&before, &rows(1..463, 1..301));
        assert!(
            matches!(proof.basis, Basis::Unpaired(why) if why.contains("300 rows are in both"))
        );
    }
}
