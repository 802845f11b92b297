//! An estimate in a cell: its value never without n and interval, and its state where it has none.

use super::number;
use leptos::prelude::*;
use metrics::{Estimate, State};

/// Below this n a cell is hatched: its interval is so wide that the value alone misleads.
pub const FEW: u64 = 30;

/// An estimate, and whether its n is too small to be shown to this viewer.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub estimate: Estimate,
    pub hidden: bool,
}

/// Which side of overall a value lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeatSide {
    /// Better for the people in the slice.
    Better,
    /// Worse for them.
    Worse,
    /// The metric takes no side.
    Away,
}

/// How far from overall a value lies, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heat {
    pub side: HeatSide,
    /// 1 to 10; what is deeper is further away.
    pub depth: u8,
}

impl Heat {
    fn class(self) -> String {
        let side = match self.side {
            HeatSide::Better => "good",
            HeatSide::Worse => "bad",
            HeatSide::Away => "flat",
        };
        format!("heat {side} d{}", self.depth.clamp(1, 10))
    }

    /// The same in words, since a shade is seen by some only.
    fn words(self) -> &'static str {
        match self.side {
            HeatSide::Better => "better than overall",
            HeatSide::Worse => "worse than overall",
            HeatSide::Away => "away from overall",
        }
    }

    fn mark(self) -> &'static str {
        match self.side {
            HeatSide::Better => "▴",
            HeatSide::Worse => "▾",
            HeatSide::Away => "◆",
        }
    }
}

/// Whether an estimate rests on so few rows that it is hatched. A rate's n is its denominator.
pub fn is_few(estimate: &Estimate) -> bool {
    estimate.denominator.or(estimate.n).is_some_and(|n| n < FEW)
}

/// An estimate as a table cell.
#[component]
pub fn EstimateCell(
    estimate: Estimate,
    /// Its n is too small to be shown to this viewer.
    #[prop(optional)]
    hidden: bool,
    /// Its shade; hatched and undefined cells have none.
    #[prop(optional_no_strip)]
    heat: Option<Heat>,
) -> impl IntoView {
    let few = hidden || estimate.value.is_none() || is_few(&estimate);
    let heat = heat.filter(|_| !few);
    let class = match heat {
        Some(heat) => format!("num {}", heat.class()),
        None if few => "num few".to_owned(),
        None => "num".to_owned(),
    };
    let mark = heat.map(|heat| {
        view! {
            <span class="side-mark" title=heat.words()>
                <span aria-hidden="true">{heat.mark()}</span>
                <span class="visually-hidden">{heat.words()}</span>
            </span>
        }
    });
    view! {
        <td class=class>
            {mark} <EstimateText estimate=estimate hidden=hidden />
        </td>
    }
    .into_any()
}

/// An estimate in running text or inside a cell: value, interval and n.
#[component]
pub fn EstimateText(estimate: Estimate, #[prop(optional)] hidden: bool) -> impl IntoView {
    if hidden {
        return view! { <span class="why">"hidden (n < 10)"</span> }.into_any();
    }
    let n = estimate.denominator.or(estimate.n);
    match (estimate.state(), estimate.value) {
        (State::Undefined, _) | (_, None) => {
            let reason = estimate.undefined.unwrap_or_else(|| "no reason given".to_owned());
            view! { <span class="why">"undefined: " {reason} {n.map(n_mark)}</span> }.into_any()
        }
        (State::ReportedWithoutN, Some(value)) => view! {
            <span class="estimate">
                {number::value(value)}
                <span class="evidence"><span class="n">"reported without n"</span></span>
            </span>
        }
        .into_any(),
        (State::Estimated, Some(value)) => {
            let interval = estimate.interval.map_or_else(
                || view! { <span class="ci">"no interval"</span> }.into_any(),
                |interval| {
                    let title = number::interval_name(interval.level, &interval.method);
                    view! {
                        <span class="ci" title=title>
                            {number::interval(interval.low, interval.high)}
                        </span>
                    }
                    .into_any()
                },
            );
            view! {
                <span class="estimate">
                    {number::value(value)}
                    <span class="evidence">{interval} {n.map(n_mark)}</span>
                </span>
            }
            .into_any()
        }
    }
}

fn n_mark(n: u64) -> impl IntoView {
    view! { <span class="n">{format!(" n {}", number::count(n))}</span> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::parts::{Frame, document};
    use metrics::{Interval, Slice};

    fn estimate() -> Estimate {
        Estimate {
            slice: Slice::parse("sex=Female").unwrap(),
            metric: "true_positive_rate".to_owned(),
            value: Some(0.5803),
            n: Some(610),
            numerator: Some(354),
            denominator: Some(610),
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: Some(Interval {
                low: 0.5408,
                high: 0.6189,
                level: 0.95,
                method: "wilson".to_owned(),
            }),
            undefined: None,
        }
    }

    fn cell(estimate: Estimate, hidden: bool, heat: Option<Heat>) -> String {
        document(Frame::default(), move || {
            view! { <table><tbody><tr><EstimateCell estimate=estimate hidden=hidden heat=heat /></tr></tbody></table> }
        })
    }

    #[test]
    fn a_value_stands_with_its_interval_and_n() {
        let html = cell(estimate(), false, Some(Heat { side: HeatSide::Worse, depth: 4 }));
        for part in ["0.580", "[0.54, 0.62]", "n 610", "heat bad d4", "worse than overall", "95 %"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn few_rows_are_hatched_and_have_no_shade() {
        let few = Estimate { n: Some(18), denominator: Some(18), ..estimate() };
        let html = cell(few, false, Some(Heat { side: HeatSide::Worse, depth: 4 }));
        assert!(html.contains("class=\"num few\"") && !html.contains("heat"), "{html}");
    }

    #[test]
    fn no_state_shows_a_number_that_it_does_not_have() {
        let undefined = Estimate {
            value: None,
            n: Some(0),
            denominator: Some(0),
            interval: None,
            undefined: Some("no positives".to_owned()),
            ..estimate()
        };
        assert!(cell(undefined, false, None).contains("no positives"));
        let without_n = Estimate { n: None, denominator: None, interval: None, ..estimate() };
        assert!(cell(without_n, false, None).contains("reported without n"));
        let hidden = cell(estimate(), true, None);
        assert!(hidden.contains("hidden (n &lt; 10)") && !hidden.contains("0.580"), "{hidden}");
    }
}
