//! What a trend says, case by case.

use super::*;
use crate::pages::parts::{Frame, Shown, document};
use crate::pages::trend::{Choices, MetricName, TrendPage};
use leptos::prelude::*;
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
        shipped: Vec::new(),
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
        monitor: Err("it takes 8 points on fresh rows, and there are 2".to_owned()),
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
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few thousand"
        )]
        numerator: value.zip(n).map(|(value, n)| (value * n as f64).round() as u64),
        denominator: n,
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
             The data can tell. One version is no trend yet. What was measured before does \
             not compare (dataset changed).",
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
    let turned = gaps([("v1", gap(0.10, 0.06, 0.14).turned()), ("v2", gap(-0.10, -0.14, -0.06))]);
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

#[test]
fn the_page_holds_the_sentence_the_charts_and_all_numbers_without_scripts_of_its_own() {
    let mut trend = gaps([("v7", gap(0.007, -0.02, 0.04)), ("v8", gap(-0.306, -0.34, -0.27))]);
    for (point, (female, male)) in trend.points.iter_mut().zip([(0.830, 0.837), (0.756, 0.449)]) {
        let one = |share, n| {
            value("", Some(share), Some((share - 0.02, share + 0.02)), Some(n)).estimates.remove(0)
        };
        point.estimates = vec![one(female, 610), one(male, 3_311)];
    }
    let said = sentence(&trend).text();
    let html = document(Frame { islands: true, ..Frame::default() }, || {
        view! { <TrendPage view=trend /> }
    });
    for part in [
        "0.756",
        "[0.74, 0.78]",
        "n 610",
        "n 3,311",
        "−0.306",
        "[−0.34, −0.27]",
        "the data can tell",
        "the data cannot tell",
        "<h1>True positive rate by sex</h1>",
        "Gap, Male − Female",
        "data-component=\"ChartReader",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(html.contains(&format!("<desc id=\"trend-desc\">{said}</desc>")), "{html}");
    assert!(!html.contains("style=") && !html.contains("<style"), "{html}");
    assert_eq!(html.matches("<script").count(), 1, "the loader alone: {html}");
}

#[test]
fn a_value_that_may_not_be_seen_is_not_in_the_page_nor_in_what_the_island_gets() {
    let mut trend = gaps([("v1", gap(0.1, 0.06, 0.14))]);
    let mut secret = value("", Some(0.4321), Some((0.1, 0.7)), Some(7)).estimates.remove(0);
    if let Some(shown) = secret.as_mut() {
        shown.hidden = true;
    }
    trend.points[0].estimates = vec![secret, None];
    let html = document(Frame::default(), || view! { <TrendPage view=trend /> });
    assert!(html.contains("hidden (n &lt; 10)") && html.contains("not measured"), "{html}");
    assert!(!html.contains("0.432") && !html.contains("0.43"), "{html}");
}

#[test]
fn a_trend_without_points_says_what_to_run() {
    let mut empty = view(Vec::new());
    empty.upload_command = "evenhand upload run.json".to_owned();
    let html = document(Frame::default(), || view! { <TrendPage view=empty /> });
    assert!(html.contains("evenhand upload run.json") && !html.contains("<svg class"), "{html}");
}

#[test]
fn versions_of_one_name_are_told_apart_by_their_day() {
    let mut view = gaps([("v1", gap(0.10, 0.06, 0.14)), ("v1", gap(-0.10, -0.14, -0.06))]);
    view.points[1].evaluated_at = datetime!(2026-12-01 0:00 UTC);
    assert!(sentence(&view).text().contains("turned round in v1 (2026-12-01)"));
    assert!(view.chart().svg.contains(">v1 (2026-11-01)<"));
}
