//! Who has an account, and the form that invites somebody.

use super::parts::{
    Badge, BadgeKind, CheckList, FieldKind, FilterBar, Form, Link, PageHeader, Pages, Panel,
    Scroll, Select, SortHeader, Sorted, Submit, TextField, Time,
};
use crate::domain::{Function, Role};
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct PeopleView {
    pub people: Vec<PersonLine>,
    pub total: u64,
    /// Number of the first row that is shown, from 1.
    pub first: u64,
    pub search: String,
    pub role: String,
    pub team: String,
    pub status: String,
    /// `name`, `email` or `added`, with `-` before it for the other way round.
    pub sort: String,
    pub page: u64,
    /// Slug and name of each team.
    pub teams: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct PersonLine {
    pub id: String,
    pub name: String,
    pub email: String,
    /// Each role in words, such as "lead in Ranking".
    pub roles: Vec<String>,
    pub state: PersonState,
    pub added: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// Has set no password yet.
    Invited,
    Active,
    Disabled,
}

impl PersonState {
    fn badge(self) -> (&'static str, BadgeKind) {
        match self {
            Self::Invited => ("invited", BadgeKind::Thin),
            Self::Active => ("active", BadgeKind::Good),
            Self::Disabled => ("disabled", BadgeKind::Bad),
        }
    }
}

#[component]
pub fn PersonBadge(state: PersonState) -> impl IntoView {
    let (text, kind) = state.badge();
    view! { <Badge text=text kind=kind /> }
}

impl PeopleView {
    /// The list as it is, on its first page.
    fn link(&self) -> Link {
        Link::new("/people")
            .with_some("q", &self.search)
            .with_some("role", &self.role)
            .with_some("team", &self.team)
            .with_some("status", &self.status)
            .with_some("sort", &self.sort)
    }

    /// Where the header of a column leads, and how the list is sorted by it now.
    fn sort(&self, column: &str) -> (String, Sorted) {
        let (to, sorted) = match self.sort.strip_prefix('-') {
            Some(by) if by == column => (column.to_owned(), Sorted::Descending),
            None if self.sort == column => (format!("-{column}"), Sorted::Ascending),
            _ => (column.to_owned(), Sorted::No),
        };
        (self.link().set("sort", to).to_string(), sorted)
    }
}

#[component]
pub fn PeoplePage(view: PeopleView) -> impl IntoView {
    let is_filtered =
        [&view.search, &view.role, &view.team, &view.status].iter().any(|text| !text.is_empty());
    let last = view.first + view.people.len() as u64 - u64::from(view.first > 0);
    let previous = (view.page > 1).then(|| view.link().with("page", view.page - 1));
    let next = (last < view.total).then(|| view.link().with("page", view.page + 1));
    let (by_name, name_sorted) = view.sort("name");
    let (by_email, email_sorted) = view.sort("email");
    let (by_added, added_sorted) = view.sort("added");
    let total = view.total;
    let table = if view.people.is_empty() {
        view! { <p class="dim">"Nobody matches."</p> }.into_any()
    } else {
        let lines = view.people.clone().into_iter().map(line).collect_view();
        view! {
            <Scroll label="People">
                <table>
                    <thead>
                        <tr>
                            <SortHeader label="Name" href=by_name sorted=name_sorted />
                            <SortHeader label="E-mail address" href=by_email sorted=email_sorted />
                            <th scope="col">"Roles"</th>
                            <th scope="col">"State"</th>
                            <SortHeader label="Added" href=by_added sorted=added_sorted />
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </Scroll>
        }
        .into_any()
    };
    view! {
        <PageHeader title="People">
            <a class="button primary" href="/people/new">"Invite somebody"</a>
        </PageHeader>
        <Filters view=view.clone() active=is_filtered />
        <Panel title="Accounts">
            {table}
            <Pages first=view.first last=last total=total previous=previous next=next />
        </Panel>
    }
    .into_any()
}

#[component]
fn Filters(view: PeopleView, active: bool) -> impl IntoView {
    let roles = any_or("any role", Role::ALL.iter().map(|r| (r.as_str(), r.label())));
    let teams = std::iter::once((String::new(), "any team".to_owned())).chain(view.teams).collect();
    let states = any_or("any state", [("enabled", "not disabled"), ("disabled", "disabled")]);
    let hidden =
        if view.sort.is_empty() { vec![] } else { vec![("sort".to_owned(), view.sort.clone())] };
    view! {
        <FilterBar action="/people" hidden=hidden active=active>
            <TextField label="Name or e-mail" name="q" value=view.search kind=FieldKind::Search />
            <Select label="Role" name="role" options=roles value=view.role />
            <Select label="Team" name="team" options=teams value=view.team />
            <Select label="State" name="status" options=states value=view.status />
        </FilterBar>
    }
    .into_any()
}

fn any_or(
    any: &str,
    choices: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Vec<(String, String)> {
    std::iter::once((String::new(), any.to_owned()))
        .chain(choices.into_iter().map(|(key, words)| (key.to_owned(), words.to_owned())))
        .collect()
}

fn line(person: PersonLine) -> impl IntoView {
    let roles = if person.roles.is_empty() {
        view! { <span class="faint">"none"</span> }.into_any()
    } else {
        person.roles.join(", ").into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/people/{}", person.id)>{person.name}</a>
            </th>
            <td>{person.email}</td>
            <td>{roles}</td>
            <td>
                <PersonBadge state=person.state />
            </td>
            <td>
                <Time at=person.added />
            </td>
        </tr>
    }
}

/// What was typed to invite somebody.
#[derive(Clone, Debug, Default)]
pub struct InviteView {
    pub email: String,
    pub name: String,
    pub role: String,
    pub team: String,
    pub functions: Vec<String>,
    pub teams: Vec<(String, String)>,
    pub errors: FieldErrors,
}

#[component]
pub fn InvitePage(view: InviteView) -> impl IntoView {
    let roles = any_or("none yet", Role::ALL.iter().map(|r| (r.as_str(), r.label())));
    view! {
        <PageHeader title="Invite somebody" />
        <Panel title="Account" note="you get a link to hand on; it works once, within an hour">
            <Form action="/people/new" errors=view.errors>
                <TextField label="Name" name="name" value=view.name autocomplete="off" required=true />
                <TextField
                    label="E-mail address"
                    name="email"
                    value=view.email
                    kind=FieldKind::Email
                    autocomplete="off"
                    hint="They log in with it. Nothing is sent there."
                    required=true
                />
                <Select label="Role" name="role" options=roles value=view.role required=true />
                <Select
                    label="In"
                    name="team"
                    options=everywhere_or(view.teams)
                    value=view.team
                    hint="A role in a team holds in its sub-teams too. An admin is one everywhere."
                    required=true
                />
                <FunctionList chosen=view.functions />
                <Submit label="Make the link">
                    <a href="/people">"Cancel"</a>
                </Submit>
            </Form>
        </Panel>
    }
    .into_any()
}

/// The choices of where a role holds.
pub(super) fn everywhere_or(teams: Vec<(String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), "every team".to_owned())).chain(teams).collect()
}

/// In which capacities a reviewer may sign.
#[component]
pub(super) fn FunctionList(chosen: Vec<String>) -> impl IntoView {
    let functions = Function::ALL
        .iter()
        .map(|function| (function.as_str().to_owned(), function.label().to_owned()))
        .collect();
    view! {
        <CheckList
            label="Review functions"
            name="functions"
            options=functions
            chosen=chosen
            hint="In which a reviewer may sign."
        />
    }
    .into_any()
}
