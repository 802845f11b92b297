//! The actor of a request: a person in a session, a token that acts for a person, or whoever has
//! the command line on the server's own machine.

use crate::audit::{By, Via};
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::token::TokenScope;
use app::domain::{Grants, Permission, PersonId, Scope, TeamId, TokenId};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct Actor {
    pub person: Option<PersonId>,
    pub name: String,
    pub email: String,
    pub grants: Grants,
    pub through: Through,
    /// Whether what they typed before they were signed out is only to be shown to them again.
    pub only_shows: bool,
}

/// How the actor reached us.
#[derive(Clone, Debug)]
pub enum Through {
    Session {
        /// SHA-256 of the session's id.
        hash: String,
        /// When the password was last given.
        authenticated_at: OffsetDateTime,
    },
    Token {
        id: TokenId,
        scopes: Vec<TokenScope>,
        /// The one team it works in; `None`: wherever its person may.
        team: Option<TeamId>,
        /// Used by many, so an upload must say for whom it is made.
        shared: bool,
    },
    /// The command line on the server's own machine, which could write the database anyway.
    Operator,
}

impl Actor {
    /// A person with what they may do now; `None` when nobody has the id, or the account is closed.
    pub async fn of(app: &App, id: PersonId, through: Through) -> Result<Option<Self>> {
        let person = app.store.person(id).await?.filter(|person| person.disabled_at.is_none());
        let Some(person) = person else { return Ok(None) };
        Ok(Some(Self {
            person: Some(person.id),
            name: person.name,
            email: person.email,
            grants: app.store.grants_of(person.id).await?,
            through,
            only_shows: false,
        }))
    }

    pub fn operator() -> Self {
        Self {
            person: None,
            name: "operator".to_owned(),
            email: String::new(),
            grants: Grants::default(),
            through: Through::Operator,
            only_shows: false,
        }
    }

    /// What the actor may do: a person's roles, cut down to a token's scopes and team.
    pub fn may(&self, permission: Permission, scope: Scope<'_>) -> bool {
        match &self.through {
            Through::Operator => true,
            Through::Session { .. } => self.grants.may(permission, scope),
            Through::Token { scopes, team, .. } => {
                let in_team = match (team, scope) {
                    (None, _) | (Some(_), Scope::Anywhere) => true,
                    (Some(team), Scope::Team(lineage)) => lineage.contains(team),
                    (Some(_), Scope::Organisation) => permission == Permission::Read,
                };
                in_team
                    && permission.token_scope().is_some_and(|scope| scopes.contains(&scope))
                    && self.grants.may(permission, scope)
            }
        }
    }

    /// Why the actor may not, in words that say what would help.
    pub fn why_not(&self, permission: Permission, scope: Scope<'_>) -> String {
        if let Through::Token { scopes, .. } = &self.through {
            match permission.token_scope() {
                None => return format!("no token may {permission}: a person has to sign in"),
                Some(needed) if !scopes.contains(&needed) => {
                    return format!(
                        "this token may not {permission}: it needs the scope `{}`",
                        needed.as_str()
                    );
                }
                Some(_) => {}
            }
        }
        let whose = if matches!(scope, Scope::Team(_)) { " in this team" } else { "" };
        format!("you may not {permission}{whose}")
    }

    /// How the audit log names the actor.
    pub fn by(&self) -> By {
        let via = match &self.through {
            Through::Session { .. } => Via::Session,
            Through::Token { id, .. } => Via::Token(*id),
            Through::Operator => Via::Operator,
        };
        By { person: self.person, via, only_shows: self.only_shows }
    }

    /// The person; everything that leaves a name behind needs one.
    pub fn person(&self) -> Result<PersonId> {
        self.person.ok_or_else(|| Error::forbidden("only a person with an account may do this"))
    }

    pub fn token_id(&self) -> Option<TokenId> {
        match self.through {
            Through::Token { id, .. } => Some(id),
            Through::Session { .. } | Through::Operator => None,
        }
    }
}

/// The route's guard has put the actor there; see [`mod@crate::http::routes`].
impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::Unauthenticated)
    }
}
