//! The bootstrap of rows, queries and clusters, on files of every task.
//!
//! Where a closed form is valid, a bootstrap of many rows gives nearly the same interval: each is a
//! check of the other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use metrics::bootstrap::{Form, Plan};
use metrics::catalogue::{self, Key};
use metrics::disparity::{Kind, Reference, Resampled, ResampledEstimate, Resampling};
use metrics::evaluate::{About, Explored, Exploring, LEVEL, evaluate_exploring};
use metrics::{DatasetRef, Slice, Spec};
use std::path::{Path, PathBuf};
use time::macros::datetime;

const PLAN: Plan = Plan { resamples: 500, seed: 11, level: LEVEL };

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

fn explored(file: &str, spec: &str, plan: Plan, form: Form) -> Explored {
    let dataset =
        DatasetRef { name: "file".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    let exploring = Exploring { bootstrap: Some((plan, form)), search: None };
    let spec = Spec::parse(spec).unwrap();
    evaluate_exploring(&fixture(file), &spec, about, &exploring).unwrap()
}

fn resampled(explored: &Explored) -> &Resampled {
    explored.bootstrap.as_ref().unwrap().as_ref().unwrap()
}

fn find<'a>(resampled: &'a Resampled, slice: &str, metric: &str) -> &'a ResampledEstimate {
    let slice = Slice::parse(slice).unwrap();
    resampled.estimates.iter().find(|it| it.slice == slice && it.metric == metric).unwrap()
}

/// Every estimate that has a value was resampled, and where there is a closed form too, the two are
/// within a factor of each other.
fn agrees(explored: &Explored, least_n: u64, factor: f64) -> usize {
    let resampled = resampled(explored);
    let mut compared = 0;
    for estimate in &explored.evaluation.document.estimates {
        let (Some(value), Some(n)) = (estimate.value, estimate.n) else { continue };
        if estimate.metric == "count" {
            continue;
        }
        let what = format!("{} of {}", estimate.metric, estimate.slice);
        let found = resampled
            .estimates
            .iter()
            .find(|it| it.slice == estimate.slice && it.metric == estimate.metric)
            .unwrap_or_else(|| panic!("{what} was not resampled"));
        assert!((found.value - value).abs() < 1e-12, "{what}");
        let (Some(ends), Some(closed)) = (&found.interval, &estimate.interval) else { continue };
        assert!(ends.low <= ends.high, "{what}");
        // Away from the ends of what it can be, and of enough rows.
        let [least, most] = catalogue::range(&estimate.metric);
        if n >= least_n && closed.low > least + 0.01 && closed.high < most - 0.01 {
            let ratio = (ends.high - ends.low) / (closed.high - closed.low);
            assert!(ratio > 1.0 / factor && ratio < factor, "{what}: {ends:?}, {closed:?}");
            compared += 1;
        }
    }
    compared
}

const ADULT: &str = "task='binary_classification'\nlabel='label'\nscore='score'\nslices=['sex']\n";

#[test]
fn scores_of_a_binary_model_are_resampled_by_row_and_agree_with_their_closed_forms() {
    let plan = Plan { resamples: 120, ..PLAN };
    let explored = explored("predictions/adult_v4_hgb.csv", ADULT, plan, Form::Percentile);
    let resampled = resampled(&explored);
    assert!(resampled.not_resampled.is_empty(), "{:?}", resampled.not_resampled);
    assert_eq!(find(resampled, "", "roc_auc").drawn, Resampling::Units);
    assert_eq!(find(resampled, "", "selection_rate").drawn, Resampling::Cells);
    for metric in ["roc_auc", "brier_score", "mean_score", "log_loss"] {
        for slice in ["", "sex=Female"] {
            let ends = find(resampled, slice, metric).interval.as_ref().unwrap();
            let all = &explored.evaluation.document.estimates;
            let closed = all
                .iter()
                .find(|it| it.slice == Slice::parse(slice).unwrap() && it.metric == metric)
                .and_then(|it| it.interval.as_ref())
                .unwrap();
            let ratio = (ends.high - ends.low) / (closed.high - closed.low);
            assert!(ratio > 0.8 && ratio < 1.25, "{metric} of {slice}: {ends:?} {closed:?}");
        }
    }
    // Its resamples lie above it, as noise moves a distance away from 0.
    let calibration = find(resampled, "", "calibration_error");
    assert!(calibration.interval.is_none() && calibration.reason.is_some());
    let gap = resampled.disparities.iter().find(|it| {
        it.metric == "roc_auc" && it.kind == Kind::Difference && it.value.is_some_and(|x| x < 0.0)
    });
    let gap = gap.unwrap();
    assert_eq!(gap.reference, Reference::Best);
    assert!(gap.interval.as_ref().unwrap().method.starts_with("bootstrap percentile"), "{gap:?}");
}

