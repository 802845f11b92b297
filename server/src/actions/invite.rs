//! Somebody new gets an account, or a link to set a password. There is no mail server: whoever
//! invites hands the link on.

use super::change_person::grant_of;
use crate::auth::Actor;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::links::Purpose;
use app::domain::{Email, Function, Line, PersonId, Scope};
use app::form::FieldErrors;

/// Who is invited, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Invitation {
    pub email: String,
    pub name: String,
    /// A role's word; empty for none yet.
    pub role: String,
    /// A team's slug; empty for everywhere.
    pub team: String,
    pub functions: Vec<String>,
}

/// Makes the account and the secret of its link.
///
/// # Errors
/// [`Error::Fields`] for what was typed.
pub async fn invite(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    invitation: &Invitation,
) -> Result<(PersonId, String)> {
    let permit = actor.permit(Scope::Organisation)?;
    let mut errors = FieldErrors::default();
    let email = errors.check("email", Email::new(&invitation.email));
    let name = errors.check("name", Line::new(&invitation.name));
    let functions: Vec<Function> = invitation
        .functions
        .iter()
        .filter_map(|function| errors.check("functions", function.parse()))
        .collect();
    let grant = if invitation.role.is_empty() {
        None
    } else {
        grant_of(store, &invitation.role, &invitation.team, &mut errors).await?
    };
    let (Some(email), Some(name), true) = (email, name, errors.is_empty()) else {
        return Err(errors.into());
    };

    let mut tx = store.begin(&actor.by(), clock).await?;
    let person = tx.add_person(&permit, &email, &name).await.map_err(|error| match error {
        Error::Conflict(message) => FieldErrors::one("email", message).into(),
        other => other,
    })?;
    if let Some(grant) = grant {
        tx.grant_role(&permit, person, grant).await?;
    }
    tx.set_functions(&permit, person, &[], &functions).await?;
    let secret = tx.add_link(&permit, person, Purpose::Invite).await?;
    tx.commit().await?;
    Ok((person, secret))
}

/// A new link for somebody who has an account; earlier ones work no longer.
///
/// # Errors
/// [`Error::Conflict`] when the person is disabled.
pub async fn new_link(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
) -> Result<String> {
    let permit = actor.permit(Scope::Organisation)?;
    let person = store.person(person).await?.ok_or_else(|| Error::not_found("person"))?;
    if person.disabled_at.is_some() {
        return Err(Error::Conflict("this person is disabled: enable them first".to_owned()));
    }
    let purpose = if person.has_password { Purpose::Reset } else { Purpose::Invite };
    let mut tx = store.begin(&actor.by(), clock).await?;
    let secret = tx.add_link(&permit, person.id, purpose).await?;
    tx.commit().await?;
    Ok(secret)
}
