//! The run page on the Adult income model v4, whose confusion matrices are below.

use super::*;
use crate::pages::parts::{Frame, Moment, document, estimate};
use metrics::counts::Counts;
use metrics::disparity::{self, Comparison, Kind};
use metrics::rates::{self, Setting};
use metrics::scores::Scored;

/// Slice, true positives, false positives, false negatives, true negatives.
const ADULT_V4: [(&str, u64, u64, u64, u64); 8] = [
    ("", 2584, 798, 1337, 11562),
    ("race=Amer-Indian-Eskimo", 9, 5, 9, 135),
    ("race=Asian-Pac-Islander", 102, 40, 47, 349),
    ("race=Black", 118, 42, 72, 1339),
    ("race=Other", 9, 3, 3, 125),
    ("race=White", 2346, 708, 1206, 9614),
    ("sex=Female", 354, 95, 256, 4708),
    ("sex=Male", 2230, 703, 1081, 6854),
];

const METRICS: [&str; 4] =
    ["selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"];

fn view() -> RunView {
    let setting = Setting { weighted: false, scored: false, threshold: None, level: 0.95 };
    let estimates: Vec<_> = ADULT_V4
        .iter()
        .flat_map(|(slice, tp, fp, missed, tn)| {
            let counts = Counts::of_confusion(*tp, *fp, *missed, *tn);
            rates::estimates(&Slice::parse(slice).unwrap(), &counts, &Scored::default(), setting)
        })
        .filter(|estimate| METRICS.contains(&estimate.metric.as_str()))
        .collect();
    let gaps = ["sex", "race"]
        .iter()
        .flat_map(|attribute| METRICS.map(|key| (attribute, key)))
        .map(|(attribute, key)| {
            let attributes = [*attribute];
            let comparison =
                Comparison::with_best(key, &attributes, Kind::Difference, Outcome::Favourable);
            disparity::summarise(&estimates, &comparison)
        })
        .collect();
    let selections = ["sex", "race"]
        .map(|attribute| {
            let attributes = [attribute];
            let asked = Comparison::with_best(
                "selection_rate",
                &attributes,
                Kind::Ratio,
                Outcome::Favourable,
            );
            Selection {
                attribute: attribute.to_owned(),
                band: disparity::null_band(&estimates, &asked, 2_000, 0).unwrap(),
                rule: disparity::four_fifths(&estimates, &asked).unwrap(),
            }
        })
        .to_vec();
    let at = || Moment::from("2026-06-01T09:00:00Z");
    RunView {
        title: "Run of v4 on adult-half@1994".to_owned(),
        trend: Link::new("/models/adult-income/trend"),
        columns: METRICS.map(|key| Column::of(key, Outcome::Favourable, &[])).to_vec(),
        estimates: estimates
            .into_iter()
            .map(|estimate| Shown { estimate, hidden: false })
            .collect(),
        choices: Choices { path: "/runs/1".to_owned(), ..Choices::default() },
        gaps,
        selections,
        provenance: Provenance {
            evaluated_at: at(),
            received_at: at(),
            uploaded_by: "Ben Ito".to_owned(),
            instrument: "evenhand-metrics 0.1.0, definitions 1".to_owned(),
            dataset: "adult-half@1994".to_owned(),
            dataset_href: "/datasets/adult-half/1994".to_owned(),
            dataset_digest: None,
            run_digest: "sha256:8c1f".to_owned(),
            rows_kept_until: None,
            receipt: Receipt::default(),
        },
        unconfirmed: Vec::new(),
        accept_all: None,
        voided: None,
        void_href: None,
        csv_href: "/runs/1.csv".to_owned(),
        json_href: "/runs/1.json".to_owned(),
    }
}

fn page(view: RunView) -> String {
    document(Frame::default(), || view! { <RunPage view=view /> })
}

/// The slices of the table, in the order of its rows.
fn rows(html: &str) -> Vec<String> {
    let start = html.find("<table class=\"slices\"").unwrap();
    let end = html[start..].find("</table>").unwrap() + start;
    html[start..end]
        .split("<th scope=\"row\">")
        .skip(1)
        .map(|row| {
            let cell = row.split("</th>").next().unwrap();
            let text =
                cell.split('<').filter_map(|part| part.split_once('>').map(|(_, text)| text));
            let text: String = text.collect();
            let before: String = cell.split('<').next().unwrap().to_owned();
            format!("{before}{text}").trim().to_owned()
        })
        .collect()
}

#[test]
fn selection_rates_are_held_against_chance_and_against_four_fifths() {
    let view = view();
    let [sex, race] = view.selections.as_slice() else { panic!("two attributes") };
    assert_eq!(
        sex.four_fifths(),
        "Four-fifths rule, against Male: Female 0.31 [0.28, 0.34], 1,012 too few of 5,413."
    );
    assert!(sex.chance().ends_with("more than chance (p <0.001)."), "{}", sex.chance());
    assert!(race.four_fifths().contains("Black 0.39"), "{}", race.four_fifths());
    let page = page(view);
    assert_eq!(page.matches("Groups with one and the same rate").count(), 2);
    assert_eq!(page.matches("Four-fifths rule").count(), 2);
}

#[test]
fn it_says_the_widest_gap_and_how_many_slices_are_too_small() {
    let said = sentence(&view()).text();
    assert_eq!(
        said,
        "Widest gap: selection rate of Female is 0.19 below Male (95 % interval −0.20 to −0.18; \
         n\u{a0}5,413). The data can tell. 2 slices have too few rows (below 30) to decide on some \
         metric."
    );
}

