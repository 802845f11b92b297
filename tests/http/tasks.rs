//! Predictions of every task become runs, and read back as scikit-learn, scipy and numpy compute
//! them.

use app::domain::register::ModelInput;
use metrics::Spec;
use serde_json::{Value, json};
use server::reader::{self, Job, Source};
use std::path::PathBuf;
use tests::{each_db, estimate, fixture, id_of};
use time::macros::datetime;

/// Task, file, spec, and where the numbers of some metrics of all rows are known.
const TASKS: [(&str, &str, &str, &str, &[&str]); 5] = [
    (
        "multiclass_classification",
        "photos.csv",
        r#"{"task": "multiclass_classification", "label": "label", "prediction": "prediction",
            "slices": ["region"]}"#,
        "/photos/",
        &["accuracy", "macro_f1", "precision[food]"],
    ),
    (
        "regression",
        "rents.csv",
        r#"{"task": "regression", "label": "rent", "prediction": "predicted", "slices": ["city"]}"#,
        "/rents/",
        &["mean_absolute_error", "r_squared"],
    ),
    (
        "ranking",
        "searches.csv",
        r#"{"task": "ranking", "query": "query", "item": "item", "rank": "rank", "k": [3, 5],
            "relevance": "relevance", "item_slices": ["genre"], "query_slices": ["gender"],
            "target": "uniform"}"#,
        "/searches/",
        &["ndcg@5", "reciprocal_rank", "ndkl", "diversity@5"],
    ),
    (
        "text_generation",
        "answers.csv",
        r#"{"task": "text_generation", "cluster": "prompt", "refusal": "refused",
            "win": "verdict", "judge": "rubric 2", "slices": ["group"]}"#,
        "/answers",
        &["refusal_rate", "win_rate"],
    ),
    (
        "image_generation",
        "pictures.csv",
        r#"{"task": "image_generation", "query": "prompt", "item_slices": ["skin_tone"], "k": 4,
            "unsafe": "unsafe", "slices": ["scene"]}"#,
        "/pictures",
        &["diversity@4", "unsafe_rate"],
    ),
];

/// When all of them were evaluated.
const AT: &str = "&evaluated_at=2025-11-01T00:00:00Z";

fn model(task: &str) -> ModelInput {
    let slug = task.replace('_', "-");
    ModelInput { name: slug.clone(), slug, task: task.to_owned(), ..ModelInput::default() }
}

/// The run document that the same file gives without a server.
fn document(file: &str, spec: &str) -> Vec<u8> {
    let at = datetime!(2025-11-01 00:00 UTC);
    let job = Job {
        file: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/tasks").join(file),
        source: Source::Predictions { spec: Box::new(Spec::parse(spec).unwrap()) },
        received_at: at,
        evaluated_at: Some(at),
        dataset: Some((file.replace(".csv", ""), "1".to_owned())),
        row_key: None,
    };
    serde_json::to_vec(&reader::read(&job).unwrap().document).unwrap()
}

each_db!(predictions_of_every_task_become_a_run_with_the_numbers_that_others_compute, |server| {
    let known: Value = serde_json::from_slice(&fixture("tasks/known.json")).unwrap();
    let reader = server.signed_in(app::domain::Role::Viewer).await;
    for (task, file, spec, place, metrics) in TASKS {
        let model = server.model_from(model(task)).await;
        let path =
            model.predictions_path("v1", spec, &format!("{}@1", file.replace(".csv", "")), AT);
        let bytes = fixture(&format!("tasks/{file}"));
        let answer = model.engineer.post_bytes(&path, "text/csv", bytes.clone()).await;
        let id = id_of(answer.assert_status(201));
        let again = model.engineer.post_bytes(&path, "text/csv", bytes).await;
        assert_eq!(id_of(again.assert_status(200)), id, "the same bytes are the same run");
        let results = model.results("v1", "", document(file, spec)).await;
        assert_eq!(id_of(results.assert_status(200)), id, "its results are the same run");
        let all = format!("/api/v1/runs/{id}/estimates?limit=1000");
        let items = model.engineer.get(&all).await.json();
        for metric in metrics {
            let ours = estimate(&items, metric, &json!({}));
            let wanted = known.pointer(place).and_then(|all| all[metric].as_f64()).unwrap();
            let value = ours["value"].as_f64().unwrap_or_else(|| panic!("{metric}: {ours}"));
            assert!((value - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{metric}: {value}");
            assert!(ours["interval"]["low"].as_f64().unwrap() <= value, "{metric}: {ours}");
        }
        reader.get(&format!("/runs/{id}")).await.assert_status(200);
    }
});

each_db!(a_spec_of_another_task_than_the_model_s_is_refused_with_both_named, |server| {
    let model = server.model_from(model("regression")).await;
    let (_, file, spec, ..) = TASKS[2];
    let path = model.predictions_path("v1", spec, "searches@1", "");
    let bytes = fixture(&format!("tasks/{file}"));
    let answer = model.engineer.post_bytes(&path, "text/csv", bytes).await;
    let problem = &answer.assert_status(422).json()["errors"][0];
    assert_eq!(problem["code"], "other_task");
    assert_eq!(
        problem["message"],
        "the spec is of task `ranking`, but the model is registered for `regression`"
    );
    assert_eq!(server.rows().await["run"], 0);
});
