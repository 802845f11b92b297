//! What one-time links lead to: the first start, and setting one's password.

use super::parts::{FieldKind, Form, PageHeader, Submit, TextField};
use crate::form::FieldErrors;
use leptos::prelude::*;

const LENGTH: &str = "At least 12 characters; four or five words do well.";

#[derive(Clone, Debug, Default)]
pub struct SetUpView {
    pub secret: String,
    pub name: String,
    pub email: String,
    pub errors: FieldErrors,
}

/// The first admin's account.
#[component]
pub fn SetUpPage(view: SetUpView) -> impl IntoView {
    view! {
        <PageHeader title="Set up Evenhand" />
        <Form action=format!("/setup/{}", view.secret) errors=view.errors>
            <p>"This makes the first account, an admin. The link works once."</p>
            <TextField
                label="Your name"
                name="name"
                value=view.name
                autocomplete="name"
                required=true
            />
            <TextField
                label="E-mail address"
                name="email"
                value=view.email
                kind=FieldKind::Email
                autocomplete="username"
                required=true
            />
            <NewPassword />
            <Submit label="Set up" />
        </Form>
    }
    .into_any()
}

#[derive(Clone, Debug)]
pub struct WelcomeView {
    pub secret: String,
    pub name: String,
    pub email: String,
    /// Whether they set a password for the first time.
    pub is_new: bool,
    pub errors: FieldErrors,
}

/// Somebody sets their password.
#[component]
pub fn WelcomePage(view: WelcomeView) -> impl IntoView {
    let (title, text) = if view.is_new {
        (format!("Welcome, {}", view.name), "Set a password to begin. The link works once.")
    } else {
        (
            "Set a new password".to_owned(),
            "All your sessions end, and this one begins. The link works once.",
        )
    };
    view! {
        <PageHeader title=title />
        <Form action=format!("/welcome/{}", view.secret) errors=view.errors>
            <p>{text}</p>
            <dl class="facts">
                <dt>"You log in as"</dt>
                <dd>{view.email.clone()}</dd>
            </dl>
            <Username email=view.email />
            <NewPassword />
            <Submit label="Set password" />
        </Form>
    }
    .into_any()
}

/// Whose password is set, for password managers; nobody sees it and the server does not read it.
#[component]
pub fn Username(email: String) -> impl IntoView {
    view! { <input type="text" name="username" value=email autocomplete="username" readonly hidden /> }
        .into_any()
}

/// A new password, twice.
#[component]
pub fn NewPassword() -> impl IntoView {
    view! {
        <TextField
            label="New password"
            name="password"
            kind=FieldKind::Password
            autocomplete="new-password"
            hint=LENGTH
            required=true
        />
        <TextField
            label="The same again"
            name="again"
            kind=FieldKind::Password
            autocomplete="new-password"
            required=true
        />
    }
    .into_any()
}

/// A link that was used, has expired or never was.
#[component]
pub fn DeadLinkPage() -> impl IntoView {
    view! {
        <PageHeader title="This link does not work" />
        <p>
            "It was used already, or it is older than an hour. An admin can make you a new one; before \
            anybody has an account, starting the server again prints a new one."
        </p>
        <p>
            <a href="/login">"Log in"</a>
        </p>
    }
    .into_any()
}
