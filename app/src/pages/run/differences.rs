//! Which slices of a run differ from everyone else beyond chance: where to look, not what to decide.

use super::{Column, interval_mark};
use crate::pages::parts::{Lede, PageHeader, Panel, Scroll, Sentence, number};
use leptos::prelude::*;
use metrics::disparity::{Exploration, Explored};

/// More findings than this are left to the JSON.
const MOST_SHOWN: usize = 100;

#[derive(Clone, Debug)]
pub struct DifferencesView {
    /// `Run of v4 on adult-half@1994`.
    pub run: String,
    pub run_href: String,
    pub json_href: String,
    /// The metrics of the run.
    pub columns: Vec<Column>,
    pub exploration: Exploration,
}

impl DifferencesView {
    fn found(&self) -> Vec<&Explored> {
        self.exploration.comparisons.iter().filter(|it| it.found).collect()
    }

    /// What was found, in one sentence.
    pub fn sentence(&self) -> Sentence {
        let (found, tested) = (self.found().len() as u64, self.exploration.tested as u64);
        let rate = number::level(self.exploration.rate);
        match (found, tested) {
            (_, 0) => Sentence::default()
                .say("Nothing here can be compared: no slice has an interval against the rest."),
            (0, _) => Sentence::default().say(format!(
                "None of {} differs beyond chance.",
                number::counted(tested, "comparison", "comparisons")
            )),
            _ => Sentence::default()
                .stress(number::count(found))
                .say(format!(" of {} ", number::counted(tested, "comparison", "comparisons")))
                .say(if found == 1 { "differs" } else { "differ" })
                .say(format!(
                    " beyond chance. Of these, at most {rate} are expected to be chance after all."
                )),
        }
    }
}

#[component]
pub fn DifferencesPage(view: DifferencesView) -> impl IntoView {
    let said = view.sentence();
    let found = view.found();
    let rows = found.iter().take(MOST_SHOWN).map(|it| row(it, &view.columns)).collect_view();
    let more = found.len().saturating_sub(MOST_SHOWN) as u64;
    let more = (more > 0).then(|| {
        let text = format!("and {} in the JSON", number::counted(more, "more", "more"));
        view! { <p class="why">{text}</p> }
    });
    let untested = view.exploration.untested as u64;
    let untested = (untested > 0).then(|| {
        let text = format!(
            "{} not be tested: undefined, without an interval, or with counts that may not be shown.",
            number::counted(untested, "comparison could", "comparisons could")
        );
        view! { <p class="why">{text}</p> }
    });
    let table = (!found.is_empty()).then(|| {
        view! {
            <Scroll label="Differences beyond chance">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Slice"</th>
                            <th scope="col">"Metric"</th>
                            <th scope="col" class="num">
                                "Less everyone else"
                            </th>
                            <th scope="col" class="num">
                                "n"
                            </th>
                            <th scope="col" class="num">
                                "p, adjusted"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        }
    });
    let note = "each slice less all other rows, on every metric of the run; p-values are adjusted \
                together (Benjamini–Hochberg), the intervals are not";
    view! {
        <PageHeader title="Differences beyond chance" subtitle=view.run>
            <a class="button" href=view.run_href>
                "The run"
            </a>
            <a class="button" href=view.json_href>
                "JSON"
            </a>
        </PageHeader>
        <Lede>{said.view()}</Lede>
        <p>
            <strong>"Exploratory."</strong>
            " This says where to look. It takes other data to confirm a finding, and no rule reads it."
        </p>
        <Panel title="Slices that differ" note=note id="differences">
            {table}
            {more}
            {untested}
        </Panel>
    }
    .into_any()
}

fn row(it: &Explored, columns: &[Column]) -> AnyView {
    let disparity = &it.disparity;
    let column = columns.iter().find(|column| column.key == disparity.metric);
    let name =
        column.map_or_else(|| disparity.metric.clone(), |column| number::capitalised(&column.name));
    let href = super::super::definition::link(&disparity.metric);
    let n = disparity.n.map_or_else(|| "—".to_owned(), number::count);
    let value = disparity.value.map(number::signed).unwrap_or_default();
    view! {
        <tr>
            <th scope="row">{disparity.slice.label()}</th>
            <td>
                <a href=href>{name}</a>
            </td>
            <td class="num">
                <span class="estimate">
                    {value} " " {interval_mark(disparity.interval.as_ref(), number::signed_interval)}
                </span>
            </td>
            <td class="num">{n}</td>
            <td class="num">{number::p_value(it.adjusted)}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod cases {
    use super::*;
    use crate::pages::parts::{Frame, document};
    use metrics::catalogue::Outcome;
    use metrics::counts::Counts;
    use metrics::disparity::{FALSE_DISCOVERY_RATE, explore};
    use metrics::rates::{self, Setting};
    use metrics::scores::Scored;
    use metrics::{Estimate, Slice};

    /// TP, FP, FN, TN by slice.
    fn view(slices: &[(&str, [u64; 4])]) -> DifferencesView {
        let setting = Setting { weighted: false, scored: false, threshold: None, level: 0.95 };
        let estimates: Vec<Estimate> = slices
            .iter()
            .flat_map(|(slice, [tp, fp, missed, tn])| {
                let counts = Counts::of_confusion(*tp, *fp, *missed, *tn);
                let slice = Slice::parse(slice).unwrap();
                rates::estimates(&slice, &counts, &Scored::default(), setting)
            })
            .filter(|it| ["selection_rate", "accuracy"].contains(&it.metric.as_str()))
            .collect();
        let columns = ["selection_rate", "accuracy"]
            .map(|key| Column::of(key, Outcome::Favourable, &[]))
            .to_vec();
        DifferencesView {
            run: "Run of v4 on adult-half@1994".to_owned(),
            run_href: "/runs/1".to_owned(),
            json_href: "/api/v1/runs/1/differences".to_owned(),
            columns,
            exploration: explore(&estimates, Outcome::Favourable, 0.95, FALSE_DISCOVERY_RATE),
        }
    }

    /// The Adult income model v4.
    const ADULT: [(&str, [u64; 4]); 3] = [
        ("", [2584, 798, 1337, 11562]),
        ("sex=Female", [354, 95, 256, 4708]),
        ("sex=Male", [2230, 703, 1081, 6854]),
    ];

    #[test]
    fn what_differs_is_listed_marked_exploratory_with_adjusted_p_and_n() {
        let html = document(Frame::default(), || view! { <DifferencesPage view=view(&ADULT) /> });
        assert!(html.contains("<strong>Exploratory.</strong>"), "{html}");
        assert!(html.contains("10,868") && html.contains("&lt;0.001"), "{html}");
        assert!(html.contains("Less everyone else"));
        let text = view(&ADULT).sentence().text();
        assert!(text.starts_with("4 of 4 comparisons differ beyond chance."), "{text}");
    }

    #[test]
    fn groups_that_are_alike_make_no_findings() {
        let alike = [
            ("", [200, 100, 100, 600]),
            ("sex=Female", [101, 49, 51, 299]),
            ("sex=Male", [99, 51, 49, 301]),
        ];
        let view = view(&alike);
        assert_eq!(view.sentence().text(), "None of 4 comparisons differs beyond chance.");
        let html = document(Frame::default(), || view! { <DifferencesPage view=view /> });
        assert!(!html.contains("<tbody>"), "{html}");
    }
}
