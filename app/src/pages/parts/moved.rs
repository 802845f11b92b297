//! What moved beyond chance, as a table.

use super::{Scroll, Verdict, VerdictKind, number};
use crate::domain::moved::Line;
use crate::domain::verdict::words::metric_name;
use leptos::prelude::*;

/// The lines of a comparison, at most `most` of them; it says how many it leaves out.
#[component]
pub fn MovedTable(
    /// What is compared, for a screen reader.
    #[prop(into)]
    label: String,
    lines: Vec<Line>,
    most: usize,
) -> impl IntoView {
    let left_out = lines.len().saturating_sub(most);
    let rows = lines.into_iter().take(most).map(row).collect_view();
    let more = (left_out > 0).then(|| {
        view! { <p class="small dim">{format!("showing {most} of {}", most + left_out)}</p> }
    });
    view! {
        <Scroll label=label>
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Metric"</th>
                        <th scope="col">"Slice"</th>
                        <th scope="col" class="num">"Before"</th>
                        <th scope="col" class="num">"After"</th>
                        <th scope="col" class="num">"Change"</th>
                        <th scope="col">"For the people in it"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
        {more}
    }
    .into_any()
}

fn with_n((value, n): (f64, Option<u64>)) -> impl IntoView {
    let n = n.map(|n| view! { <span class="n">{format!(" n {}", number::count(n))}</span> });
    view! { {number::value(value)} {n} }
}

fn row(line: Line) -> impl IntoView {
    let side = match line.is_worse {
        Some(true) => view! { <Verdict kind=VerdictKind::Fail text="worse" /> }.into_any(),
        Some(false) => view! { <Verdict kind=VerdictKind::Pass text="better" /> }.into_any(),
        None => view! { <span class="dim">"moved"</span> }.into_any(),
    };
    let change = format!(
        "{} {}",
        number::signed(line.value),
        number::signed_interval(line.interval.low, line.interval.high)
    );
    view! {
        <tr>
            <th scope="row">{metric_name(&line.metric)}</th>
            <td>{line.slice.label()}</td>
            <td class="num nowrap">{with_n(line.before)}</td>
            <td class="num nowrap">{with_n(line.after)}</td>
            <td class="num nowrap">{change}</td>
            <td>{side}</td>
        </tr>
    }
}
