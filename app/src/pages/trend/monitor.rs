//! Whether the rates of a trend have shifted, where that can be said.

use super::TrendView;
use crate::pages::parts::{Panel, Scroll, number};
use leptos::prelude::*;
use metrics::monitor::{Monitored, Verdict};

/// What the control charts say of each slice, or why they say nothing.
pub(super) fn panel(view: &TrendView) -> AnyView {
    let body = match &view.monitor {
        Err(reason) => {
            let said = format!("Nothing is claimed: {reason}.");
            view! { <p class="dim">{said}</p> }.into_any()
        }
        Ok(slices) => table(view, slices),
    };
    let note = "EWMA and CUSUM charts against the first 8 points, each slice for itself; points are \
                taken as independent, each from rows of its own";
    view! {
        <Panel title="Has the rate shifted?" note=note id="monitor">
            {body}
        </Panel>
    }
    .into_any()
}

fn table(view: &TrendView, slices: &[Monitored]) -> AnyView {
    let rows = view
        .slices
        .iter()
        .zip(slices)
        .map(|(slice, monitored)| {
            let baseline = monitored.baseline.map_or_else(|| "—".to_owned(), number::value);
            let (class, said) = said(view, &monitored.verdict);
            view! {
                <tr>
                    <th scope="row">{slice.clone()}</th>
                    <td class="num">{baseline}</td>
                    <td>
                        <span class=class>{said}</span>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Scroll label="Shifts per slice">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Slice"</th>
                        <th scope="col" class="num">
                            "Baseline"
                        </th>
                        <th scope="col">"Finding"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

fn said(view: &TrendView, verdict: &Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::NotEnough { reason } => ("tells", format!("nothing is claimed: {reason}")),
        Verdict::Steady => ("tells", "steady, within what chance gives".to_owned()),
        Verdict::Shifted { at, rose } => {
            let point = view.points.get(*at).map_or("", |point| point.label.as_str());
            let way = if *rose { "rose" } else { "fell" };
            ("tells clear", format!("{way} beyond chance, first seen at {point}"))
        }
    }
}
