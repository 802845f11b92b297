//! The demo: three teams at work for a year, on real predictions, told in the order in which it
//! happened.
//!
//! Nothing but names, dates and what people write is made up; every number comes from running the
//! metrics core over the embedded files. Their provenance and licences stand beside them.

mod adult;
mod calendar;
mod employment;
mod launches;
mod people;
mod policies;
mod promises;

pub use people::{LogIn, PASSWORD, STORIES, Walk};

use crate::actions::registry::find_model;
use crate::actions::upload_run::{Upload, upload};
use crate::actions::{register_dataset, register_version};
use crate::audit::sha256_hex;
use crate::auth::Actor;
use crate::clock::{Clock, micros};
use crate::error::{Error, Result};
use crate::reader::Source;
use crate::state::App;
use app::domain::register::{DatasetInput, ObtainedInput, VersionInput};
use calendar::Calendar;
use metrics::Spec;
use people::People;
use rust_embed::RustEmbed;
use std::io::Write;
use time::OffsetDateTime;

#[derive(RustEmbed)]
#[folder = "../tests/fixtures/predictions"]
#[include = "acs_employment_ma_*.parquet"]
#[include = "adult_v*.csv"]
struct Predictions;

/// Fills an empty database; gives who can log in.
pub async fn fill(app: &App) -> Result<Vec<LogIn>> {
    let calendar = Calendar::of(app.clock.now());
    let story = Story::begin(app, calendar).await?;
    policies::write(&story).await?;
    adult::before_the_quarter(&story).await?;
    employment::before_the_quarter(&story).await?;
    promises::promise(&story).await?;
    adult::this_quarter(&story).await?;
    employment::this_quarter(&story).await?;
    story.at(story.calendar.in_the_quarter(0.9));
    promises::check_in(&story).await?;
    let before_the_last_runs = micros(story.calendar.in_the_quarter(0.5));
    story.people.visit(&story.app, before_the_last_runs).await?;
    Ok(people::log_ins())
}

/// The demo's database, at the moment that is being told.
struct Story {
    /// Works on a clock of its own, which only goes forward.
    app: App,
    calendar: Calendar,
    people: People,
}

impl Story {
    async fn begin(app: &App, calendar: Calendar) -> Result<Self> {
        let clock = Clock::fixed(calendar.before_the_quarter(220));
        let app = App::open(app.store.clone(), clock, app.config.clone()).await?;
        let people = People::hire(&app).await?;
        Ok(Self { app, calendar, people })
    }

    /// Goes on to a later moment.
    fn at(&self, moment: OffsetDateTime) {
        self.app.clock.advance(moment - self.app.clock.now());
    }
}

/// A version and what it was trained on.
struct Version {
    label: &'static str,
    training: &'static str,
    notes: &'static str,
}

/// A file of predictions by a version on a dataset.
struct Predicted {
    model: &'static str,
    version: &'static str,
    file: &'static str,
    dataset: (&'static str, &'static str),
    slices: &'static [&'static str],
}

impl Story {
    async fn register_version(
        &self,
        engineer: &Actor,
        model: &str,
        version: &Version,
    ) -> Result<()> {
        let input = VersionInput {
            label: version.label.to_owned(),
            training_data: version.training.to_owned(),
            notes: version.notes.to_owned(),
            ..VersionInput::default()
        };
        let known = find_model(&self.app, engineer, model).await?;
        if self.app.store.version_by_label(known.id, version.label).await?.is_none() {
            register_version::register(&self.app, engineer, model, &input).await?;
        }
        Ok(())
    }

    async fn register_dataset(&self, lead: &Actor, card: &DatasetInput) -> Result<()> {
        register_dataset::register(&self.app, lead, card).await?;
        Ok(())
    }

    /// Evaluates predictions now.
    async fn evaluate(&self, engineer: &Actor, predicted: &Predicted) -> Result<()> {
        let spec = serde_json::json!({
            "task": "binary_classification",
            "id": "id",
            "label": "label",
            "prediction": "prediction",
            "score": "score",
            "slices": predicted.slices,
            "intersections": [["sex", "race"]],
        });
        let spec = Spec::parse(&spec.to_string()).map_err(Error::input)?;
        let data = Predictions::get(predicted.file)
            .ok_or_else(|| Error::Internal(format!("demo: {} is not embedded", predicted.file)))?
            .data;
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(&data)?;
        file.flush()?;
        let (name, label) = predicted.dataset;
        let request = Upload {
            model: predicted.model.to_owned(),
            version: predicted.version.to_owned(),
            create_version: false,
            file: file.path().to_owned(),
            digest: sha256_hex(&data),
            source: Source::Predictions { spec: Box::new(spec) },
            dataset: Some((name.to_owned(), label.to_owned())),
            evaluated_at: Some(self.app.clock.now()),
            on_behalf: None,
            received_at: None,
            idempotency_key: None,
        };
        upload(&self.app, engineer, &request).await?;
        Ok(())
    }
}

/// An attribute whose group each person gave themselves.
fn self_reported(attribute: &str, note: &str) -> ObtainedInput {
    ObtainedInput {
        attribute: attribute.to_owned(),
        obtained: "self_reported".to_owned(),
        note: note.to_owned(),
    }
}
