//! What a trend says, in one or two sentences: what moved, and whether the data can tell.
//!
//! A gap is *open* where its interval leaves zero out, and then it has a side; otherwise the data
//! cannot tell it from none. The sentence names the last changes between these states since the
//! last break. Two gaps differ beyond chance where their intervals do not overlap, which errs on
//! the side of saying too little.

#[cfg(test)]
mod cases;

use super::{Gap, Point, TrendView};
use crate::pages::parts::{Sentence, number};
use metrics::{Interval, State, trend};

/// What the data says of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Below,
    /// The interval holds zero.
    Open,
}

/// A difference that could be computed, always of the same group against the same other one.
struct Step<'a> {
    label: &'a str,
    value: f64,
    interval: Interval,
    side: Side,
}

/// What the trend says.
pub fn sentence(view: &TrendView) -> Sentence {
    let metric = view.metric.name.as_str();
    let Some(last) = view.points.last() else {
        return Sentence::default()
            .say(format!("No run has measured {metric} on these slices in this period yet."));
    };
    let since = view.points.iter().rposition(|point| point.broken.is_some()).unwrap_or(0);
    let comparable = &view.points[since..];
    let mut said = match &last.gap {
        Some(gap) => of_gap(metric, comparable, gap),
        None => of_value(metric, view, comparable),
    };
    if let (Some(reason), true) = (&view.points[since].broken, since > 0) {
        said = said.say(format!(
            " Earlier versions do not compare: before {} the {reason}.",
            view.points[since].label
        ));
    }
    said
}

fn of_gap(metric: &str, points: &[Point], last: &Gap) -> Sentence {
    let (of, against) = (last.of.as_str(), last.against.as_str());
    let label = points.last().map_or("", |point| point.label.as_str());
    let said = Sentence::default();
    let (Some(value), Some(interval)) = (last.value, &last.interval) else {
        let why = match (last.value, &last.undefined) {
            (Some(value), _) => format!(
                "is {} without an interval, since a value was reported without n; nobody can say \
                 whether it is real.",
                number::signed_short(value)
            ),
            (None, Some(reason)) => format!("is undefined: {reason}."),
            (None, None) => "is undefined.".to_owned(),
        };
        return said
            .say(format!("The gap in {metric} between {of} and {against} in "))
            .stress(label)
            .say(format!(" {why}"));
    };
    if !of_one_pair(points, last) {
        return of_changing_pairs(metric, points);
    }
    let steps = steps(points, last);
    let distance = number::short(value.abs());
    let range = number::signed_interval_words(interval.low, interval.high);
    let level = number::level(interval.level);
    let [first, .., now] = &steps[..] else {
        let said = said.say("In ").stress(label);
        let said = match side(interval) {
            Side::Open => said.say(format!(
                ", {of} and {against} differ in {metric} by {} ({level} interval {range}): the \
                 data cannot tell it from no difference.",
                number::signed_short(value)
            )),
            side => said
                .say(format!(", {metric} of {of} is "))
                .stress(format!("{distance} {}", word(side)))
                .say(format!(" {against} ({level} interval {range}). The data can tell.")),
        };
        return said.say(" One version is no trend yet.");
    };
    let changes: Vec<(&Step<'_>, &Step<'_>)> = steps
        .windows(2)
        .filter(|pair| pair[0].side != pair[1].side)
        .map(|p| (&p[0], &p[1]))
        .collect();
    if changes.is_empty() {
        return unchanged(said, metric, (of, against), first, now, steps.len());
    }
    // The last two changes, as long as the first of them belongs to the story of the second.
    let told = &changes[changes.len().saturating_sub(2)..];
    let mut said = said.say(format!("The gap in {metric} between {of} and {against} "));
    for (i, (before, after)) in told.iter().enumerate() {
        let known = steps
            .iter()
            .take_while(|step| step.label != after.label)
            .filter(|s| s.side != Side::Open)
            .last();
        let other_way = known.is_some_and(|known| known.side != after.side);
        let verb = match (before.side, after.side) {
            (_, Side::Open) => "closed",
            (Side::Open, _) if other_way => "opened the other way",
            (Side::Open, _) if known.is_some() => "opened again",
            (Side::Open, _) => "opened",
            _ => "turned round",
        };
        let joint = if i > 0 { " and " } else { "" };
        said = said.say(format!("{joint}{verb} in ")).stress(after.label);
        if after.side == Side::Open {
            said = said.say(format!(
                " ({}, {} interval {})",
                number::signed_short(after.value),
                number::level(after.interval.level),
                number::signed_interval_words(after.interval.low, after.interval.high)
            ));
        }
    }
    match now.side {
        Side::Open if told.last().is_some_and(|(_, after)| after.label == now.label) => {
            said.say(". The data can no longer tell it from none.")
        }
        Side::Open => said.say(format!(
            ", and in {} the data still cannot tell it from none ({level} interval {range}).",
            now.label
        )),
        side => said
            .say(format!(": {of} is now "))
            .stress(format!("{distance} {}", word(side)))
            .say(format!(" {against} ({level} interval {range}). The data can tell.")),
    }
}

