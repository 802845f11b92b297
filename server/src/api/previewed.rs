//! What a dry run answers: what an upload would become, and what it would change.

use super::runs::{ReceiptAnswer, received_as};
use crate::actions::preview_upload::Preview;
use app::domain::against::{Against, Differing, Earlier};
use app::domain::attribute::Unconfirmed;
use app::domain::moved::Line;
use metrics::{Interval, Slice};
use schemars::JsonSchema;
use serde::Serialize;

/// What would become of an upload.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadPreview")]
pub struct PreviewAnswer {
    /// True.
    dry_run: bool,
    /// The digest that the run would have; null while its version is not there.
    digest: Option<String>,
    /// As what the file was read.
    format: String,
    receipt: Option<ReceiptAnswer>,
    /// Groups that would satisfy no rule until a lead accepts them or makes them aliases.
    unconfirmed: Vec<Unconfirmed>,
    /// Where the run is, if it is there already.
    existing: Option<String>,
    /// Against the run that it would follow: the newest of the model on the same dataset, by the
    /// same instrument's same definitions; null where there is none.
    against: Option<AgainstAnswer>,
}

/// What would change against the run before.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Against")]
struct AgainstAnswer {
    /// Where that run is.
    run: String,
    /// The version that it is of.
    version: String,
    slices: DifferingAnswer<Slice>,
    metrics: DifferingAnswer<String>,
    /// Series that both have with an interval of their change.
    looked_at: usize,
    /// Those that move beyond chance, the farthest first; both runs are taken as independent samples,
    /// and each interval is of 95 % by itself.
    moved: Vec<MovedAnswer>,
}

/// What only one of the two has.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Only{T}")]
struct DifferingAnswer<T> {
    new: Vec<T>,
    gone: Vec<T>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WouldMove")]
struct MovedAnswer {
    /// The metric's key.
    metric: String,
    slice: Slice,
    before: SideAnswer,
    after: SideAnswer,
    /// After minus before, in the metric's unit.
    change: f64,
    interval: Interval,
    /// Whether it gets worse for the people in the slice; null where neither way is better.
    worse: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MovedSide")]
struct SideAnswer {
    value: f64,
    n: Option<u64>,
}

impl From<Preview> for PreviewAnswer {
    fn from(preview: Preview) -> Self {
        let Preview { document, around, before, .. } = preview;
        let against = before.map(|(run, before)| {
            let named = around.named(&document);
            AgainstAnswer::of(&run, around.against(&document, &named, &before))
        });
        Self {
            dry_run: true,
            digest: (!preview.digest.is_empty()).then_some(preview.digest),
            format: preview.format,
            receipt: received_as(preview.receipt),
            unconfirmed: preview.unconfirmed,
            existing: preview.existing.map(|run| format!("/runs/{}", run.id)),
            against,
        }
    }
}

impl AgainstAnswer {
    fn of(run: &Earlier, against: Against) -> Self {
        Self {
            run: format!("/runs/{}", run.id),
            version: run.version.clone(),
            slices: against.slices.into(),
            metrics: against.metrics.into(),
            looked_at: against.moved.looked_at,
            moved: against.moved.lines.into_iter().map(MovedAnswer::from).collect(),
        }
    }
}

impl<T> From<Differing<T>> for DifferingAnswer<T> {
    fn from(Differing { new, gone }: Differing<T>) -> Self {
        Self { new, gone }
    }
}

impl From<Line> for MovedAnswer {
    fn from(line: Line) -> Self {
        let side = |(value, n)| SideAnswer { value, n };
        Self {
            metric: line.metric,
            slice: line.slice,
            before: side(line.before),
            after: side(line.after),
            change: line.value,
            interval: line.interval,
            worse: line.is_worse,
        }
    }
}
