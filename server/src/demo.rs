//! The demo's story: real predictions, evaluated here by the same actions that people use.
//!
//! Nothing but names and dates is made up; every number comes from running the metrics core over
//! the embedded files. Their provenance and licences stand beside them.

use crate::actions::edit_registry::accept_groups;
use crate::actions::register_dataset;
use crate::actions::register_model;
use crate::actions::register_version;
use crate::actions::upload_run::{Upload, upload};
use crate::audit::sha256_hex;
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::error::{Error, Result};
use crate::reader::Source;
use crate::state::App;
use crate::store::links::Purpose;
use app::domain::register::{DatasetInput, ModelInput, ObtainedInput, VersionInput};
use app::domain::{Email, Function, Grant, Line, PersonId, Role, Scope, Slug, TeamId};
use metrics::Spec;
use rust_embed::RustEmbed;
use std::collections::HashMap;
use std::io::Write;
use time::{Duration, OffsetDateTime};

#[derive(RustEmbed)]
#[folder = "../tests/fixtures/predictions"]
#[include = "acs_employment_ma_*.parquet"]
#[include = "adult_v*.csv"]
struct Predictions;

/// Everybody's password in the demo. Its database is thrown away and it listens on loopback.
pub const PASSWORD: &str = "try every page twice";

/// Somebody who can log in.
pub struct LogIn {
    pub email: &'static str,
    pub name: &'static str,
    pub what: &'static str,
}

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

const ENGINEER: &str = "emil@evenhand.example";
const LEAD: &str = "lena@evenhand.example";
const LABOUR_ENGINEER: &str = "noor@evenhand.example";
const LABOUR_LEAD: &str = "marta@evenhand.example";

fn members() -> Vec<Member> {
    vec![
        member(
            ENGINEER,
            "Emil Berg",
            "engineer, Income Models",
            Role::Engineer,
            Some("income-models"),
        ),
        member(LEAD, "Lena Okafor", "lead, Income Models", Role::Lead, Some("income-models")),
        member(
            LABOUR_ENGINEER,
            "Noor Haddad",
            "engineer, Labour Market",
            Role::Engineer,
            Some("labour-market"),
        ),
        member(
            LABOUR_LEAD,
            "Marta Silva",
            "lead, Labour Market",
            Role::Lead,
            Some("labour-market"),
        ),
        Member {
            functions: &[Function::ResponsibleAi, Function::LegalPrivacy],
            ..member("rosa@evenhand.example", "Rosa Lindqvist", "reviewer", Role::Reviewer, None)
        },
        member("edgar@evenhand.example", "Edgar Mbeki", "executive", Role::Executive, None),
        member("vera@evenhand.example", "Vera Novak", "viewer", Role::Viewer, None),
        member("ada@evenhand.example", "Ada Quist", "admin", Role::Admin, None),
    ]
}

/// Fills an empty database; gives who can log in.
pub async fn fill(app: &App) -> Result<Vec<LogIn>> {
    let teams = make_teams(app).await?;
    let people = make_people(app, &teams).await?;
    adult(app, &people).await?;
    employment(app, &people).await?;
    Ok(members().into_iter().map(|member| member.log_in).collect())
}

async fn make_teams(app: &App) -> Result<HashMap<&'static str, TeamId>> {
    let operator = Actor::operator();
    let permit = operator.permit(Scope::Organisation)?;
    let mut teams = HashMap::new();
    let mut tx = app.store.begin(&operator.by(), &app.clock).await?;
    for (slug, name, parent) in TEAMS {
        let parent = parent.and_then(|parent| teams.get(parent).copied());
        let team = tx
            .add_team(&permit, &named(slug, Slug::new)?, &named(name, Line::new)?, parent)
            .await?;
        teams.insert(slug, team);
    }
    tx.commit().await?;
    Ok(teams)
}

async fn make_people(
    app: &App,
    teams: &HashMap<&'static str, TeamId>,
) -> Result<HashMap<&'static str, Actor>> {
    let operator = Actor::operator();
    let permit = operator.permit(Scope::Organisation)?;
    // One hash for all: they share a password, and a start should not wait for eight.
    let hash = app.hashing.hash(PASSWORD.to_owned()).await?;
    let mut ids: Vec<(&'static str, PersonId)> = vec![];
    let mut tx = app.store.begin(&operator.by(), &app.clock).await?;
    for member in members() {
        let LogIn { email, name, .. } = member.log_in;
        let person =
            tx.add_person(&permit, &named(email, Email::new)?, &named(name, Line::new)?).await?;
        let team = member.team.and_then(|team| teams.get(team).copied());
        tx.grant_role(&permit, person, Grant { role: member.role, team }).await?;
        if !member.functions.is_empty() {
            tx.set_functions(&permit, person, &[], member.functions).await?;
        }
        let link = tx.add_link(&permit, person, Purpose::Invite).await?;
        if let Some(own) = tx.use_link(&link).await? {
            tx.set_password(&own, &hash, "").await?;
        }
        ids.push((email, person));
    }
    tx.commit().await?;
    let mut people = HashMap::new();
    for (email, person) in ids {
        people.insert(email, actor(app, person).await?);
    }
    Ok(people)
}

