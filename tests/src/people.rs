//! People of every role, signed in.

use crate::{Client, TestServer};
use app::domain::token::TokenScope;
use app::domain::{Email, Grant, Line, PersonId, Role, Scope, TeamId};
use server::audit::By;
use server::auth::{Actor, token};
use server::store::links::Purpose;
use server::store::tokens::NewToken;

/// The password of everybody in a test.
pub const PASSWORD: &str = "correct horse battery staple";

impl TestServer {
    /// Somebody with this role everywhere, signed in.
    pub async fn signed_in(&self, role: Role) -> Client {
        let email = self.somebody(Some(Grant { role, team: None })).await.1;
        self.log_in(&email).await
    }

    /// Somebody with this role in a team, signed in; the team is made if need be.
    pub async fn signed_in_for(&self, role: Role, team_slug: &str) -> Client {
        let team = Some(self.team(team_slug).await);
        let email = self.somebody(Some(Grant { role, team })).await.1;
        self.log_in(&email).await
    }

    /// A program with a token of somebody with this role everywhere.
    pub async fn token(&self, role: Role, scopes: &[TokenScope]) -> Client {
        let person = self.somebody(Some(Grant { role, team: None })).await.0;
        self.visitor().with_token(&self.token_of(person, scopes, None).await)
    }

    /// The team with this slug, made if need be.
    pub async fn team(&self, slug: &str) -> TeamId {
        if let Some(team) = self.app.store.team_by_slug(slug).await.expect("teams can be read") {
            return team.id;
        }
        let permit = Actor::operator().permit(Scope::Organisation).expect("the operator may");
        let mut tx = self.app.store.begin(&By::OPERATOR, &self.app.clock).await.expect("begins");
        let slug = app::domain::Slug::new(slug).expect("a slug");
        let name = Line::new(slug.as_str()).expect("a name");
        let team = tx.add_team(&permit, &slug, &name, None).await.expect("a new team");
        tx.commit().await.expect("commits");
        team
    }

    /// Somebody new with a password and at most one role: their id and e-mail address.
    pub async fn somebody(&self, grant: Option<Grant>) -> (PersonId, String) {
        let role = grant.map_or("nobody", |grant| grant.role.as_str());
        let unique = uuid::Uuid::from_bytes(server::clock::random()).simple();
        let email = format!("{role}-{unique}@example.org");
        let person = self.person(&email, role, grant).await;
        (person, email)
    }

    /// A new person with the password [`PASSWORD`].
    pub async fn person(&self, email: &str, name: &str, grant: Option<Grant>) -> PersonId {
        let app = &self.app;
        let hash = app.hashing.hash(PASSWORD.to_owned()).await.expect("a hash");
        let permit = Actor::operator().permit(Scope::Organisation).expect("the operator may");
        let email = Email::new(email).expect("an e-mail address");
        let name = Line::new(name).expect("a name");
        let mut tx = app.store.begin(&By::OPERATOR, &app.clock).await.expect("begins");
        let person = tx.add_person(&permit, &email, &name).await.expect("a new person");
        if let Some(grant) = grant {
            tx.grant_role(&permit, person, grant).await.expect("a new role");
        }
        let link = tx.add_link(&permit, person, Purpose::Invite).await.expect("a link");
        let own = tx.use_link(&link).await.expect("the link is read").expect("it works");
        tx.set_password(&own, &hash, "").await.expect("a password");
        tx.commit().await.expect("commits");
        person
    }

    /// Signs somebody in through the log-in form.
    pub async fn log_in(&self, email: &str) -> Client {
        let client = self.visitor();
        client
            .post("/login", &[("email", email), ("password", PASSWORD)])
            .await
            .assert_redirect("/");
        client
    }

    /// A new token of a person, good for ninety days.
    pub async fn token_of(
        &self,
        person: PersonId,
        scopes: &[TokenScope],
        team: Option<TeamId>,
    ) -> String {
        let permit = Actor::operator().permit(Scope::Organisation).expect("the operator may");
        let new = NewToken {
            name: Line::new("test").expect("a name"),
            scopes: scopes.to_vec(),
            team,
            shared: false,
            days: 90,
        };
        let text = token::generate();
        let mut tx = self.app.store.begin(&By::OPERATOR, &self.app.clock).await.expect("begins");
        tx.add_token_for(&permit, person, &new, &token::hash(&text), token::hint(&text))
            .await
            .expect("a new token");
        tx.commit().await.expect("commits");
        text
    }
}
