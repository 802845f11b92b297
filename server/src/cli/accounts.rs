//! `evenhand admin user` and `admin token`, on the database itself, server running or not. Whoever
//! has this command line could write the database anyway, so it asks for no password; what it does
//! is in the audit log like everything else.

use super::{Failure, block_on};
use crate::actions::change_person;
use crate::actions::invite::{self, Invitation};
use crate::actions::make_token::{self, Wish};
use crate::auth::Actor;
use crate::clock::Clock;
use crate::config::{DEFAULT_DATABASE, DEFAULT_LISTEN};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::people::{PeopleFilter, PeopleOrder, Person};
use app::domain::{Email, Grant, Role};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What both commands take.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// sqlite://FILE or postgres://…
    #[arg(long, env = "EVENHAND_DATABASE_URL", default_value = DEFAULT_DATABASE, global = true)]
    database: String,
    /// Where people reach the server, for the links that are printed [default: where it listens]
    #[arg(long, env = "EVENHAND_PUBLIC_URL", global = true)]
    public_url: Option<String>,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct User {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Args, Clone, Debug)]
pub struct Token {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    args: TokenArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum UserCommand {
    /// Make an account and print a one-time link to set its password
    Add {
        email: String,
        #[arg(long)]
        name: String,
        /// admin, lead, engineer, reviewer, executive or viewer
        #[arg(long)]
        role: Role,
        /// Slug of the one team in which the role holds [default: everywhere]
        #[arg(long)]
        team: Option<String>,
        /// Review functions: responsible_ai, product, legal_privacy, trust_safety
        #[arg(long, value_delimiter = ',')]
        function: Vec<String>,
    },
    /// Print a new one-time link for an account
    Link { email: String },
    /// Shut somebody out: sessions end and tokens are refused at once
    Disable { email: String },
    /// Let somebody in again
    Enable { email: String },
    /// Give a role, or take it back
    Role {
        email: String,
        role: Role,
        #[arg(long)]
        team: Option<String>,
        /// Take it back
        #[arg(long)]
        revoke: bool,
    },
    /// List everybody with their roles
    List,
}

#[derive(Args, Clone, Debug)]
struct TokenArgs {
    /// Whom the token acts for
    email: String,
    /// read, models:write, runs:write, launches:write, mitigations:write, okrs:write
    #[arg(long, value_delimiter = ',', required = true)]
    scope: Vec<String>,
    /// Slug of the one team it works in [default: wherever its person may]
    #[arg(long)]
    team: Option<String>,
    /// Days until it expires
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// Used by several people: an upload must say on whose behalf it is made
    #[arg(long)]
    shared: bool,
    /// What it is listed as
    #[arg(long, default_value = "command line")]
    name: String,
}

/// What a command answers: text for a person, and the same for a program.
#[derive(Debug)]
struct Answer {
    text: String,
    json: Value,
}

pub fn user(command: User) -> Result<(), Failure> {
    let User { options, command } = command;
    run(&options, async |store| answer(store, &options, &command).await)
}

pub fn token(command: Token) -> Result<(), Failure> {
    let Token { options, args } = command;
    run(&options, async |store| make(store, &Clock::System, &Actor::operator(), &args).await)
}

#[expect(clippy::print_stdout, reason = "a command line answers on its terminal")]
fn run(options: &Options, ask: impl AsyncFnOnce(&Store) -> Result<Answer>) -> Result<(), Failure> {
    let answer = block_on(async {
        let store = Store::open(&options.database).await?;
        store.migrate().await?;
        let answer = ask(&store).await;
        store.close().await;
        answer
    })?
    .map_err(explained)?;
    if options.json {
        println!("{}", answer.json);
    } else {
        println!("{}", answer.text);
    }
    Ok(())
}

/// Every message of a refused form, a line each.
fn explained(error: Error) -> Failure {
    match error {
        Error::Fields(fields) => {
            fields
                .iter()
                .map(|(field, message)| {
                    if field.is_empty() {
                        message.to_owned()
                    } else {
                        format!("{field}: {message}")
                    }
                })
                .collect::<Vec<_>>()
                .join("\n")
                .into()
        }
        other => other.into(),
    }
}

async fn answer(store: &Store, options: &Options, command: &UserCommand) -> Result<Answer> {
    let (clock, actor) = (Clock::System, Actor::operator());
    match command {
        UserCommand::List => list(store).await,
        UserCommand::Add { email, name, role, team, function } => {
            let invitation = Invitation {
                email: email.clone(),
                name: name.clone(),
                role: role.as_str().to_owned(),
                team: team.clone().unwrap_or_default(),
                functions: function.clone(),
            };
            let (_, secret) = invite::invite(store, &clock, &actor, &invitation).await?;
            Ok(link(options, &secret))
        }
        UserCommand::Link { email } => {
            let person = person(store, email).await?;
            let secret = invite::new_link(store, &clock, &actor, person.id).await?;
            Ok(link(options, &secret))
        }
        UserCommand::Disable { email } => {
            let person = person(store, email).await?;
            change_person::set_disabled(store, &clock, &actor, person.id, true).await?;
            state(store, email, "is disabled").await
        }
        UserCommand::Enable { email } => {
            let person = person(store, email).await?;
            change_person::set_disabled(store, &clock, &actor, person.id, false).await?;
            state(store, email, "is enabled").await
        }
        UserCommand::Role { email, role, team, revoke } => {
            let person = person(store, email).await?;
            let (role, team) = (role.as_str(), team.as_deref().unwrap_or_default());
            if *revoke {
                change_person::revoke(store, &clock, &actor, person.id, role, team).await?;
            } else {
                change_person::grant(store, &clock, &actor, person.id, role, team).await?;
            }
            state(store, email, "is changed").await
        }
    }
}

async fn make(store: &Store, clock: &Clock, actor: &Actor, args: &TokenArgs) -> Result<Answer> {
    let person = person(store, &args.email).await?;
    let wish = Wish {
        name: args.name.clone(),
        scopes: args.scope.clone(),
        team: args.team.clone().unwrap_or_default(),
        shared: args.shared,
        days: args.days.to_string(),
    };
    let text = make_token::make_for(store, clock, actor, person.id, &wish).await?;
    Ok(Answer { json: json!({ "token": text }), text })
}

fn link(options: &Options, secret: &str) -> Answer {
    let base = options.public_url.clone().unwrap_or_else(|| {
        let listen = std::env::var("EVENHAND_LISTEN").unwrap_or_else(|_| DEFAULT_LISTEN.to_owned());
        format!("http://{listen}")
    });
    let link = format!("{}/welcome/{secret}", base.trim_end_matches('/'));
    Answer { json: json!({ "link": link }), text: link }
}

async fn person(store: &Store, email: &str) -> Result<Person> {
    let missing = || Error::NotFound(format!("nobody has an account with the address {email}"));
    let email = Email::new(email).map_err(|_| missing())?;
    store.person_by_email(email.as_str()).await?.ok_or_else(missing)
}

async fn state(store: &Store, email: &str, what: &str) -> Result<Answer> {
    let person = person(store, email).await?;
    let roles = store.grants_of(person.id).await?.roles;
    let json = describe(store, &person, &roles).await?;
    Ok(Answer { text: format!("{} {what}", person.email), json })
}

async fn list(store: &Store) -> Result<Answer> {
    let (people, _) =
        store.people(&PeopleFilter::default(), PeopleOrder::Email, 0, i64::MAX).await?;
    let roles = store.all_roles().await?;
    let mut all = Vec::with_capacity(people.len());
    let mut text = String::new();
    for person in &people {
        let described =
            describe(store, person, roles.get(&person.id).map_or(&[], Vec::as_slice)).await?;
        let words: Vec<String> = described["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|grant| match grant["team"].as_str() {
                Some(team) => format!("{}@{team}", grant["role"].as_str().unwrap_or_default()),
                None => grant["role"].as_str().unwrap_or_default().to_owned(),
            })
            .collect();
        let state = described["state"].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}\t{}\t{state}\t{}",
            person.email,
            person.name,
            if words.is_empty() { "-".to_owned() } else { words.join(",") }
        );
        all.push(described);
    }
    Ok(Answer { text: text.trim_end().to_owned(), json: Value::Array(all) })
}