/// A person at work, as if signed in.
async fn actor(app: &App, id: PersonId) -> Result<Actor> {
    let person = app.store.person(id).await?.ok_or_else(|| Error::not_found("person"))?;
    Ok(Actor {
        person: Some(id),
        name: person.name,
        email: person.email,
        grants: app.store.grants_of(id).await?,
        through: Through::Session { hash: String::new(), authenticated_at: app.clock.now() },
    })
}

fn named<T, E: std::fmt::Display>(text: &str, check: fn(&str) -> Result<T, E>) -> Result<T> {
    check(text).map_err(|error| Error::Internal(format!("demo: {text}: {error}")))
}

fn who<'a>(people: &'a HashMap<&str, Actor>, email: &str) -> Result<&'a Actor> {
    people.get(email).ok_or_else(|| Error::Internal(format!("demo: nobody is {email}")))
}

/// A version, what it was trained on, its file, and how many days ago it was evaluated.
struct Story {
    label: &'static str,
    training: &'static str,
    notes: &'static str,
    file: &'static str,
    dataset: (&'static str, &'static str),
    days_ago: i64,
}

const fn story(
    label: &'static str,
    training: &'static str,
    notes: &'static str,
    file: &'static str,
    days_ago: i64,
) -> Story {
    Story { label, training, notes, file, dataset: ("adult-half", "1994"), days_ago }
}

const ADULT: [Story; 6] = [
    story("v1", "numeric features only", "logistic regression", "adult_v1_lr_numeric.csv", 265),
    story(
        "v2",
        "all features, race and sex among them",
        "logistic regression",
        "adult_v2_lr_all.csv",
        230,
    ),
    story(
        "v3",
        "all features but race and sex",
        "logistic regression",
        "adult_v3_lr_unaware.csv",
        202,
    ),
    story("v4", "all features but race and sex", "gradient boosting", "adult_v4_hgb.csv", 174),
    story(
        "v7",
        "as v4",
        "v4 with an equalized-odds threshold optimizer, which reads the protected attribute when it decides",
        "adult_v7_eqodds_thropt.csv",
        76,
    ),
    story(
        "v8",
        "as v4",
        "exponentiated gradient for demographic parity",
        "adult_v8_expgrad_dp.csv",
        48,
    ),
];

async fn adult(app: &App, people: &HashMap<&'static str, Actor>) -> Result<()> {
    let (engineer, lead) = (who(people, ENGINEER)?, who(people, LEAD)?);
    let model = ModelInput {
        slug: "adult-income".to_owned(),
        name: "Adult income".to_owned(),
        team: "income-models".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        stage: "staging".to_owned(),
        positive_outcome: "favourable".to_owned(),
        architecture: "gradient-boosted trees".to_owned(),
        surface: "credit pre-approval".to_owned(),
        intended_use: "Estimates whether a person's yearly income is above 50,000 dollars, to \
                       decide who is shown a pre-approved offer."
            .to_owned(),
        out_of_scope_use: "Refusing credit; employment decisions.".to_owned(),
        owners: vec![LEAD.to_owned()],
        ..ModelInput::default()
    };
    register_model::register(app, engineer, &model).await?;
    register_dataset::register(app, lead, &adult_card()).await?;
    for version in &ADULT {
        run(app, engineer, "adult-income", version, &["sex", "race", "age_band"]).await?;
    }
    accept_groups(app, lead, "adult-income").await?;
    Ok(())
}

fn adult_card() -> DatasetInput {
    let recorded = |attribute: &str, note: &str| ObtainedInput {
        attribute: attribute.to_owned(),
        obtained: "self_reported".to_owned(),
        note: note.to_owned(),
    };
    DatasetInput {
        name: "adult-half".to_owned(),
        label: "1994".to_owned(),
        origin: "UCI Adult (Becker and Kohavi), from the 1994 US census; CC BY 4.0".to_owned(),
        sampling: "Half of the training file, held out at random; no re-weighting.".to_owned(),
        collected: "1994".to_owned(),
        notes: "Label: income above 50,000 dollars. The census' sampling weight is in the file \
                and is not used here."
            .to_owned(),
        attributes: vec![
            recorded("sex", "Asked as male or female; gender identity was not asked."),
            recorded("race", "Five answers, one each."),
            recorded("age_band", "Age in years, banded here."),
            ObtainedInput {
                attribute: "disability".to_owned(),
                obtained: "not_measured".to_owned(),
                note: "the census extract does not carry it".to_owned(),
            },
        ],
        ..DatasetInput::default()
    }
}

