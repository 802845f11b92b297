//! The attribute registry: what the organisation calls its attributes and groups.

use super::parts::{
    Badge, BadgeKind, Conflict, ConflictView, EmptyState, FieldKind, Form, PageHeader, Panel,
    Scroll, Select, Submit, SubmitKind, TextArea, TextField, Time, number,
};
use super::proposals::{Proposals, ProposalsView};
use crate::domain::attribute::Sensitivity;
use crate::domain::register::{AttributeInput, RegroupingInput};
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct GroupView {
    pub name: String,
    pub is_confirmed: bool,
}

/// Another name of an attribute or group.
#[derive(Clone, Debug)]
pub struct AliasView {
    pub alias: String,
    /// The group that it stands for; `None` for the attribute itself.
    pub group: Option<String>,
    /// The model that it holds for; `None` for all models.
    pub model: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AttributeView {
    pub id: String,
    pub name: String,
    pub description: String,
    pub is_sensitive: bool,
    pub is_confirmed: bool,
    pub groups: Vec<GroupView>,
    pub aliases: Vec<AliasView>,
    /// The oldest first.
    pub regroupings: Vec<RegroupingView>,
}

/// Groups that took the place of others.
#[derive(Clone, Debug)]
pub struct RegroupingView {
    /// `split`, `merged`, `drawn anew`.
    pub kind: &'static str,
    /// `light, medium → 1, 2, 3`.
    pub words: String,
    pub since: OffsetDateTime,
    pub reason: String,
}

#[derive(Clone, Debug)]
pub struct AttributesView {
    /// The registry's version.
    pub version: i64,
    pub attributes: Vec<AttributeView>,
    /// Of each model that may be seen and has any.
    pub proposals: Vec<ProposalsView>,
    pub may_edit: bool,
}

#[component]
pub fn AttributesPage(view: AttributesView) -> impl IntoView {
    let may_edit = view.may_edit;
    let add = may_edit
        .then(|| view! { <a class="button primary" href="/attributes/new">"Add an attribute"</a> });
    let subtitle = format!(
        "{}, registry version {}",
        number::counted(view.attributes.len() as u64, "attribute", "attributes"),
        view.version
    );
    let proposals = view
        .proposals
        .into_iter()
        .map(|proposals| view! { <Proposals view=proposals /> })
        .collect_view();
    if view.attributes.is_empty() {
        return view! {
            <PageHeader title="Attributes">{add}</PageHeader>
            <EmptyState
                title="No attribute is known yet"
                text="A model's first run proposes its attributes and groups, and a lead accepts them with one click. An admin may also add them here beforehand."
            />
        }
        .into_any();
    }
    let rows = view
        .attributes
        .into_iter()
        .map(|attribute| attribute_row(attribute, may_edit))
        .collect_view();
    view! {
        <PageHeader title="Attributes" subtitle=subtitle>
            {add}
        </PageHeader>
        {proposals}
        <Panel title="Known attributes">
            <Scroll label="Attributes">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Attribute"</th>
                            <th scope="col">"Groups"</th>
                            <th scope="col">"Other names"</th>
                            {may_edit
                                .then(|| {
                                    view! {
                                        <th scope="col">
                                            <span class="visually-hidden">"Actions"</span>
                                        </th>
                                    }
                                })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

fn standing(is_confirmed: bool) -> Option<AnyView> {
    (!is_confirmed).then(|| {
        view! {
            " "
            <Badge text="unconfirmed" kind=BadgeKind::Thin />
        }
        .into_any()
    })
}

fn attribute_row(attribute: AttributeView, may_edit: bool) -> AnyView {
    let sensitive = attribute
        .is_sensitive
        .then(|| view! { " " <Badge text="sensitive" kind=BadgeKind::Info /> });
    let groups = attribute
        .groups
        .into_iter()
        .map(|group| {
            let kind = if group.is_confirmed { BadgeKind::Plain } else { BadgeKind::Thin };
            let text = if group.is_confirmed {
                group.name
            } else {
                format!("{} (unconfirmed)", group.name)
            };
            view! { <Badge text=text kind=kind /> }
        })
        .collect_view();
    let aliases = alias_list(attribute.aliases);
    let edit = may_edit.then(|| {
        let label = format!("Edit {}", attribute.name);
        view! {
            <td class="num">
                <a class="button" href=format!("/attributes/{}", attribute.id) aria-label=label>
                    "Edit"
                </a>
            </td>
        }
    });
    view! {
        <tr>
            <th scope="row">
                {attribute.name} {sensitive} {standing(attribute.is_confirmed)}
                <div class="small dim prose">{attribute.description}</div>
            </th>
            <td>
                <span class="key">{groups}</span>
            </td>
            <td>{aliases}</td>
            {edit}
        </tr>
    }
    .into_any()
}

fn alias_list(aliases: Vec<AliasView>) -> AnyView {
    if aliases.is_empty() {
        return view! { <span class="faint">"none"</span> }.into_any();
    }
    let items = aliases
        .into_iter()
        .map(|alias| {
            let target = alias.group.unwrap_or_else(|| "the attribute".to_owned());
            let whose = alias.model.map(|model| {
                view! { <span class="dim">{format!(" in {model}")}</span> }
            });
            view! { <li>{alias.alias} " is " {target} {whose}</li> }
        })
        .collect_view();
    view! { <ul class="plain">{items}</ul> }.into_any()
}

#[derive(Clone, Debug)]
pub struct AttributeFormView {
    pub input: AttributeInput,
    pub errors: FieldErrors,
    /// What an edit is based on: the version, and fingerprints of the fields.
    pub editing: Option<(i64, String)>,
    pub conflict: Option<ConflictView>,
    /// The attribute that is edited; `None` for a new one.
    pub attribute: Option<AttributeView>,
    /// What was wrong with the alias, and what was typed: alias and group.
    pub alias_errors: FieldErrors,
    pub alias_typed: (String, String),
    pub regrouping: RegroupingInput,
    pub regrouping_errors: FieldErrors,
}

#[component]
pub fn AttributeFormPage(view: AttributeFormView) -> impl IntoView {
    let input = view.input;
    let (title, action, verb) = match &view.attribute {
        None => ("Add an attribute".to_owned(), "/attributes/new".to_owned(), "Add"),
        Some(attribute) => {
            (format!("Edit {}", attribute.name), format!("/attributes/{}", attribute.id), "Save")
        }
    };
    let hidden = view.editing.map_or_else(Vec::new, |(version, seen)| {
        vec![("version".to_owned(), version.to_string()), ("seen".to_owned(), seen)]
    });
    let is_new = view.attribute.is_none();
    let typed_name = input.name.clone();
    // Built inside the form, which tells its fields what is wrong.
    let name = move || {
        is_new.then(|| {
            view! {
                <TextField
                    label="Name"
                    name="name"
                    value=typed_name
                    required=true
                    hint="As files call it, such as sex or age_band; it never changes."
                />
            }
        })
    };
    let sensitivities: Vec<_> = Sensitivity::ALL
        .iter()
        .map(|value| (value.as_str().to_owned(), value.label().to_owned()))
        .collect();
    let hint = if view.attribute.is_some() {
        "One a line. New ones are added, unconfirmed ones confirmed; none is removed, since runs refer to them. Saving confirms the attribute."
    } else {
        "One a line. They are confirmed from the start."
    };
    let regrouping = view
        .attribute
        .as_ref()
        .map(|attribute| regrouping_panel(attribute, view.regrouping, view.regrouping_errors));
    let aliases =
        view.attribute.map(|attribute| alias_panel(attribute, view.alias_errors, view.alias_typed));
    view! {
        <PageHeader title=title />
        {view.conflict.map(|conflict| view! { <Conflict view=conflict /> })}
        <Form action=action errors=view.errors hidden=hidden>
            {name()}
            <TextArea
                label="Description"
                name="description"
                value=input.description
                hint="What it means here, and what it must not be taken for."
            />
            <Select
                label="Sensitivity"
                name="sensitivity"
                options=sensitivities
                value=input.sensitivity
                required=true
            />
            <TextArea label="Groups" name="groups" value=input.groups hint=hint rows=6 />
            <Submit label=verb>
                <a class="button" href="/attributes">
                    "Cancel"
                </a>
            </Submit>
        </Form>
        {aliases}
        {regrouping}
    }
    .into_any()
}

fn regrouping_panel(
    attribute: &AttributeView,
    typed: RegroupingInput,
    errors: FieldErrors,
) -> AnyView {
    let past = (!attribute.regroupings.is_empty()).then(|| {
        let items = attribute
            .regroupings
            .iter()
            .cloned()
            .map(|it| {
                view! {
                    <li>
                        <Time at=it.since /> ": " {it.words} " "
                        <span class="dim">{format!("({}: {})", it.kind, it.reason)}</span>
                    </li>
                }
            })
            .collect_view();
        view! { <ul class="plain">{items}</ul> }
    });
    let action = format!("/attributes/{}/regroupings", attribute.id);
    view! {
        <Panel title="Split or merge groups" note="trends break where it happened">
            {past}
            <Form
                action=action
                id="regrouping"
                errors=errors
            >
                <TextArea
                    label="Groups until then"
                    name="before"
                    value=typed.before
                    required=true
                    rows=3
                    hint="One a line. They stay known, since runs refer to them; another name for the same people is an alias instead."
                />
                <TextArea
                    label="Groups from then on"
                    name="after"
                    value=typed.after
                    required=true
                    rows=3
                    hint="One a line. They are confirmed at once."
                />
                <TextField
                    label="Since"
                    name="since"
                    kind=FieldKind::Date
                    value=typed.since
                    required=true
                    hint="Evaluations from this day on use the new groups."
                />
                <TextField label="Why" name="reason" value=typed.reason required=true />
                <Submit label="Draw the groups anew" kind=SubmitKind::Plain />
            </Form>
        </Panel>
    }
    .into_any()
}

fn alias_panel(
    attribute: AttributeView,
    errors: FieldErrors,
    (alias, group): (String, String),
) -> AnyView {
    let options: Vec<(String, String)> =
        std::iter::once((String::new(), format!("the attribute {}", attribute.name)))
            .chain(attribute.groups.iter().map(|g| (g.name.clone(), g.name.clone())))
            .collect();
    view! {
        <Panel title="Other names" note="for all models; a lead makes those of one model on its page">
            {alias_list(attribute.aliases)}
            <Form
                action=format!("/attributes/{}/aliases", attribute.id)
                id="alias"
                inline=true
                errors=errors
            >
                <TextField label="Name" name="alias" value=alias required=true />
                <Select
                    label="Stands for"
                    name="group"
                    options=options
                    value=group
                    required=true
                />
                <Submit label="Add the name" kind=SubmitKind::Plain />
            </Form>
        </Panel>
    }
    .into_any()
}
