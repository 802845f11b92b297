//! The evaluation sets, and the card of each: where it came from and how each group label was
//! obtained.

use super::models::dataset_path;
use super::parts::{
    Badge, BadgeKind, Conflict, ConflictView, Digest, EmptyState, FieldKind, FilterBar, Form, Link,
    PageHeader, Pages, Panel, Prose, Scroll, Select, Submit, TextArea, TextField, Time, number,
};
use super::version::{RunRow, RunTable, RunsOf};
use crate::domain::dataset::Obtained;
use crate::domain::register::{AttributeLabels, DatasetInput};
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

/// How many datasets a page shows.
pub const PER_PAGE: u64 = 50;

#[derive(Clone, Debug)]
pub struct DatasetRow {
    pub name: String,
    pub label: String,
    pub digest: Option<String>,
    pub rows: Option<u64>,
    pub collected: String,
    pub runs: u64,
    pub updated_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct DatasetsView {
    pub rows: Vec<DatasetRow>,
    pub total: u64,
    /// From 1.
    pub page: u64,
    pub search: String,
    pub may_describe: bool,
}

fn rows_or_unknown(rows: Option<u64>) -> AnyView {
    match rows {
        Some(rows) => number::count(rows).into_any(),
        None => view! { <span class="faint">"unknown"</span> }.into_any(),
    }
}

#[component]
pub fn DatasetsPage(view: DatasetsView) -> impl IntoView {
    let add = view
        .may_describe
        .then(|| view! { <a class="button primary" href="/datasets/new">"Describe a dataset"</a> });
    let is_filtered = !view.search.is_empty();
    if view.total == 0 && !is_filtered {
        return view! {
            <PageHeader title="Datasets">{add}</PageHeader>
            <EmptyState
                title="No dataset yet"
                text="An upload that names a dataset makes it; its card is described here afterwards:"
                command="evenhand upload predictions.csv --spec spec.toml --model MODEL --model-version VERSION --dataset adult-test@1994"
            />
        }
        .into_any();
    }
    let first = (view.page - 1) * PER_PAGE + 1;
    let last = first - 1 + view.rows.len() as u64;
    let link = Link::new("/datasets").with_some("q", &view.search);
    let previous = (view.page > 1).then(|| link.set("page", view.page - 1));
    let next =
        (last < view.total && !view.rows.is_empty()).then(|| link.set("page", view.page + 1));
    let list = if view.rows.is_empty() {
        view! { <EmptyState title="No dataset fits" text="No dataset's name holds what you searched." /> }
            .into_any()
    } else {
        table(view.rows)
    };
    view! {
        <PageHeader title="Datasets">{add}</PageHeader>
        <FilterBar action="/datasets" active=is_filtered label="Search">
            <TextField label="Name" name="q" value=view.search kind=FieldKind::Search />
        </FilterBar>
        <section class="panel">
            {list} <Pages first=first last=last total=view.total previous=previous next=next />
        </section>
    }
    .into_any()
}

fn table(rows: Vec<DatasetRow>) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let digest = row.digest.map_or_else(
                || view! { <span class="faint">"not given"</span> }.into_any(),
                |digest| view! { <Digest digest=digest /> }.into_any(),
            );
            view! {
                <tr>
                    <th scope="row">
                        <a href=dataset_path(
                            &row.name,
                            &row.label,
                        )>{row.name.clone()} "@" {row.label.clone()}</a>
                    </th>
                    <td class="num">{rows_or_unknown(row.rows)}</td>
                    <td>{digest}</td>
                    <td>{row.collected}</td>
                    <td class="num">{number::count(row.runs)}</td>
                    <td>
                        <Time at=row.updated_at />
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Scroll label="Datasets">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Dataset"</th>
                        <th scope="col" class="num">
                            "Rows"
                        </th>
                        <th scope="col">"Digest"</th>
                        <th scope="col">"Collected"</th>
                        <th scope="col" class="num">
                            "Runs"
                        </th>
                        <th scope="col">"Described"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct DatasetView {
    pub name: String,
    pub label: String,
    pub digest: Option<String>,
    pub rows: Option<u64>,
    pub origin: String,
    pub sampling: String,
    pub collected: String,
    pub notes: String,
    pub attributes: Vec<AttributeLabels>,
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
    /// Runs of models that may be seen.
    pub runs: Vec<RunRow>,
    pub may_describe: bool,
}

#[component]
pub fn DatasetPage(view: DatasetView) -> impl IntoView {
    let path = dataset_path(&view.name, &view.label);
    let edit = view
        .may_describe
        .then(|| view! { <a class="button" href=format!("{path}/edit")>"Edit the card"</a> });
    let digest = view.digest.map_or_else(
        || view! { <span class="faint">"not given"</span> }.into_any(),
        |digest| view! { <Digest digest=digest /> }.into_any(),
    );
    let collected = if view.collected.is_empty() {
        view! { <span class="faint">"not described"</span> }.into_any()
    } else {
        view.collected.into_any()
    };
    let title = format!("{}@{}", view.name, view.label);
    let runs = if view.runs.is_empty() {
        view! { <p class="dim">"No run that you may see has used it."</p> }.into_any()
    } else {
        view! { <RunTable rows=view.runs of=RunsOf::Dataset /> }.into_any()
    };
    view! {
        <PageHeader title=title>{edit}</PageHeader>
        <div class="row">
            <div class="wide">
                <Panel title="Where it came from">
                    <dl class="facts">
                        <dt>"Origin"</dt>
                        <dd>
                            <Prose text=view.origin none="not described" />
                        </dd>
                        <dt>"Sampling"</dt>
                        <dd>
                            <Prose text=view.sampling none="not described" />
                        </dd>
                        <dt>"Collected"</dt>
                        <dd>{collected}</dd>
                        <dt>"Notes"</dt>
                        <dd>
                            <Prose text=view.notes none="none" />
                        </dd>
                    </dl>
                </Panel>
            </div>
            <Panel title="What it is">
                <dl class="facts">
                    <dt>"Rows"</dt>
                    <dd>{rows_or_unknown(view.rows)}</dd>
                    <dt>"Digest"</dt>
                    <dd>{digest}</dd>
                    <dt>"Registered"</dt>
                    <dd>
                        <Time at=view.created_at />
                        " by "
                        {view.created_by.unwrap_or_else(|| "operator".to_owned())}
                    </dd>
                </dl>
            </Panel>
        </div>
        {labels(view.attributes)}
        <Panel title="Runs on it">{runs}</Panel>
    }
    .into_any()
}

fn labels(attributes: Vec<AttributeLabels>) -> AnyView {
    let note = "per attribute; what was not measured cannot be compared";
    if attributes.is_empty() {
        return view! {
            <Panel title="How group labels were obtained" note=note>
                <p class="dim">"Nobody has described this yet."</p>
            </Panel>
        }
        .into_any();
    }
    let rows = attributes
        .into_iter()
        .map(|labels| {
            let obtained = if labels.obtained == Obtained::NotMeasured {
                let why = format!("because {}", labels.note);
                view! {
                    <td>
                        <Badge text="not measured" kind=BadgeKind::Thin />
                    </td>
                    <td class="text">{why}</td>
                }
                .into_any()
            } else {
                view! {
                    <td>{labels.obtained.label()}</td>
                    <td class="text">{labels.note}</td>
                }
                .into_any()
            };
            view! {
                <tr>
                    <th scope="row">{labels.attribute}</th>
                    {obtained}
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="How group labels were obtained" note=note>
            <Scroll label="How group labels were obtained">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Attribute"</th>
                            <th scope="col">"Obtained"</th>
                            <th scope="col">"Note"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct DatasetFormView {
    pub input: DatasetInput,
    pub errors: FieldErrors,
    /// What an edit is based on: the version, and fingerprints of the fields.
    pub editing: Option<(i64, String)>,
    pub conflict: Option<ConflictView>,
}

#[component]
pub fn DatasetFormPage(view: DatasetFormView) -> impl IntoView {
    let input = view.input;
    let is_new = view.editing.is_none();
    let (title, action, back, verb) = if is_new {
        (
            "Describe a dataset".to_owned(),
            "/datasets/new".to_owned(),
            "/datasets".to_owned(),
            "Register",
        )
    } else {
        let path = dataset_path(&input.name, &input.label);
        (format!("Edit {}@{}", input.name, input.label), format!("{path}/edit"), path, "Save")
    };
    let hidden = view.editing.map_or_else(Vec::new, |(version, seen)| {
        vec![("version".to_owned(), version.to_string()), ("seen".to_owned(), seen)]
    });
    let fixed = is_new.then(|| {
        view! {
            <TextField
                label="Name"
                name="name"
                value=input.name.clone()
                required=true
                hint="Such as adult-test; it never changes."
            />
            <TextField
                label="Version"
                name="label"
                value=input.label.clone()
                required=true
                hint="Such as 1994; other data needs another version."
            />
            <TextField
                label="Digest"
                name="digest"
                value=input.digest.clone()
                hint="sha256: and 64 hexadecimal digits of the file. An upload fills it in if it is empty."
            />
            <TextField label="Rows" name="rows" value=input.rows.clone() />
        }
    });
    // Two more lines than there are, so that one can be added without scripts; saving shows more.
    let mut attributes = input.attributes;
    attributes.extend([EMPTY, EMPTY]);
    let options: Vec<(String, String)> = std::iter::once((String::new(), "choose…".to_owned()))
        .chain(Obtained::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())))
        .collect();
    let lines = attributes
        .into_iter()
        .enumerate()
        .map(|(i, typed)| {
            view! {
                <fieldset class="pick obtained">
                    <legend class="visually-hidden">{format!("Attribute {}", i + 1)}</legend>
                    <TextField
                        label="Attribute"
                        name=format!("attribute_{i}")
                        value=typed.attribute
                    />
                    <Select
                        label="Obtained"
                        name=format!("obtained_{i}")
                        options=options.clone()
                        value=typed.obtained
                    />
                    <TextField label="Note, or reason" name=format!("note_{i}") value=typed.note />
                </fieldset>
            }
        })
        .collect_view();
    view! {
        <PageHeader title=title />
        {view.conflict.map(|conflict| view! { <Conflict view=conflict /> })}
        <Form action=action errors=view.errors hidden=hidden>
            {fixed}
            <TextArea
                label="Origin"
                name="origin"
                value=input.origin
                hint="Who collected it, from whom, under which terms."
            />
            <TextArea
                label="Sampling"
                name="sampling"
                value=input.sampling
                hint="How rows were chosen, and who is missing."
            />
            <TextField
                label="Collected"
                name="collected"
                value=input.collected
                hint="A day, or from when to when."
            />
            <TextArea label="Notes" name="notes" value=input.notes />
            <fieldset class="field">
                <legend>"How group labels were obtained"</legend>
                <p class="hint">
                    "Not measured needs a reason. Where labels are inferred, say how often they are wrong."
                </p>
                {lines}
            </fieldset>
            <Submit label=verb>
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}

const EMPTY: crate::domain::register::ObtainedInput = crate::domain::register::ObtainedInput {
    attribute: String::new(),
    obtained: String::new(),
    note: String::new(),
};