async fn employment(app: &App, people: &HashMap<&'static str, Actor>) -> Result<()> {
    let (engineer, lead) = (who(people, LABOUR_ENGINEER)?, who(people, LABOUR_LEAD)?);
    let model = ModelInput {
        slug: "acs-employment".to_owned(),
        name: "Employment (ACS)".to_owned(),
        team: "labour-market".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        stage: "production".to_owned(),
        positive_outcome: "favourable".to_owned(),
        architecture: "gradient-boosted trees, trained elsewhere".to_owned(),
        surface: "job recommendations".to_owned(),
        intended_use: "Predicts whether a person is employed, to rank job recommendations."
            .to_owned(),
        out_of_scope_use: "Any decision about benefits.".to_owned(),
        owners: vec![LABOUR_LEAD.to_owned()],
        ..ModelInput::default()
    };
    register_model::register(app, engineer, &model).await?;
    let years = [
        ("2015", 420, "acs_employment_ma_2015.parquet"),
        ("2016", 240, "acs_employment_ma_2016.parquet"),
        ("2017", 60, "acs_employment_ma_2017.parquet"),
    ];
    for (year, days_ago, file) in years {
        register_dataset::register(app, lead, &employment_card(year)).await?;
        let version = Story {
            label: "v1",
            training: "ACS before 2015",
            notes: "one model, scored on each year's census",
            file,
            dataset: ("acs-employment-ma", year),
            days_ago,
        };
        run(app, engineer, "acs-employment", &version, &["sex", "race", "age_band", "disability"])
            .await?;
    }
    Ok(())
}

fn employment_card(year: &str) -> DatasetInput {
    let reported = |attribute: &str, note: &str| ObtainedInput {
        attribute: attribute.to_owned(),
        obtained: "self_reported".to_owned(),
        note: note.to_owned(),
    };
    DatasetInput {
        name: "acs-employment-ma".to_owned(),
        label: year.to_owned(),
        origin: "US Census Bureau, American Community Survey public-use microdata; public domain"
            .to_owned(),
        sampling: format!("All persons of Massachusetts in the {year} one-year sample."),
        collected: year.to_owned(),
        notes: "Label: employed. Scores are those of a model that others trained.".to_owned(),
        attributes: vec![
            reported("sex", "Asked as male or female; gender identity was not asked."),
            reported("race", "Nine recoded answers."),
            reported("age_band", "Age in years, banded."),
            reported("disability", "Any of six difficulties."),
        ],
        ..DatasetInput::default()
    }
}

/// Registers a version if it is new, and uploads its predictions.
async fn run(
    app: &App,
    engineer: &Actor,
    model: &str,
    story: &Story,
    slices: &[&str],
) -> Result<()> {
    let input = VersionInput {
        label: story.label.to_owned(),
        training_data: story.training.to_owned(),
        notes: story.notes.to_owned(),
        ..VersionInput::default()
    };
    let known = crate::actions::registry::find_model(app, engineer, model).await?;
    if app.store.version_by_label(known.id, story.label).await?.is_none() {
        register_version::register(app, engineer, model, &input).await?;
    }
    let spec = serde_json::json!({
        "task": "binary_classification",
        "id": "id",
        "label": "label",
        "prediction": "prediction",
        "score": "score",
        "slices": slices,
        "intersections": [["sex", "race"]],
    });
    let spec = Spec::parse(&spec.to_string()).map_err(Error::input)?;
    let data = Predictions::get(story.file)
        .ok_or_else(|| Error::Internal(format!("demo: {} is not embedded", story.file)))?
        .data;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&data)?;
    file.flush()?;
    upload(
        app,
        engineer,
        &Upload {
            model: model.to_owned(),
            version: story.label.to_owned(),
            create_version: false,
            file: file.path().to_owned(),
            digest: sha256_hex(&data),
            source: Source::Predictions { spec: Box::new(spec) },
            dataset: Some((story.dataset.0.to_owned(), story.dataset.1.to_owned())),
            evaluated_at: Some(days_ago(app.clock.now(), story.days_ago)),
            on_behalf: None,
            idempotency_key: None,
        },
    )
    .await?;
    Ok(())
}

/// That many days before today, in the morning.
fn days_ago(now: OffsetDateTime, days: i64) -> OffsetDateTime {
    (now - Duration::days(days)).replace_time(time::macros::time!(09:00))
}
