//! What is wrong with an upload: every problem with its place and what was expected.

use leptos::prelude::*;
use metrics::Problem;

use super::parts::{Panel, Scroll};

#[derive(Clone, Debug, Default)]
pub struct ProblemsView {
    pub problems: Vec<Problem>,
}

/// A table of problems; nothing where there are none.
#[component]
pub fn Problems(view: ProblemsView) -> impl IntoView {
    if view.problems.is_empty() {
        return ().into_any();
    }
    let n = view.problems.len();
    let title = if n == 1 { "1 problem".to_owned() } else { format!("{n} problems") };
    let rows = view
        .problems
        .into_iter()
        .map(|problem| {
            let place = problem.place.map(|place| place.to_string()).unwrap_or_default();
            view! {
                <tr>
                    <td><code>{place}</code></td>
                    <td>{problem.message}</td>
                    <td>{problem.expected.unwrap_or_default()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title=title note="nothing was stored">
            <Scroll label="Problems">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Place"</th>
                            <th scope="col">"What is wrong"</th>
                            <th scope="col">"Expected"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}
