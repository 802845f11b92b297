//! One person, as an admin sees them.

use super::parts::{
    FieldKind, Form, PageHeader, Panel, Select, Submit, SubmitKind, TextField, Time,
};
use super::people::{FunctionList, PersonBadge, PersonState, everywhere_or};
use super::tokens::{TokenLine, TokenTable};
use crate::domain::Role;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct PersonView {
    pub id: String,
    /// As stored.
    pub name: String,
    pub email: String,
    pub state: PersonState,
    pub added: OffsetDateTime,
    /// How many sessions are open.
    pub sessions: usize,
    pub roles: Vec<RoleLine>,
    pub functions: Vec<String>,
    pub tokens: Vec<TokenLine>,
    /// Slug and name of each team.
    pub teams: Vec<(String, String)>,
    /// A one-time link that was made just now: shown here and never again.
    pub link: Option<String>,
    /// Why the last action was refused.
    pub trouble: Option<String>,
    pub edit: PersonEdit,
    pub grant: GrantForm,
}

#[derive(Clone, Debug)]
pub struct RoleLine {
    pub role: Role,
    /// Slug and name; `None` for every team.
    pub team: Option<(String, String)>,
}

/// Name and address as they were typed, and the version that they change.
#[derive(Clone, Debug, Default)]
pub struct PersonEdit {
    pub name: String,
    pub email: String,
    pub version: i64,
    pub errors: FieldErrors,
}

/// A role as it was typed.
#[derive(Clone, Debug, Default)]
pub struct GrantForm {
    pub role: String,
    pub team: String,
    pub errors: FieldErrors,
}

#[component]
pub fn PersonPage(view: PersonView) -> impl IntoView {
    let base = format!("/people/{}", view.id);
    let link = view.link.map(|link| {
        view! {
            <section class="notice good" role="status">
                <h2>"One-time link"</h2>
                <p>{format!("Hand it to {}. It works once, within an hour, and is shown only now.", view.name)}</p>
                <pre class="token" tabindex="0" aria-label="Link to copy">
                    <code>{link}</code>
                </pre>
            </section>
        }
    });
    let trouble =
        view.trouble.map(|trouble| view! { <p class="notice bad" role="alert">{trouble}</p> });
    let tokens = if view.tokens.is_empty() {
        view! { <p class="dim">"None."</p> }.into_any()
    } else {
        view! { <TokenTable tokens=view.tokens action=format!("{base}/tokens") /> }.into_any()
    };
    let roles = view! {
        <Roles roles=view.roles base=base.clone() />
        <hr />
        <Grant form=view.grant teams=view.teams base=base.clone() />
    };
    let functions = view! { <Functions chosen=view.functions base=base.clone() /> };
    let edit = view! { <Edit edit=view.edit base=base.clone() /> };
    let access = view! {
        <Access state=view.state sessions=view.sessions added=view.added base=base />
    };
    view! {
        <PageHeader title=view.name subtitle=view.email>
            <PersonBadge state=view.state />
        </PageHeader>
        {trouble}
        {link}
        <div class="row">
            <Panel title="Roles" note="they count from the next request on">
                {roles}
            </Panel>
            <Panel title="Reviewing" note="what they may sign for">{functions}</Panel>
        </div>
        <div class="row">
            <Panel title="Name and address">{edit}</Panel>
            <Panel title="Access">{access}</Panel>
        </div>
        <Panel title="API tokens" note="they act with this person's roles">
            {tokens}
        </Panel>
    }
    .into_any()
}

#[component]
fn Functions(chosen: Vec<String>, base: String) -> impl IntoView {
    view! {
        <Form action=format!("{base}/functions") id="functions">
            <FunctionList chosen=chosen />
            <Submit label="Save functions" kind=SubmitKind::Plain />
        </Form>
    }
    .into_any()
}

#[component]
fn Roles(roles: Vec<RoleLine>, base: String) -> impl IntoView {
    if roles.is_empty() {
        return view! { <p class="dim">"None yet: this person may see nothing."</p> }.into_any();
    }
    let lines = roles
        .into_iter()
        .enumerate()
        .map(|(i, line)| {
            let (slug, place) = match line.team {
                Some((slug, name)) => (slug, format!(" in {name}")),
                None => (String::new(), " in every team".to_owned()),
            };
            let hidden =
                vec![("role".to_owned(), line.role.as_str().to_owned()), ("team".to_owned(), slug)];
            view! {
                <li class="split">
                    <span>
                        <b>{line.role.label()}</b>
                        {place}
                    </span>
                    <Form
                        action=format!("{base}/roles/revoke")
                        id=format!("role-{i}")
                        hidden=hidden
                        inline=true
                    >
                        <Submit label="Take back" kind=SubmitKind::Plain />
                    </Form>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="plain">{lines}</ul> }.into_any()
}

#[component]
fn Grant(form: GrantForm, teams: Vec<(String, String)>, base: String) -> impl IntoView {
    let roles =
        Role::ALL.iter().map(|role| (role.as_str().to_owned(), role.label().to_owned())).collect();
    // The least of the roles stands first: a slip of the hand must not make an admin.
    let role = if form.role.is_empty() { Role::Viewer.as_str().to_owned() } else { form.role };
    view! {
        <Form action=format!("{base}/roles") id="grant" errors=form.errors inline=true>
            <Select label="Role" name="role" options=roles value=role required=true />
            <Select
                label="In"
                name="team"
                options=everywhere_or(teams)
                value=form.team
                required=true
            />
            <Submit label="Give role" kind=SubmitKind::Plain />
        </Form>
    }
    .into_any()
}

#[component]
fn Edit(edit: PersonEdit, base: String) -> impl IntoView {
    view! {
        <Form
            action=base
            id="edit"
            errors=edit.errors
            hidden=vec![("version".to_owned(), edit.version.to_string())]
        >
            <TextField label="Name" name="name" value=edit.name required=true autocomplete="off" />
            <TextField
                label="E-mail address"
                name="email"
                value=edit.email
                kind=FieldKind::Email
                required=true
                autocomplete="off"
            />
            <Submit label="Save" kind=SubmitKind::Plain />
        </Form>
    }
    .into_any()
}

#[component]
fn Access(
    state: PersonState,
    sessions: usize,
    added: OffsetDateTime,
    base: String,
) -> impl IntoView {
    let is_disabled = state == PersonState::Disabled;
    let link = (!is_disabled).then(|| {
        let label = if state == PersonState::Invited {
            "New invitation link"
        } else {
            "Link for a new password"
        };
        view! {
            <Form action=format!("{base}/link") id="link" inline=true>
                <Submit label=label kind=SubmitKind::Plain />
            </Form>
        }
    });
    let end = (sessions > 0).then(|| {
        view! {
            <Form action=format!("{base}/sessions/end") id="sessions" inline=true>
                <Submit label="End all sessions" kind=SubmitKind::Plain />
            </Form>
        }
    });
    let switch = if is_disabled {
        view! {
            <Form action=format!("{base}/enable") id="enable" inline=true>
                <Submit label="Enable" kind=SubmitKind::Plain />
            </Form>
        }
        .into_any()
    } else {
        view! {
            <Form action=format!("{base}/disable") id="disable" inline=true>
                <Submit label="Disable" kind=SubmitKind::Danger />
            </Form>
        }
        .into_any()
    };
    view! {
        <dl class="facts">
            <dt>"Added"</dt>
            <dd>
                <Time at=added clock=true />
            </dd>
            <dt>"Open sessions"</dt>
            <dd>{sessions}</dd>
        </dl>
        <hr />
        <div class="submit">{link} {end} {switch}</div>
    }
    .into_any()
}
