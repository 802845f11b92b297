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
}

#[component]
pub fn LoginPage(view: LoginView) -> impl IntoView {
    view! {
        <PageHeader title="Log in" />
        <Form action="/login" errors=view.errors hidden=vec![("next".to_owned(), view.next)]>
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