#[test]
fn weighted_rows_are_resampled_with_their_weights() {
    let spec = format!("{ADULT}weight='weight'\n");
    let plan = Plan { resamples: 120, ..PLAN };
    let explored = explored("predictions/adult_v4_hgb.csv", &spec, plan, Form::Percentile);
    let found = find(resampled(&explored), "sex=Male", "selection_rate");
    assert_eq!(found.drawn, Resampling::Units);
    let ends = found.interval.as_ref().unwrap();
    assert!(ends.low < found.value && found.value < ends.high && ends.high - ends.low < 0.04);
}

#[test]
fn clusters_are_drawn_whole_and_agree_with_the_cluster_robust_intervals() {
    let spec = "task='binary_classification'\nlabel='label'\nscore='score'\nslices=['ward']\n\
        cluster='person'";
    for form in [Form::Percentile, Form::Bca] {
        let explored = explored("tasks/visits.csv", spec, PLAN, form);
        assert!(agrees(&explored, 100, 1.4) > 40);
        let resampled = resampled(&explored);
        assert_eq!(find(resampled, "ward=north", "f1").drawn, Resampling::Together);
        // As clusters make up overall too, a group can be compared with it.
        let overall = resampled.disparities.iter().any(|it| {
            it.reference == Reference::Overall && it.metric == "roc_auc" && it.interval.is_some()
        });
        assert!(overall);
    }
}

#[test]
fn every_task_is_resampled_by_what_is_independent_in_it() {
    let tasks = [
        (
            "tasks/photos.csv",
            "task='multiclass_classification'\nlabel='label'\nprediction='prediction'\n\
             scores={ portrait='p_portrait', food='p_food' }\nslices=['region']",
            Resampling::Units,
        ),
        (
            "tasks/rents.csv",
            "task='regression'\nlabel='rent'\nprediction='predicted'\nslices=['city']",
            Resampling::Units,
        ),
        (
            "tasks/answers.csv",
            "task='text_generation'\ncluster='prompt'\ntoxicity='toxicity'\nrefusal='refused'\n\
             sentiment='sentiment'\nwin='verdict'\nslices=['group']\nthreshold=0.2",
            Resampling::Together,
        ),
        (
            "tasks/searches.csv",
            "task='ranking'\nquery='query'\nitem='item'\nrank='rank'\nrelevance='relevance'\n\
             k=[5]\nquery_slices=['gender']\nitem_slices=['genre']\ntarget={ genre='uniform' }",
            Resampling::Units,
        ),
    ];
    for (file, spec, drawn) in tasks {
        for form in [Form::Percentile, Form::Bca] {
            let explored = explored(file, spec, PLAN, form);
            let compared = agrees(&explored, 60, 2.0);
            assert!(compared >= 4, "{file}: {compared}");
            let resampled = resampled(&explored);
            assert!(resampled.not_resampled.is_empty(), "{file}: {:?}", resampled.not_resampled);
            let overall = resampled.estimates.iter().find(|it| it.slice.is_overall()).unwrap();
            assert_eq!(overall.drawn, drawn, "{file}: {}", overall.metric);
        }
    }
}

#[test]
fn items_are_resampled_by_query_all_groups_at_once() {
    let spec = "task='ranking'\nquery='query'\nitem='item'\nrank='rank'\nrelevance='relevance'\n\
        k=[5]\nitem_slices=['genre']\ntarget={ genre='uniform' }";
    let explored = explored("tasks/searches.csv", spec, PLAN, Form::Percentile);
    let resampled = resampled(&explored);
    let of_items = |it: &&ResampledEstimate| Key::parse(&it.metric).base == "exposure_share";
    let shares: Vec<_> = resampled.estimates.iter().filter(of_items).collect();
    assert!(shares.len() > 1);
    assert!(shares.iter().all(|it| it.drawn == Resampling::Together && it.interval.is_some()));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let spec = "task='regression'\nlabel='rent'\nprediction='predicted'";
    let of = |seed: u64| {
        let plan = Plan { seed, ..PLAN };
        let explored = explored("tasks/rents.csv", spec, plan, Form::Bca);
        serde_json::to_string(resampled(&explored)).unwrap()
    };
    assert!(of(1) == of(1));
    assert!(of(1) != of(2));
}

#[test]
fn resamples_that_would_take_minutes_are_refused_with_how_many_there_may_be() {
    let plan = Plan { resamples: 1_000_000, ..PLAN };
    let explored = explored("predictions/adult_v4_hgb.csv", ADULT, plan, Form::Percentile);
    let why = explored.bootstrap.unwrap().unwrap_err();
    assert!(why.contains("ask for at most"), "{why}");
}
