//! Who works in the demo: three teams and somebody in every role.

use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::links::Purpose;
use app::domain::{Email, Function, Grant, Line, PersonId, Role, Scope, Slug, TeamId};
use std::collections::HashMap;

/// Everybody's password in the demo. Its database is thrown away and it listens on loopback.
pub const PASSWORD: &str = "try every page twice";

/// Somebody who can log in.
pub struct LogIn {
    pub email: &'static str,
    pub name: &'static str,
    /// What they are, and what to look at as them.
    pub what: &'static str,
}

/// A way through the demo: who to be, where to begin, and what there is to see.
pub struct Walk {
    pub email: &'static str,
    pub path: &'static str,
    pub what: &'static str,
}

/// One for each of the three who open the product.
pub const STORIES: [Walk; 5] = [
    Walk {
        email: ENGINEER,
        path: "/mitigations/2",
        what: "an engineer closed the gap by sex; whom did it harm?",
    },
    Walk {
        email: ENGINEER,
        path: "/models/adult-income/trend?metric=true_positive_rate",
        what: "six versions, the launches and the mitigations between them",
    },
    Walk {
        email: LEAD,
        path: "/launches/3",
        what: "a mitigated version was launched: rules, a waiver, two signatures",
    },
    Walk {
        email: REVIEWER,
        path: "/launches/4",
        what: "a launch that is blocked for cause waits for her answer",
    },
    Walk {
        email: "edgar@evenhand.example",
        path: "/overview",
        what: "an executive asks whether the quarter's promises will be kept",
    },
];

/// Slug, name and parent.
const TEAMS: [(&str, &str, Option<&str>); 3] = [
    ("applied-science", "Applied Science", None),
    ("income-models", "Income Models", Some("applied-science")),
    ("labour-market", "Labour Market", Some("applied-science")),
];

struct Member {
    log_in: LogIn,
    role: Role,
    team: Option<&'static str>,
    functions: &'static [Function],
}

const fn member(
    email: &'static str,
    name: &'static str,
    what: &'static str,
    role: Role,
    team: Option<&'static str>,
) -> Member {
    Member { log_in: LogIn { email, name, what }, role, team, functions: &[] }
}

pub(super) const ENGINEER: &str = "emil@evenhand.example";
pub(super) const LEAD: &str = "lena@evenhand.example";
pub(super) const LABOUR_ENGINEER: &str = "noor@evenhand.example";
pub(super) const LABOUR_LEAD: &str = "marta@evenhand.example";
pub(super) const HEAD: &str = "priya@evenhand.example";
pub(super) const REVIEWER: &str = "rosa@evenhand.example";
pub(super) const LEGAL: &str = "leo@evenhand.example";

const INCOME: Option<&str> = Some("income-models");
const LABOUR: Option<&str> = Some("labour-market");

fn members() -> Vec<Member> {
    vec![
        member(ENGINEER, "Emil Berg", "engineer, Income Models", Role::Engineer, INCOME),
        member(LEAD, "Lena Okafor", "lead, Income Models", Role::Lead, INCOME),
        member(LABOUR_ENGINEER, "Noor Haddad", "engineer, Labour Market", Role::Engineer, LABOUR),
        member(LABOUR_LEAD, "Marta Silva", "lead, Labour Market", Role::Lead, LABOUR),
        member(HEAD, "Priya Raman", "lead, everywhere: sets the policies", Role::Lead, None),
        Member {
            functions: &[Function::ResponsibleAi],
            ..member(REVIEWER, "Rosa Lindqvist", "reviewer, responsible AI", Role::Reviewer, None)
        },
        Member {
            functions: &[Function::LegalPrivacy],
            ..member(LEGAL, "Leo Tanaka", "reviewer, legal & privacy", Role::Reviewer, None)
        },
        member("edgar@evenhand.example", "Edgar Mbeki", "executive", Role::Executive, None),
        member("vera@evenhand.example", "Vera Novak", "viewer", Role::Viewer, None),
        member("ada@evenhand.example", "Ada Quist", "admin", Role::Admin, None),
    ]
}

pub(super) fn log_ins() -> Vec<LogIn> {
    members().into_iter().map(|member| member.log_in).collect()
}

/// Everybody, by e-mail address.
pub(super) struct People(HashMap<&'static str, PersonId>);

impl People {
    pub(super) async fn hire(app: &App) -> Result<Self> {
        let teams = make_teams(app).await?;
        let operator = Actor::operator();
        let permit = operator.permit(Scope::Organisation)?;
        // One hash for all: they share a password, and a start should not wait for ten.
        let hash = app.hashing.hash(PASSWORD.to_owned()).await?;
        let mut people = HashMap::new();
        let mut tx = app.store.begin(&operator.by(), &app.clock).await?;
        for member in members() {
            let LogIn { email, name, .. } = member.log_in;
            let (address, name) = (named(email, Email::new)?, named(name, Line::new)?);
            let person = tx.add_person(&permit, &address, &name).await?;
            let team = member.team.and_then(|team| teams.get(team).copied());
            tx.grant_role(&permit, person, Grant { role: member.role, team }).await?;
            if !member.functions.is_empty() {
                tx.set_functions(&permit, person, &[], member.functions).await?;
            }
            let link = tx.add_link(&permit, person, Purpose::Invite).await?;
            if let Some(own) = tx.use_link(&link).await? {
                tx.set_password(&own, &hash, "").await?;
            }
            people.insert(email, person);
        }
        tx.commit().await?;
        Ok(Self(people))
    }

    /// Everybody was here at this moment, and has not been since.
    pub(super) async fn visit(&self, app: &App, at: i64) -> Result<()> {
        for person in self.0.values() {
            app.store.visit(*person, at, 0).await?;
        }
        Ok(())
    }

    /// Somebody at work, as if just signed in.
    pub(super) async fn at_work(&self, app: &App, email: &str) -> Result<Actor> {
        let id = *self
            .0
            .get(email)
            .ok_or_else(|| Error::Internal(format!("demo: nobody is {email}")))?;
        let person = app.store.person(id).await?.ok_or_else(|| Error::not_found("person"))?;
        Ok(Actor {
            person: Some(id),
            name: person.name,
            email: person.email,
            grants: app.store.grants_of(id).await?,
            through: Through::Session { hash: String::new(), authenticated_at: app.clock.now() },
            only_shows: false,
        })
    }
}

async fn make_teams(app: &App) -> Result<HashMap<&'static str, TeamId>> {
    let operator = Actor::operator();
    let permit = operator.permit(Scope::Organisation)?;
    let mut teams = HashMap::new();
    let mut tx = app.store.begin(&operator.by(), &app.clock).await?;
    for (slug, name, parent) in TEAMS {
        let parent = parent.and_then(|parent| teams.get(parent).copied());
        let (address, name) = (named(slug, Slug::new)?, named(name, Line::new)?);
        teams.insert(slug, tx.add_team(&permit, &address, &name, parent).await?);
    }
    tx.commit().await?;
    Ok(teams)
}

fn named<T, E: std::fmt::Display>(text: &str, check: fn(&str) -> Result<T, E>) -> Result<T> {
    check(text).map_err(|error| Error::Internal(format!("demo: {text}: {error}")))
}
