//! Voiding a run: first what rests on it, then the reason.

use crate::form::FieldErrors;
use crate::pages::parts::{Form, PageHeader, Panel, Submit, SubmitKind, TextArea, number};
use leptos::prelude::*;

/// Something that rests on a run.
#[derive(Clone, Debug)]
pub struct Resting {
    pub what: String,
    /// How, and what becomes of it.
    pub how: String,
    pub href: String,
}

#[derive(Clone, Debug)]
pub struct VoidView {
    /// `Run of v4 on adult-half@1994`.
    pub run: String,
    pub run_href: String,
    pub action: String,
    pub resting: Vec<Resting>,
    /// The reason as it was typed, and what is wrong with it.
    pub reason: String,
    pub errors: FieldErrors,
}

#[component]
pub fn VoidPage(view: VoidView) -> impl IntoView {
    let said = match view.resting.len() {
        0 => "Nothing rests on this run.".to_owned(),
        n => format!(
            "{} on this run. Whoever answers for it is told.",
            number::counted(n as u64, "thing rests", "things rest")
        ),
    };
    view! {
        <PageHeader title="Void a run" subtitle=view.run />
        <Panel title="What rests on it">
            <p>{said}</p>
            {resting_list(view.resting)}
        </Panel>
        <Panel title="Why">
            <p class="dim">
                "The run stays readable, nothing new may rest on it, and this cannot be taken back."
            </p>
            <Form action=view.action id="void" errors=view.errors>
                <TextArea
                    label="What is wrong with it"
                    name="reason"
                    required=true
                    rows=3
                    value=view.reason
                />
                <Submit label="Void this run" kind=SubmitKind::Danger />
                " "
                <a class="button" href=view.run_href>
                    "Keep it"
                </a>
            </Form>
        </Panel>
    }
    .into_any()
}

/// What rests on a run, each with a link to it.
pub(super) fn resting_list(resting: Vec<Resting>) -> Option<AnyView> {
    if resting.is_empty() {
        return None;
    }
    let items = resting
        .into_iter()
        .map(|it| {
            view! {
                <li>
                    <a href=it.href>{it.what}</a>
                    <span class="small dim block">{it.how}</span>
                </li>
            }
        })
        .collect_view();
    Some(view! { <ul>{items}</ul> }.into_any())
}