#[test]
fn a_run_without_two_groups_claims_no_gap() {
    let alone = RunView { gaps: Vec::new(), estimates: Vec::new(), ..view() };
    assert_eq!(sentence(&alone).text(), "No attribute of this run has two groups to compare.");
}

#[test]
fn rows_sort_by_a_metric_within_their_attribute_either_way() {
    let sorted = |descending| {
        let mut view = view();
        view.choices.attribute = "race".to_owned();
        view.choices.sort = "accuracy".to_owned();
        view.choices.descending = descending;
        rows(&page(view))
    };
    let rising = ["Overall", "Asian-Pac-Islander", "White", "Amer-Indian-Eskimo", "Black", "Other"];
    assert_eq!(sorted(false), rising);
    let falling =
        ["Overall", "Other", "Black", "Amer-Indian-Eskimo", "White", "Asian-Pac-Islander"];
    assert_eq!(sorted(true), falling);
}

#[test]
fn filters_leave_out_and_say_how_many_they_leave() {
    let mut view = view();
    view.choices.least_n = 1_000;
    view.choices.search = "BL".to_owned();
    let html = page(view);
    assert_eq!(rows(&html), ["Overall", "Black"]);
    assert!(html.contains("showing 1 of 7 slices"), "{html}");
}

#[test]
fn a_sort_link_keeps_the_filters_and_turns_round_the_second_time() {
    let mut view = view();
    view.choices.attribute = "sex".to_owned();
    view.choices.sort = "accuracy".to_owned();
    view.choices.descending = true;
    let html = page(view);
    assert!(html.contains("href=\"/runs/1?attribute=sex&amp;sort=accuracy#slices\""), "{html}");
    assert!(html.contains("?attribute=sex&amp;sort=n&amp;order=desc#slices"), "{html}");
    assert!(html.contains("aria-sort=\"descending\""), "{html}");
}

#[test]
fn a_shade_takes_the_side_of_the_person_and_only_where_the_interval_leaves_overall_out() {
    let html = page(view());
    let row = |name: &str| {
        let row = html.split("<tr").skip(1).find(|row| row.contains(&format!(">{name}<"))).unwrap();
        row.to_owned()
    };
    // Women are selected and found less often, and falsely selected less often.
    let cells: Vec<String> = row("Female")
        .split("<td class=\"")
        .skip(2)
        .map(|cell| cell.split('"').next().unwrap().split(" d").next().unwrap().to_owned())
        .collect();
    assert_eq!(cells, ["num heat bad", "num heat bad", "num heat good", "num heat good"]);
    // 18 positives are too few to say anything of how often they are found.
    assert!(row("Amer-Indian-Eskimo").contains("class=\"num few\""));
    // For an adverse outcome the sides of selection change, those of errors too.
    let column = Column::of("selection_rate", Outcome::Adverse, &[]);
    assert_eq!(column.direction, Direction::Lower);
}

#[test]
fn what_is_hidden_appears_nowhere() {
    let mut view = view();
    let cell = view
        .estimates
        .iter_mut()
        .find(|shown| {
            shown.estimate.slice.group("race") == Some("Other")
                && shown.estimate.metric == "true_positive_rate"
        })
        .unwrap();
    cell.hidden = true;
    assert!(estimate::is_few(&cell.estimate));
    let html = page(view);
    assert!(html.contains("hidden (n &lt; 10)"), "{html}");
    assert!(!html.contains("0.750"), "9 of 12 would be 0.750: {html}");
}

#[test]
fn names_are_text_whatever_they_hold() {
    let mut view = view();
    let mark = "<script>alert(1)</script>";
    view.title = mark.to_owned();
    view.estimates[1].estimate.slice = Slice::new([("sex", mark)]).unwrap();
    view.provenance.uploaded_by = mark.to_owned();
    view.unconfirmed.push(Unconfirmed {
        attribute: "sex".to_owned(),
        group: mark.to_owned(),
        nearest: Some("\"><b>".to_owned()),
        replaced_by: vec![],
        accept: None,
        alias: None,
    });
    let html = page(view);
    assert!(!html.contains("<script>") && !html.contains("\"><b>"), "{html}");
    assert!(html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn unconfirmed_groups_have_buttons_only_for_who_may_answer() {
    let unconfirmed = |accept| Unconfirmed {
        attribute: "race".to_owned(),
        group: "Blak".to_owned(),
        nearest: Some("Black".to_owned()),
        replaced_by: vec![],
        accept,
        alias: None,
    };
    let watching = page(RunView { unconfirmed: vec![unconfirmed(None)], ..view() });
    assert!(watching.contains("nearest known: Black") && !watching.contains("<button>Accept"));
    let answer = Answer {
        action: "/attributes/race/groups".to_owned(),
        fields: vec![("group".to_owned(), "Blak".to_owned())],
    };
    let leading = page(RunView { unconfirmed: vec![unconfirmed(Some(answer))], ..view() });
    assert!(leading.contains("action=\"/attributes/race/groups\""), "{leading}");
    assert!(leading.contains("name=\"group\" value=\"Blak\""), "{leading}");
}

#[test]
fn no_page_needs_inline_scripts_or_styles() {
    let html = page(view());
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains(" onclick"));
    assert!(!html.contains("<script"), "the run page has no islands: {html}");
}
