//! What somebody else changed while this form was open: theirs and yours, side by side.

use super::list::Scroll;
use crate::form::Change;
use leptos::prelude::*;

/// A save that came second.
#[derive(Clone, Debug, Default)]
pub struct ConflictView {
    /// Who saved first, when that is known.
    pub by: Option<String>,
    pub changes: Vec<Change>,
}

/// Says field by field what changed; the form below it holds what would be saved now.
#[component]
pub fn Conflict(view: ConflictView) -> impl IntoView {
    let who = view.by.unwrap_or_else(|| "Somebody".to_owned());
    let said = if view.changes.is_empty() {
        format!(
            "{who} saved this while you were editing, and changed nothing that you see here. \
                 Nothing of yours is lost: save again."
        )
    } else {
        format!(
            "{who} saved this while you were editing. Nothing of yours is saved yet, and \
                 nothing is lost: the form below holds what would be saved now. Save again to keep it."
        )
    };
    let rows = view
        .changes
        .into_iter()
        .map(|change| {
            let outcome = if change.is_both {
                "you both changed it: yours is in the form"
            } else {
                "you had not touched it: theirs is in the form"
            };
            view! {
                <tr>
                    <th scope="row">{change.label}</th>
                    <td class="text">{shown(change.theirs)}</td>
                    <td class="text">{shown(change.yours)}</td>
                    <td class="dim">{outcome}</td>
                </tr>
            }
        })
        .collect_view();
    let rows = (!rows.is_empty()).then(|| {
        view! {
            <Scroll label="What changed meanwhile">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Field"</th>
                            <th scope="col">"Theirs, stored now"</th>
                            <th scope="col">"Yours"</th>
                            <th scope="col">"In the form"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        }
    });
    view! {
        <section class="banner thin" role="alert">
            <h2>"Changed meanwhile"</h2>
            <p>{said}</p>
            {rows}
        </section>
    }
    .into_any()
}

fn shown(text: String) -> AnyView {
    if text.is_empty() {
        view! { <span class="faint">"(empty)"</span> }.into_any()
    } else {
        text.into_any()
    }
}
