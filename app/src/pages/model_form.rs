//! Register a model, or describe one anew.

use super::models::model_path;
use super::parts::{
    CheckBox, Conflict, ConflictView, Form, PageHeader, Select, Submit, TextArea, TextField,
};
use crate::domain::model::{PositiveOutcome, RiskTier, Stage, Task};
use crate::domain::register::ModelInput;
use crate::form::FieldErrors;
use leptos::prelude::*;

#[derive(Clone, Debug)]
pub struct ModelFormView {
    pub input: ModelInput,
    pub errors: FieldErrors,
    /// Slug and name of each team in which it may stand.
    pub teams: Vec<(String, String)>,
    /// What an edit is based on: the version, and fingerprints of the fields.
    pub editing: Option<(i64, String)>,
    pub conflict: Option<ConflictView>,
}

fn options<T: Copy>(
    values: &[T],
    key: impl Fn(T) -> &'static str,
    words: impl Fn(T) -> &'static str,
) -> Vec<(String, String)> {
    values.iter().map(|value| (key(*value).to_owned(), words(*value).to_owned())).collect()
}

fn with_choice(options: Vec<(String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), "choose…".to_owned())).chain(options).collect()
}

#[component]
pub fn ModelFormPage(view: ModelFormView) -> impl IntoView {
    let input = view.input;
    let is_new = view.editing.is_none();
    let path = model_path(&input.slug);
    let (title, action, back, verb) = if is_new {
        ("Register a model".to_owned(), "/models/new".to_owned(), "/models".to_owned(), "Register")
    } else {
        (format!("Edit {}", input.slug), format!("{path}/edit"), path, "Save")
    };
    let hidden = view.editing.map_or_else(Vec::new, |(version, seen)| {
        vec![("version".to_owned(), version.to_string()), ("seen".to_owned(), seen)]
    });
    let slug_typed = input.slug.clone();
    // Built inside the form, which tells its fields what is wrong.
    let slug = move || {
        is_new.then(|| {
            view! {
                <TextField
                    label="Slug"
                    name="slug"
                    value=slug_typed
                    required=true
                    hint="In every address and command; it never changes. Lower-case letters, digits, dots, hyphens, underscores."
                />
            }
        })
    };
    view! {
        <PageHeader title=title />
        {view.conflict.map(|conflict| view! { <Conflict view=conflict /> })}
        <Form action=action errors=view.errors hidden=hidden>
            <TextField label="Name" name="name" value=input.name required=true />
            {slug()}
            <Select
                label="Team"
                name="team"
                options=with_choice(view.teams)
                value=input.team
                required=true
            />
            <Select
                label="Task"
                name="task"
                options=with_choice(options(Task::ALL, Task::as_str, Task::label))
                value=input.task
                required=true
                hint="Decides which metrics and policies apply."
            />
            <Select
                label="Risk tier"
                name="risk_tier"
                options=with_choice(options(RiskTier::ALL, RiskTier::as_str, RiskTier::label))
                value=input.risk_tier
                required=true
                hint="How much harm it could do to people."
            />
            <Select
                label="A positive prediction is"
                name="positive_outcome"
                options=options(
                    PositiveOutcome::ALL,
                    PositiveOutcome::as_str,
                    PositiveOutcome::label,
                )
                value=input.positive_outcome
                required=true
                hint="For the person it is made of. Decides which group counts as best: a loan granted is favourable, a fraud alarm adverse."
            />
            <Select
                label="Stage"
                name="stage"
                options=options(Stage::ALL, Stage::as_str, Stage::label)
                value=input.stage
                required=true
            />
            <TextField
                label="Surface"
                name="surface"
                value=input.surface
                hint="Where people meet it: home feed, search, sign-up."
            />
            <TextField
                label="Architecture"
                name="architecture"
                value=input.architecture
                hint="Gradient-boosted trees, two-tower retrieval, …"
            />
            <TextArea label="Intended use" name="intended_use" value=input.intended_use />
            <TextArea label="Out-of-scope use" name="out_of_scope_use" value=input.out_of_scope_use />
            <TextField
                label="Owners"
                name="owners"
                value=input.owners.join(", ")
                hint="E-mail addresses of people here, separated by commas."
            />
            <TextField
                label="Depends on"
                name="depends_on"
                value=input.depends_on.join(", ")
                hint="Slugs of models whose output it uses, separated by commas."
            />
            <TextField
                label="Days that rows are kept"
                name="rows_kept_days"
                value=input.rows_kept_days
                hint="Of uploaded predictions whose spec names id: a keyed hash of each id, label, prediction, score and groups, never the id itself, so that two runs are compared row by row. 0 keeps none. Shortening it also deletes."
            />
            <CheckBox
                label="Restricted: only its team and admins may see it"
                name="restricted"
                checked=input.restricted
            />
            <Submit label=verb>
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}