/// Whether all differences are between the same two groups, whichever way they are taken.
fn of_one_pair(points: &[Point], last: &Gap) -> bool {
    points.iter().filter_map(|point| point.gap.as_ref()).filter(|gap| gap.value.is_some()).all(
        |gap| {
            (&gap.of, &gap.against) == (&last.of, &last.against)
                || (&gap.against, &gap.of) == (&last.of, &last.against)
        },
    )
}

/// Where the data choose other groups at each version, the widest gap is told at both ends.
fn of_changing_pairs(metric: &str, points: &[Point]) -> Sentence {
    let mut known = points.iter().filter_map(|point| {
        let gap = point.gap.as_ref()?;
        Some((point, gap, gap.value?, gap.interval.as_ref()?))
    });
    let said = Sentence::default();
    let Some((first, gap, value, interval)) = known.next() else {
        return said.say(format!("No version has a gap in {metric} with an interval."));
    };
    let tell = |said: Sentence, gap: &Gap, value: f64, interval: &Interval| {
        let word = if value > 0.0 { "above" } else { "below" };
        let verdict = match side(interval) {
            Side::Open => "the data cannot tell it from none",
            Side::Above | Side::Below => "the data can tell",
        };
        said.say(format!("{} is ", gap.of))
            .stress(format!("{} {word}", number::short(value.abs())))
            .say(format!(
                " {} ({} interval {}; {verdict})",
                gap.against,
                number::level(interval.level),
                number::signed_interval_words(interval.low, interval.high)
            ))
    };
    let Some((now, now_gap, now_value, now_interval)) = known.next_back() else {
        return tell(
            said.say(format!("Widest gap in {metric} in {}: ", first.label)),
            gap,
            value,
            interval,
        )
        .say(".");
    };
    let said = said.say(format!("Widest gap in {metric} in ")).stress(&now.label).say(": ");
    let said = tell(said, now_gap, now_value, now_interval).say(format!("; in {} ", first.label));
    tell(said, gap, value, interval)
        .say(". Which groups lie furthest apart changes between versions.")
}

fn unchanged(
    said: Sentence,
    metric: &str,
    (of, against): (&str, &str),
    first: &Step<'_>,
    now: &Step<'_>,
    versions: usize,
) -> Sentence {
    let level = number::level(now.interval.level);
    let range = number::signed_interval_words(now.interval.low, now.interval.high);
    if now.side == Side::Open {
        return said
            .say(format!("In none of {versions} versions can the data tell a gap in {metric} between {of} and {against}; in "))
            .stress(now.label)
            .say(format!(" it is {} ({level} interval {range}).", number::signed_short(now.value)));
    }
    let said = said
        .say(format!(
            "In all {versions} versions {metric} of {of} lies {} {against}, by ",
            word(now.side)
        ))
        .stress(format!("{} in {}", number::short(now.value.abs()), now.label))
        .say(format!(" ({level} interval {range}). "));
    let was = format!("{} in {}", number::short(first.value.abs()), first.label);
    if overlap(&first.interval, &now.interval) {
        said.say(format!("Since {was} it has not moved by more than chance explains."))
    } else if now.value.abs() < first.value.abs() {
        said.say("It ").stress("narrowed").say(format!(" from {was}. The data can tell."))
    } else {
        said.say("It ").stress("widened").say(format!(" from {was}. The data can tell."))
    }
}

