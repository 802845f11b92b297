//! The first start: a link on the terminal makes the first admin.

use super::set_password::checked;
use crate::audit::By;
use crate::auth::{Actor, Own};
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::{Email, Grant, Line, PersonId, Role, Scope};
use app::form::FieldErrors;

/// What the first admin typed.
pub struct Founder {
    pub name: String,
    pub email: String,
    pub password: String,
    pub again: String,
}

/// A new set-up link while nobody has an account; earlier ones work no longer.
pub async fn setup_link(app: &App) -> Result<Option<String>> {
    if app.store.has_people().await? {
        return Ok(None);
    }
    let mut tx = app.store.begin(&By::SERVER, &app.clock).await?;
    let secret = tx.add_setup_link().await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup/{secret}", app.base_url())))
}

/// Makes the first admin.
///
/// # Errors
/// [`Error::Fields`] for what was typed, [`Error::NotFound`] when the link does not work.
pub async fn set_up(app: &App, secret: &str, founder: Founder) -> Result<PersonId> {
    let mut errors = FieldErrors::default();
    let name = errors.check("name", Line::new(&founder.name));
    let email = errors.check("email", Email::new(&founder.email));
    checked(&mut errors, email.as_ref(), &founder.password, &founder.again);
    let (Some(name), Some(email), true) = (name, email, errors.is_empty()) else {
        return Err(errors.into());
    };
    let hash = app.hashing.hash(founder.password).await?;

    // Whoever has the link has it from the server's own terminal.
    let permit = Actor::operator().permit(Scope::Organisation)?;
    let mut tx = app.store.begin(&By::OPERATOR, &app.clock).await?;
    if !tx.use_setup_link(secret).await? || tx.has_people().await? {
        return Err(Error::not_found("set-up link"));
    }
    let person = tx.add_person(&permit, &email, &name).await?;
    tx.grant_role(&permit, person, Grant { role: Role::Admin, team: None }).await?;
    tx.set_password(&Own::by_link(person), &hash, "").await?;
    tx.commit().await?;
    Ok(person)
}
