//! Log in.

use super::parts::{FieldKind, Form, PageHeader, Submit, TextField};
use crate::form::FieldErrors;
use leptos::prelude::*;

#[derive(Clone, Debug, Default)]
pub struct LoginView {
    /// What was typed before.
    pub email: String,
    /// The path to go on to.
    pub next: String,
    pub errors: FieldErrors,
    /// What was typed into another form when the session had ended.
    pub kept: Option<Kept>,
}

/// A form that came too late.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it was going.
    pub path: String,
    /// Its fields as a browser sends them, without secrets.
    pub typed: String,
}

#[component]
pub fn LoginPage(view: LoginView) -> impl IntoView {
    let mut hidden = vec![("next".to_owned(), view.next)];
    let kept = view.kept.map(|kept| {
        hidden.push(("path".to_owned(), kept.path));
        hidden.push(("typed".to_owned(), kept.typed));
        view! {
            <p class="notice">
                "You were signed out, so nothing was sent. What you typed is kept: log in, and it \
                 is shown to you again."
            </p>
        }
    });
    view! {
        <PageHeader title="Log in" />
        {kept}
        <Form action="/login" errors=view.errors hidden=hidden>
            <TextField
                label="E-mail address"
                name="email"
                value=view.email
                kind=FieldKind::Email
                autocomplete="username"
                required=true
            />
            <TextField
                label="Password"
                name="password"
                kind=FieldKind::Password
                autocomplete="current-password"
                required=true
            />
            <Submit label="Log in" />
            <p class="small dim">
                "No password, or forgotten? An admin can make you a link to set one."
            </p>
        </Form>
    }
    .into_any()
}

/// The way back to the form that was typed when the session had ended. It goes by a button: what
/// was typed may be too long for an address.
#[component]
pub fn SignedInAgainPage(action: String, typed: Vec<(String, String)>) -> impl IntoView {
    view! {
        <PageHeader title="You are signed in again" />
        <Form action=action hidden=typed>
            <p>"Nothing was sent yet. Look at what you typed, and send it from there."</p>
            <Submit label="Show what I typed" />
        </Form>
    }
    .into_any()
}
