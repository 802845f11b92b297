//! API tokens. Only the SHA-256 of a token is stored: its 178 random bits need no slow hash.

use super::{Store, Tx, in_tx, read, write_alone};
use crate::audit::Entry;
use crate::auth::{Own, Permit, permit::ManagePeople};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::token::TokenScope;
use app::domain::{Line, PersonId, TeamId, TokenId};
use serde_json::json;
use uuid::Uuid;

/// A token as it is listed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Token {
    #[sqlx(try_from = "Uuid")]
    pub id: TokenId,
    #[sqlx(try_from = "Uuid")]
    pub person_id: PersonId,
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    scopes: String,
    pub team_id: Option<Uuid>,
    pub shared: bool,
    pub created_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub used_at: Option<i64>,
}

impl Token {
    /// Scopes that this binary knows; others give nothing.
    pub fn scopes(&self) -> Vec<TokenScope> {
        self.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect()
    }

    pub fn team(&self) -> Option<TeamId> {
        self.team_id.map(TeamId)
    }
}

/// What a new token may do.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: Line,
    pub scopes: Vec<TokenScope>,
    pub team: Option<TeamId>,
    /// Used by many, so that an upload must say for whom it is made.
    pub shared: bool,
    /// How long it works, in days.
    pub days: i64,
}

macro_rules! columns {
    () => {
        "select id, person_id, name, hint, scopes, team_id, shared, created_at, expires_at, \
         revoked_at, used_at from api_token where "
    };
}

impl Store {
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<Token>> {
        const SQL: &str = concat!(columns!(), "hash = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(hash).fetch_optional(db).await)?)
    }

    pub async fn token(&self, id: TokenId) -> Result<Option<Token>> {
        const SQL: &str = concat!(columns!(), "id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// A person's tokens, the newest first.
    pub async fn tokens_of(&self, person: PersonId) -> Result<Vec<Token>> {
        const SQL: &str = concat!(columns!(), "person_id = $1 order by created_at desc, id desc");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(person.0).fetch_all(db).await)?)
    }

    /// Notes that a token was used.
    pub async fn token_used(&self, id: TokenId, now: i64) -> Result<()> {
        const SQL: &str = "update api_token set used_at = $2 where id = $1";
        write_alone!(self, db => sqlx::query(SQL).bind(id.0).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }
}

impl Tx {
    /// A new token of whoever acts.
    pub async fn add_own_token(
        &mut self,
        own: &Own,
        new: &NewToken,
        hash: &str,
        hint: &str,
    ) -> Result<TokenId> {
        self.insert_token(own.person(), new, hash, hint).await
    }

    /// A new token of somebody else.
    pub async fn add_token_for(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        new: &NewToken,
        hash: &str,
        hint: &str,
    ) -> Result<TokenId> {
        self.insert_token(person, new, hash, hint).await
    }

    async fn insert_token(
        &mut self,
        person: PersonId,
        new: &NewToken,
        hash: &str,
        hint: &str,
    ) -> Result<TokenId> {
        const SQL: &str = "insert into api_token (id, person_id, name, hash, hint, scopes, \
             team_id, shared, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let id = self.id();
        let scopes = new.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
        let at = self.at();
        let expires = at + time::Duration::days(new.days);
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(person.0).bind(new.name.as_str())
            .bind(hash).bind(hint).bind(&scopes).bind(new.team.map(|id| id.0)).bind(new.shared)
            .bind(micros(at)).bind(micros(expires)).execute(db).await.map(drop))?;
        self.note(Entry::new("token.made", "token", id).after(json!({
            "person": person.to_string(),
            "name": new.name,
            "hint": hint,
            "scopes": scopes,
            "team": new.team.map(|id| id.to_string()),
            "shared": new.shared,
            "expires_at": crate::audit::timestamp(expires),
        })));
        Ok(TokenId(id))
    }

    /// Revokes a token of whoever acts.
    pub async fn revoke_own_token(&mut self, own: &Own, token: TokenId) -> Result<()> {
        self.revoke(own.person(), token).await
    }

    /// Revokes a token of somebody else.
    pub async fn revoke_token_of(
        &mut self,
        _: &Permit<ManagePeople>,
        person: PersonId,
        token: TokenId,
    ) -> Result<()> {
        self.revoke(person, token).await
    }

    async fn revoke(&mut self, person: PersonId, token: TokenId) -> Result<()> {
        const SQL: &str = "update api_token set revoked_at = $3 \
             where id = $1 and person_id = $2 and revoked_at is null";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(token.0).bind(person.0).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::not_found("token that still works"));
        }
        self.note(Entry::new("token.revoked", "token", token));
        Ok(())
    }
}
