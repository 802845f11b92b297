//! What a trend says, in one or two sentences: what moved, and whether the data can tell.
//!
//! A gap is *open* where its interval leaves zero out, and then it has a side; otherwise the data
//! cannot tell it from none. The sentence names the last changes between these states since the
//! last break. Two values differ beyond chance where their intervals do not overlap, which errs
//! on the side of saying too little.

use super::{Gap, Point, TrendView};
use crate::pages::parts::{Sentence, number};
use metrics::{Interval, State};

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
        Some((point, shown.estimate.value?, shown.estimate.interval?))
    });
    let Some((first, was, was_interval)) = before else {
        return head
            .say("is ")
            .stress(format!("{} in {}", number::short(value), last.label))
            .say(format!(" ({range}). One version is no trend yet."));
    };
    if overlap(&was_interval, interval) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::parts::{Frame, Shown, document};
    use crate::pages::trend::{Choices, MetricName};
    use metrics::{Estimate, Slice};
    use time::macros::datetime;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { low, high, level: 0.95, method: "newcombe".to_owned() }
    }

    fn gap(value: f64, low: f64, high: f64) -> Gap {
        Gap {
            of: "Male".to_owned(),
            against: "Female".to_owned(),
            value: Some(value),
            interval: Some(interval(low, high)),
            undefined: None,
        }
    }

    fn point(label: &str) -> Point {
        Point {
            label: label.to_owned(),
            href: String::new(),
            evaluated_at: datetime!(2026-11-01 0:00 UTC),
            estimates: Vec::new(),
            gap: None,
            broken: None,
        }
    }

    fn view(points: Vec<Point>) -> TrendView {
        TrendView {
            metric: MetricName {
                key: "true_positive_rate".to_owned(),
                name: "true positive rate".to_owned(),
                href: String::new(),
            },
            attribute: "sex".to_owned(),
            slices: vec!["Female".to_owned(), "Male".to_owned()],
            points,
            choices: Choices::default(),
            dataset: String::new(),
            instrument: String::new(),
            svg_href: String::new(),
            csv_href: String::new(),
            upload_command: String::new(),
        }
    }

    fn gaps(gaps: impl IntoIterator<Item = (&'static str, Gap)>) -> TrendView {
        let points = gaps.into_iter().map(|(label, gap)| Point { gap: Some(gap), ..point(label) });
        view(points.collect())
    }

    fn value(label: &str, value: Option<f64>, ends: Option<(f64, f64)>, n: Option<u64>) -> Point {
        let estimate = Estimate {
            slice: Slice::overall(),
            metric: "true_positive_rate".to_owned(),
            value,
            n,
            numerator: None,
            denominator: None,
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: ends.map(|(low, high)| interval(low, high)),
            undefined: value.is_none().then(|| "no positives".to_owned()),
        };
        Point { estimates: vec![Some(Shown { estimate, hidden: false })], ..point(label) }
    }

    #[test]
    fn it_says_what_moved_and_whether_the_data_can_tell() {
        // The Adult models: the gap closes in v7 and opens the other way in v8.
        let adult = || {
            [
                ("v1", gap(0.055, 0.01, 0.10)),
                ("v4", gap(0.093, 0.05, 0.14)),
                ("v7", gap(0.007, -0.02, 0.04)),
                ("v8", gap(-0.306, -0.34, -0.27)),
            ]
        };
        let undefined = Gap {
            value: None,
            interval: None,
            undefined: Some("Male has no positives".to_owned()),
            ..gap(0.0, 0.0, 0.0)
        };
        let mut broken = gaps(adult());
        broken.points[3].broken = Some("dataset changed".to_owned());
        let cases = [
            (
                view(Vec::new()),
                "No run has measured true positive rate on these slices in this period yet.",
            ),
            (
                gaps([("v1", gap(0.093, 0.05, 0.14))]),
                "In v1, true positive rate of Male is 0.09 above Female (95 % interval +0.05 to +0.14). \
                 The data can tell. One version is no trend yet.",
            ),
            (
                gaps([("v1", gap(0.01, -0.02, 0.04))]),
                "In v1, Male and Female differ in true positive rate by +0.01 (95 % interval −0.02 to \
                 +0.04): the data cannot tell it from no difference. One version is no trend yet.",
            ),
            (
                gaps(adult()),
                "The gap in true positive rate between Male and Female closed in v7 (+0.01, 95 % \
                 interval −0.02 to +0.04) and opened the other way in v8: Male is now 0.31 below \
                 Female (95 % interval −0.34 to −0.27). The data can tell.",
            ),
            (
                gaps(adult().into_iter().take(3)),
                "The gap in true positive rate between Male and Female closed in v7 (+0.01, 95 % \
                 interval −0.02 to +0.04). The data can no longer tell it from none.",
            ),
            (
                gaps([("v1", gap(0.01, -0.02, 0.04)), ("v2", gap(0.10, 0.06, 0.14))]),
                "The gap in true positive rate between Male and Female opened in v2: Male is now 0.10 \
                 above Female (95 % interval +0.06 to +0.14). The data can tell.",
            ),
            (
                gaps([("v1", gap(0.10, 0.06, 0.14)), ("v2", gap(-0.10, -0.14, -0.06))]),
                "The gap in true positive rate between Male and Female turned round in v2: Male is now \
                 0.10 below Female (95 % interval −0.14 to −0.06). The data can tell.",
            ),
            (
                gaps([("v1", gap(0.10, 0.06, 0.14)), ("v2", gap(0.12, 0.08, 0.16))]),
                "In all 2 versions true positive rate of Male lies above Female, by 0.12 in v2 (95 % \
                 interval +0.08 to +0.16). Since 0.10 in v1 it has not moved by more than chance explains.",
            ),
            (
                gaps([("v1", gap(0.30, 0.26, 0.34)), ("v2", gap(0.12, 0.08, 0.16))]),
                "In all 2 versions true positive rate of Male lies above Female, by 0.12 in v2 (95 % \
                 interval +0.08 to +0.16). It narrowed from 0.30 in v1. The data can tell.",
            ),
            (
                gaps([("v1", gap(0.01, -0.02, 0.04)), ("v2", gap(0.02, -0.01, 0.05))]),
                "In none of 2 versions can the data tell a gap in true positive rate between Male and \
                 Female; in v2 it is +0.02 (95 % interval −0.01 to +0.05).",
            ),
            (
                gaps([("v1", gap(0.10, 0.06, 0.14)), ("v2", undefined)]),
                "The gap in true positive rate between Male and Female in v2 is undefined: Male has no positives.",
            ),
            (
                broken,
                "In v8, true positive rate of Male is 0.31 below Female (95 % interval −0.34 to −0.27). \
                 The data can tell. One version is no trend yet. Earlier versions do not compare: \
                 before v8 the dataset changed.",
            ),
        ];
        for (view, expected) in cases {
            assert_eq!(sentence(&view).text(), expected);
        }
    }

    #[test]
    fn a_slice_alone_is_compared_with_its_first_version() {
        let cases = [
            (
                view(vec![
                    value("v1", Some(0.39), Some((0.38, 0.41)), Some(3311)),
                    value("v2", Some(0.61), Some((0.60, 0.63)), Some(3311)),
                ]),
                "Female: true positive rate rose from 0.39 in v1 to 0.61 in v2 (95 % interval 0.60 to \
                 0.63). The data can tell.",
            ),
            (
                view(vec![
                    value("v1", Some(0.61), Some((0.59, 0.63)), Some(3311)),
                    value("v2", Some(0.62), Some((0.60, 0.64)), Some(3311)),
                ]),
                "Female: true positive rate is 0.62 in v2 (95 % interval 0.60 to 0.64), after 0.61 in \
                 v1. The data cannot tell that it moved.",
            ),
            (
                view(vec![value("v1", None, None, Some(0))]),
                "Female: true positive rate is undefined in v1: no positives.",
            ),
            (
                view(vec![value("v1", Some(0.6), None, None)]),
                "Female: true positive rate is 0.60 in v1, reported without n, so nobody can say how \
                 sure it is.",
            ),
        ];
        for (view, expected) in cases {
            assert_eq!(sentence(&view).text(), expected);
        }
    }

    #[test]
    fn where_best_and_worst_change_places_it_is_still_one_gap() {
        let straight = gaps([("v1", gap(0.10, 0.06, 0.14)), ("v2", gap(-0.10, -0.14, -0.06))]);
        let turned =
            gaps([("v1", gap(0.10, 0.06, 0.14).turned()), ("v2", gap(-0.10, -0.14, -0.06))]);
        assert_eq!(sentence(&straight), sentence(&turned));
    }

    #[test]
    fn where_other_groups_lie_furthest_apart_both_ends_are_told() {
        let other = Gap { of: "Unknown".to_owned(), ..gap(-0.05, -0.12, 0.02) };
        let view = gaps([("v1", gap(0.10, 0.06, 0.14)), ("v2", other)]);
        assert_eq!(
            sentence(&view).text(),
            "Widest gap in true positive rate in v2: Unknown is 0.05 below Female (95 % interval \
             −0.12 to +0.02; the data cannot tell it from none); in v1 Male is 0.10 above Female \
             (95 % interval +0.06 to +0.14; the data can tell). Which groups lie furthest apart \
             changes between versions."
        );
    }

    #[test]
    fn names_are_text_whatever_they_hold() {
        let mut named = gap(0.093, 0.05, 0.14);
        named.of = "<script>".to_owned();
        let view = gaps([("<b>v1</b>", named)]);
        let html = document(Frame::default(), || sentence(&view).view());
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
        assert!(!html.contains("<b>v1"), "{html}");
    }
}