/// The differences of the last pair. Where worst and best change places the sign turns, and
/// points that compare other groups are left out.
fn steps<'a>(points: &'a [Point], last: &Gap) -> Vec<Step<'a>> {
    let pair = (&last.of, &last.against);
    let step = |point: &'a Point| {
        let gap = point.gap.as_ref()?;
        let gap = if (&gap.against, &gap.of) == pair { gap.turned() } else { gap.clone() };
        if (&gap.of, &gap.against) != pair {
            return None;
        }
        let (value, interval) = (gap.value?, gap.interval?);
        Some(Step { label: &point.label, value, side: side(&interval), interval })
    };
    points.iter().filter_map(step).collect()
}

fn of_value(metric: &str, view: &TrendView, points: &[Point]) -> Sentence {
    let slice = view.slices.first().map_or("Overall", String::as_str);
    let said = Sentence::default();
    let shown = |point: &Point| point.estimates.first().cloned().flatten();
    let Some((last, now)) = points.last().and_then(|point| Some((point, shown(point)?))) else {
        return said.say(format!("{metric} of {slice} was not measured on the last version."));
    };
    let head = said.say(format!("{slice}: {metric} "));
    if now.hidden {
        return head.say("rests on so few rows that it is not shown.");
    }
    let estimate = &now.estimate;
    let (value, interval) = match (estimate.state(), estimate.value, &estimate.interval) {
        (State::Undefined, ..) | (_, None, _) => {
            let reason = estimate.undefined.as_deref().unwrap_or("no reason was given");
            return head.say("is undefined in ").stress(&last.label).say(format!(": {reason}."));
        }
        (_, Some(value), None) => {
            return head.say(format!(
                "is {} in {}, reported without n, so nobody can say how sure it is.",
                number::short(value),
                last.label
            ));
        }
        (_, Some(value), Some(interval)) => (value, interval),
    };
    let range = format!(
        "{} interval {}",
        number::level(interval.level),
        number::interval_words(interval.low, interval.high)
    );
    let before = points[..points.len() - 1].iter().find_map(|point| {
        let shown = shown(point).filter(|shown| !shown.hidden)?;
        shown.estimate.interval.as_ref()?;
        Some((point, shown.estimate.value?, shown.estimate))
    });
    let Some((first, was, before)) = before else {
        return head
            .say("is ")
            .stress(format!("{} in {}", number::short(value), last.label))
            .say(format!(" ({range}). One version is no trend yet."));
    };
    if trend::change(&before, estimate, interval.level).beyond_chance != Some(true) {
        return head
            .say("is ")
            .stress(format!("{} in {}", number::short(value), last.label))
            .say(format!(" ({range}), after {} in {}. ", number::short(was), first.label))
            .say("The data cannot tell that it moved.");
    }
    let verb = if value > was { "rose" } else { "fell" };
    head.stress(verb)
        .say(format!(" from {} in {} to ", number::short(was), first.label))
        .stress(format!("{} in {}", number::short(value), last.label))
        .say(format!(" ({range}). The data can tell."))
}

fn side(interval: &Interval) -> Side {
    if interval.low > 0.0 {
        Side::Above
    } else if interval.high < 0.0 {
        Side::Below
    } else {
        Side::Open
    }
}

fn word(side: Side) -> &'static str {
    if side == Side::Above { "above" } else { "below" }
}

fn overlap(a: &Interval, b: &Interval) -> bool {
    a.low <= b.high && b.low <= a.high
}
