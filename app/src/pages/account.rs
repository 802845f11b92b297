//! One's own account: password and sessions.

use super::parts::{
    Badge, BadgeKind, FieldKind, Form, PageHeader, Panel, Scroll, Submit, SubmitKind, TextField,
    Time,
};
use super::welcome::NewPassword;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct AccountView {
    pub name: String,
    pub email: String,
    /// Each role in words, such as "lead in Ranking".
    pub roles: Vec<String>,
    pub functions: Vec<String>,
    pub errors: FieldErrors,
}

#[component]
pub fn AccountPage(view: AccountView) -> impl IntoView {
    let roles = if view.roles.is_empty() {
        "none yet; an admin gives them".to_owned()
    } else {
        view.roles.join(", ")
    };
    let functions = (!view.functions.is_empty()).then(|| {
        view! {
            <dt>"May sign for"</dt>
            <dd>{view.functions.join(", ")}</dd>
        }
    });
    view! {
        <PageHeader title="Your account">
            <a class="button" href="/account/sessions">"Sessions"</a>
            <a class="button" href="/account/tokens">"API tokens"</a>
        </PageHeader>
        <div class="row">
            <Panel title="You">
                <dl class="facts">
                    <dt>"Name"</dt>
                    <dd>{view.name}</dd>
                    <dt>"E-mail address"</dt>
                    <dd>{view.email}</dd>
                    <dt>"Roles"</dt>
                    <dd>{roles}</dd>
                    {functions}
                </dl>
            </Panel>
            <Panel title="Change your password" note="your other sessions end">
                <Form action="/account/password" errors=view.errors>
                    <TextField
                        label="Current password"
                        name="old"
                        kind=FieldKind::Password
                        autocomplete="current-password"
                        required=true
                    />
                    <NewPassword />
                    <Submit label="Change password" />
                </Form>
            </Panel>
        </div>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct SessionLine {
    /// Names it in the form that ends it; opens nothing.
    pub hash: String,
    pub agent: String,
    pub address: String,
    pub opened: OffsetDateTime,
    pub seen: OffsetDateTime,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

#[component]
pub fn SessionsPage(sessions: Vec<SessionLine>) -> impl IntoView {
    let has_others = sessions.len() > 1;
    let lines = sessions.into_iter().map(session_line).collect_view();
    let others = has_others.then(|| {
        view! {
            <Form action="/account/sessions/end-others" id="others" inline=true>
                <Submit label="End all others" kind=SubmitKind::Danger />
            </Form>
        }
    });
    view! {
        <PageHeader title="Your sessions" />
        <Panel title="Open sessions" note="a session ends after 12 hours without use, and after 7 days">
            <Scroll label="Open sessions">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Browser"</th>
                            <th scope="col">"Address"</th>
                            <th scope="col">"Opened (UTC)"</th>
                            <th scope="col">"Last seen (UTC)"</th>
                            <th scope="col">
                                <span class="visually-hidden">"Action"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </Scroll>
            {others}
        </Panel>
    }
    .into_any()
}

fn session_line(line: SessionLine) -> impl IntoView {
    let agent = if line.agent.is_empty() { "unknown".to_owned() } else { line.agent };
    let end = if line.is_this {
        view! { <Badge text="this one" kind=BadgeKind::Info /> }.into_any()
    } else {
        view! {
            <Form
                action="/account/sessions/end"
                id=format!("s-{}", &line.hash[..8.min(line.hash.len())])
                hidden=vec![("hash".to_owned(), line.hash)]
                inline=true
            >
                <Submit label="End" kind=SubmitKind::Plain />
            </Form>
        }
        .into_any()
    };
    view! {
        <tr>
            <td>{agent}</td>
            <td>{line.address}</td>
            <td>
                <Time at=line.opened clock=true />
            </td>
            <td>
                <Time at=line.seen clock=true />
            </td>
            <td>{end}</td>
        </tr>
    }
}
