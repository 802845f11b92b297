//! Teams: the tree, one team, and the form that makes one.

use super::parts::{
    Badge, BadgeKind, EmptyState, Form, PageHeader, Panel, Scroll, Select, Submit, TextField,
};
use crate::form::FieldErrors;
use leptos::prelude::*;

#[derive(Clone, Debug, Default)]
pub struct TeamsView {
    /// The tree, each team before its sub-teams.
    pub teams: Vec<TeamLine>,
    pub may_manage: bool,
}

#[derive(Clone, Debug)]
pub struct TeamLine {
    pub slug: String,
    pub name: String,
    /// How many teams stand above it.
    pub depth: usize,
    pub members: i64,
    pub models: i64,
}

#[component]
pub fn TeamsPage(view: TeamsView) -> impl IntoView {
    let new = view
        .may_manage
        .then(|| view! { <a class="button primary" href="/teams/new">"New team"</a> });
    if view.teams.is_empty() {
        return view! {
            <PageHeader title="Teams" />
            <EmptyState title="No teams yet" text="A team owns models. Make one to register the first.">
                {new}
            </EmptyState>
        }
        .into_any();
    }
    let lines = view.teams.into_iter().map(line).collect_view();
    view! {
        <PageHeader title="Teams">{new}</PageHeader>
        <Panel title="Teams and their sub-teams" note="a role in a team holds in its sub-teams too">
            <Scroll label="Teams">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Team"</th>
                            <th scope="col">"Slug"</th>
                            <th scope="col" class="num">"Members"</th>
                            <th scope="col" class="num">"Models"</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

fn line(team: TeamLine) -> impl IntoView {
    let class = format!("depth-{}", team.depth.min(6));
    view! {
        <tr>
            <th scope="row" class=class>
                <a href=format!("/teams/{}", team.slug)>{team.name}</a>
            </th>
            <td>
                <code>{team.slug}</code>
            </td>
            <td class="num">{team.members}</td>
            <td class="num">{team.models}</td>
        </tr>
    }
}

#[derive(Clone, Debug, Default)]
pub struct TeamView {
    pub slug: String,
    pub name: String,
    /// Slug and name.
    pub parent: Option<(String, String)>,
    pub children: Vec<(String, String)>,
    pub models: i64,
    pub members: Vec<MemberLine>,
    /// The form, for whoever may change the team.
    pub edit: Option<TeamForm>,
}

#[derive(Clone, Debug)]
pub struct MemberLine {
    /// Where an admin sees more of them.
    pub href: Option<String>,
    pub name: String,
    pub role: String,
    pub is_disabled: bool,
}

/// A team as it was typed.
#[derive(Clone, Debug, Default)]
pub struct TeamForm {
    pub slug: String,
    pub name: String,
    pub parent: String,
    /// The version that it changes.
    pub version: i64,
    /// Slug and name of each team that may be the parent.
    pub parents: Vec<(String, String)>,
    pub errors: FieldErrors,
}

#[component]
pub fn TeamPage(view: TeamView) -> impl IntoView {
    let link = |(slug, name): (String, String)| {
        view! { <a href=format!("/teams/{slug}")>{name}</a> }
    };
    let parent = match view.parent {
        Some(parent) => link(parent).into_any(),
        None => "none".into_any(),
    };
    let children = if view.children.is_empty() {
        "none".into_any()
    } else {
        let last = view.children.len() - 1;
        view.children
            .into_iter()
            .enumerate()
            .map(|(i, child)| view! { {link(child)} {(i < last).then_some(", ")} })
            .collect_view()
            .into_any()
    };
    let models = format!("/models?team={}", view.slug);
    let action = format!("/teams/{}", view.slug);
    let edit = view.edit.map(|form| {
        view! {
            <Panel title="Name and parent">
                <TeamFields
                    action=action
                    form=form
                    label="Save"
                    is_new=false
                />
            </Panel>
        }
    });
    view! {
        <PageHeader title=view.name subtitle=view.slug />
        <div class="row">
            <Panel title="Team">
                <dl class="facts">
                    <dt>"Parent"</dt>
                    <dd>{parent}</dd>
                    <dt>"Sub-teams"</dt>
                    <dd>{children}</dd>
                    <dt>"Models"</dt>
                    <dd>
                        <a href=models>{view.models}</a>
                    </dd>
                </dl>
            </Panel>
            <Panel title="Members" note="with a role in this very team">
                <Members members=view.members />
            </Panel>
        </div>
        {edit}
    }
    .into_any()
}

#[component]
fn Members(members: Vec<MemberLine>) -> impl IntoView {
    if members.is_empty() {
        return view! { <p class="dim">"None."</p> }.into_any();
    }
    let lines = members
        .into_iter()
        .map(|member| {
            let name = match member.href {
                Some(href) => view! { <a href=href>{member.name}</a> }.into_any(),
                None => member.name.into_any(),
            };
            let disabled = member
                .is_disabled
                .then(|| view! { " " <Badge text="disabled" kind=BadgeKind::Bad /> });
            view! {
                <tr>
                    <th scope="row">{name} {disabled}</th>
                    <td>{member.role}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Scroll label="Members">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Role"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

#[component]
pub fn NewTeamPage(form: TeamForm) -> impl IntoView {
    view! {
        <PageHeader title="New team" />
        <Panel title="Team">
            <TeamFields action="/teams/new" form=form label="Make team" is_new=true />
        </Panel>
    }
    .into_any()
}

#[component]
fn TeamFields(
    #[prop(into)] action: String,
    form: TeamForm,
    label: &'static str,
    is_new: bool,
) -> impl IntoView {
    let parents =
        std::iter::once((String::new(), "no parent".to_owned())).chain(form.parents).collect();
    let hidden =
        if is_new { vec![] } else { vec![("version".to_owned(), form.version.to_string())] };
    let slug = is_new.then(|| {
        view! {
            <TextField
                label="Slug"
                name="slug"
                value=form.slug
                hint="What addresses the team in URLs and files, such as home-feed. It never changes."
                required=true
            />
        }
    });
    view! {
        <Form action=action errors=form.errors hidden=hidden>
            <TextField label="Name" name="name" value=form.name required=true />
            {slug}
            <Select label="Parent" name="parent" options=parents value=form.parent required=true />
            <Submit label=label />
        </Form>
    }
    .into_any()
}
