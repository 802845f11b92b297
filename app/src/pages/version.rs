//! One version of a model: what it is, and its runs.

use super::models::{dataset_path, model_path, version_path};
use super::parts::{
    Badge, BadgeKind, Conflict, ConflictView, Digest, EmptyState, Form, Link, PageHeader, Panel,
    Prose, ReadinessPanel, ReadinessView, Scroll, Submit, TextArea, TextField, Time, number,
};
use crate::domain::register::VersionInput;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunRow {
    pub id: String,
    pub evaluated_at: OffsetDateTime,
    pub dataset_name: String,
    pub dataset_label: String,
    pub model_slug: String,
    pub model_name: String,
    pub version_label: String,
    /// Tool and version.
    pub instrument: String,
    pub estimates: u64,
    pub uploader: String,
    pub is_voided: bool,
}

/// Which columns a list of runs needs: what the page is about is no news on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOf {
    Version,
    Dataset,
}

/// Runs, the newest first.
#[component]
pub fn RunTable(rows: Vec<RunRow>, of: RunsOf) -> impl IntoView {
    let about = match of {
        RunsOf::Version => "Dataset",
        RunsOf::Dataset => "Model and version",
    };
    let rows = rows
        .into_iter()
        .map(|row| {
            let about = match of {
                RunsOf::Version => {
                    let text = format!("{}@{}", row.dataset_name, row.dataset_label);
                    let href = dataset_path(&row.dataset_name, &row.dataset_label);
                    view! { <a href=href>{text}</a> }.into_any()
                }
                RunsOf::Dataset => {
                    let href = version_path(&row.model_slug, &row.version_label);
                    view! {
                        <a href=href>{row.model_name} " " {row.version_label}</a>
                    }
                    .into_any()
                }
            };
            let voided =
                row.is_voided.then(|| view! { " " <Badge text="voided" kind=BadgeKind::Bad /> });
            view! {
                <tr>
                    <th scope="row">
                        <a href=format!("/runs/{}", row.id)>
                            <Time at=row.evaluated_at />
                        </a>
                        {voided}
                    </th>
                    <td>{about}</td>
                    <td>{row.instrument}</td>
                    <td class="num">{number::count(row.estimates)}</td>
                    <td>{row.uploader}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Scroll label="Runs">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Evaluated"</th>
                        <th scope="col">{about}</th>
                        <th scope="col">"Instrument"</th>
                        <th scope="col" class="num">
                            "Estimates"
                        </th>
                        <th scope="col">"Uploaded by"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

/// An upload that is not read yet.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// Its page.
    pub href: String,
    /// `1.2 GB`.
    pub size: String,
}

#[derive(Clone, Debug)]
pub struct VersionView {
    pub model_slug: String,
    pub model_name: String,
    pub label: String,
    pub commit: String,
    pub artifact_digest: String,
    pub training_data: String,
    pub notes: String,
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
    pub runs: Vec<RunRow>,
    pub under_way: Vec<UnderWay>,
    pub readiness: ReadinessView,
    pub may_request_launch: bool,
    pub may_describe: bool,
    pub may_upload: bool,
}

#[component]
pub fn VersionPage(view: VersionView) -> impl IntoView {
    let path = version_path(&view.model_slug, &view.label);
    let edit = view
        .may_describe
        .then(|| view! { <a class="button" href=format!("{path}/edit")>"Edit notes"</a> });
    let upload = view.may_upload.then(|| {
        view! {
            <a class="button primary" href=format!("{path}/upload")>
                "Upload results"
            </a>
        }
    });
    let launch = view.may_request_launch.then(|| {
        let link =
            Link::new("/launches/new").with("model", &view.model_slug).with("version", &view.label);
        view! { <a class="button" href=link.to_string()>"Request a launch"</a> }
    });
    let title = format!("{} {}", view.model_name, view.label);
    let runs = if view.runs.is_empty() {
        let command = format!(
            "evenhand upload predictions.csv --spec spec.toml --model {} --model-version {}",
            view.model_slug, view.label
        );
        view! {
            <EmptyState
                title="No results yet"
                text="Upload a results file or predictions on this page, or from the command line:"
                command=command
            />
        }
        .into_any()
    } else {
        let note = number::counted(view.runs.len() as u64, "run", "runs");
        view! {
            <Panel title="Runs" note=note>
                <RunTable rows=view.runs of=RunsOf::Version />
            </Panel>
        }
        .into_any()
    };
    let under_way = view
        .under_way
        .into_iter()
        .map(|upload| {
            view! {
                <p class="notice">
                    <a href=upload.href>"An upload of " {upload.size}</a>
                    " is being read, or waits for its turn; what stands here is without it."
                </p>
            }
        })
        .collect_view();
    let artifact = if view.artifact_digest.is_empty() {
        view! { <span class="faint">"not given"</span> }.into_any()
    } else {
        view! { <Digest digest=view.artifact_digest /> }.into_any()
    };
    let commit = if view.commit.is_empty() {
        view! { <span class="faint">"not given"</span> }.into_any()
    } else {
        view! { <code>{view.commit}</code> }.into_any()
    };
    view! {
        <PageHeader title=title>{edit} {launch} {upload}</PageHeader>
        {under_way}
        <ReadinessPanel view=view.readiness />
        {runs}
        <Panel title="What it is">
            <dl class="facts">
                <dt>"Commit"</dt>
                <dd>{commit}</dd>
                <dt>"Artifact"</dt>
                <dd>{artifact}</dd>
                <dt>"Training data"</dt>
                <dd>
                    <Prose text=view.training_data none="not described" />
                </dd>
                <dt>"Notes"</dt>
                <dd>
                    <Prose text=view.notes none="none" />
                </dd>
                <dt>"Registered"</dt>
                <dd>
                    <Time at=view.created_at clock=true />
                    " by "
                    {view.created_by.unwrap_or_else(|| "operator".to_owned())}
                </dd>
            </dl>
        </Panel>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct VersionFormView {
    pub model_slug: String,
    pub model_name: String,
    pub input: VersionInput,
    pub errors: FieldErrors,
    /// What an edit is based on: the version, and fingerprints of the fields.
    pub editing: Option<(i64, String)>,
    pub conflict: Option<ConflictView>,
}

#[component]
pub fn VersionFormPage(view: VersionFormView) -> impl IntoView {
    let input = view.input;
    let is_new = view.editing.is_none();
    let model = model_path(&view.model_slug);
    let (title, action, back, verb) = if is_new {
        (
            format!("Register a version of {}", view.model_name),
            format!("{model}/versions/new"),
            model,
            "Register",
        )
    } else {
        let path = version_path(&view.model_slug, &input.label);
        (format!("Edit {} {}", view.model_name, input.label), format!("{path}/edit"), path, "Save")
    };
    let hidden = view.editing.map_or_else(Vec::new, |(version, seen)| {
        vec![("version".to_owned(), version.to_string()), ("seen".to_owned(), seen)]
    });
    let (label, commit, digest) =
        (input.label.clone(), input.commit.clone(), input.artifact_digest.clone());
    // Built inside the form, which tells its fields what is wrong.
    let fixed = move || {
        is_new.then(|| {
            view! {
                <TextField
                    label="Label"
                    name="label"
                    value=label
                    required=true
                    hint="Such as v3 or 2026-11-01; it never changes."
                />
                <TextField
                    label="Commit"
                    name="commit"
                    value=commit
                    hint="Of the code that trained it."
                />
                <TextField
                    label="Artifact digest"
                    name="artifact_digest"
                    value=digest
                    hint="sha256: and 64 hexadecimal digits of the model file."
                />
            }
        })
    };
    view! {
        <PageHeader title=title />
        {view.conflict.map(|conflict| view! { <Conflict view=conflict /> })}
        <Form action=action errors=view.errors hidden=hidden>
            {fixed()}
            <TextArea
                label="Training data"
                name="training_data"
                value=input.training_data
                hint="What it was trained on, and what was left out."
            />
            <TextArea label="Notes" name="notes" value=input.notes />
            <Submit label=verb>
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}