async fn describe(store: &Store, person: &Person, roles: &[Grant]) -> Result<Value> {
    let teams = store.teams().await?;
    let roles: Vec<Value> = roles
        .iter()
        .map(|grant| {
            let team = teams.iter().find(|team| Some(team.id) == grant.team);
            json!({ "role": grant.role.as_str(), "team": team.map(|team| &team.slug) })
        })
        .collect();
    let state = match (person.disabled_at, person.has_password) {
        (Some(_), _) => "disabled",
        (None, true) => "active",
        (None, false) => "invited",
    };
    Ok(json!({
        "id": person.id.to_string(),
        "email": person.email,
        "name": person.name,
        "state": state,
        "roles": roles,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token;
    use clap::Parser;

    #[derive(Parser)]
    enum Line {
        User(User),
        Token(Token),
    }

    /// What a command line answers on a database in this folder.
    async fn evenhand_admin(folder: &std::path::Path, line: &str) -> Result<Answer, String> {
        let database = format!("sqlite://{}", folder.join("admin.db").display());
        let words = ["admin"].into_iter().chain(line.split(' ')).chain(["--database", &database]);
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let store = Store::open(&database).await.map_err(|error| error.to_string())?;
        store.migrate().await.map_err(|error| error.to_string())?;
        let answer = match &line {
            Line::User(user) => answer(&store, &user.options, &user.command).await,
            Line::Token(token) => {
                make(&store, &Clock::System, &Actor::operator(), &token.args).await
            }
        };
        answer.map_err(|error| explained(error).message)
    }

    #[tokio::test]
    async fn people_are_added_listed_given_roles_and_shut_out() {
        let folder = tempfile::tempdir().unwrap();
        let run = async |line: &str| evenhand_admin(folder.path(), line).await;

        let added = run("user add Ann@example.org --name Ann --role admin").await.unwrap();
        assert!(added.text.starts_with("http://127.0.0.1:3000/welcome/"), "{}", added.text);
        assert_eq!(added.json["link"], added.text.as_str());
        run("user add bo@example.org --name Bo --role lead --function product").await.unwrap();
        run("user role bo@example.org viewer").await.unwrap();
        run("user role bo@example.org lead --revoke").await.unwrap();
        run("user disable bo@example.org").await.unwrap();

        let list = run("user list").await.unwrap();
        assert_eq!(
            list.text,
            "ann@example.org\tAnn\tinvited\tadmin\nbo@example.org\tBo\tdisabled\tviewer"
        );
        assert_eq!(list.json[1]["roles"], json!([{ "role": "viewer", "team": null }]));
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let run = async |line: &str| {
            evenhand_admin(folder.path(), line).await.map(|answer| answer.text).unwrap_err()
        };
        assert!(run("user add x --name Ann --role boss").await.contains("is not one of admin"));
        let both = run("user add x --name Ann --role lead --team nowhere").await;
        assert!(both.contains("email: ") && both.contains("team: "), "{both}");
        assert!(run("user disable nobody@example.org").await.contains("nobody@example.org"));
        evenhand_admin(folder.path(), "user add a@b.org --name A --role admin").await.ok().unwrap();
        assert!(run("user disable a@b.org").await.contains("last admin"));
    }

    #[tokio::test]
    async fn a_token_is_printed_alone() {
        let folder = tempfile::tempdir().unwrap();
        let run = async |line: &str| evenhand_admin(folder.path(), line).await;
        run("user add ann@example.org --name Ann --role engineer").await.ok().unwrap();
        let made = run("token ann@example.org --scope read,runs:write").await.ok().unwrap();
        assert!(token::is_well_formed(&made.text), "{}", made.text);
        let refused = run("token ann@example.org --scope all --days 400").await.err().unwrap();
        assert!(refused.contains("scopes: ") && refused.contains("days: "), "{refused}");
    }
}
