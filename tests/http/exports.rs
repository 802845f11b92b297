//! Each tool's own file goes in by one request and is seen on the run page: slices, signs, counts.

use app::domain::Role;
use app::pages::parts::link::encode;
use serde_json::{Value, json};
use tests::{TEAM, each_db, estimate, fixture, id_of};

/// A tool's file, the format that its content shows, one estimate of it (metric, slice, value,
/// counts), and what the run's page says of the file.
struct Case(&'static str, &'static str, &'static str, Value, f64, Option<(u64, u64)>, &'static str);

fn women() -> Value {
    json!({"sex": "Female"})
}

/// Of tools that measure groups.
fn of_groups() -> Vec<Case> {
    let both = || json!({"race": "African-American", "sex": "Female"});
    let tpr = "true_positive_rate";
    vec![
        Case(
            "fairlearn/sex.by_group.csv",
            "fairlearn",
            tpr,
            women(),
            246.0 / 413.0,
            Some((246, 413)),
            "counts that follow",
        ),
        Case(
            "fairlearn/adult_v7.sex.table.json",
            "fairlearn",
            tpr,
            women(),
            506.0 / 610.0,
            Some((506, 610)),
            "matthews_corrcoef, reported without n",
        ),
        Case(
            "aequitas/crosstabs.csv",
            "aequitas",
            tpr,
            both(),
            141.0 / 203.0,
            Some((141, 203)),
            "tpr is true_positive_rate, recomputed from counts",
        ),
        Case(
            "aif360/metrics.json",
            "aif360",
            "aif360_statistical_parity_difference",
            json!({"sex": "0"}),
            -0.133_764_912_248_971_08,
            None,
            "unprivileged − privileged",
        ),
        Case(
            "aif360/explanations.json",
            "aif360",
            tpr,
            json!({"privilege": "unprivileged"}),
            506.0 / 610.0,
            Some((506, 610)),
            "unprivileged",
        ),
    ]
}

/// Of tools that measure models, of which some slice.
fn of_models() -> Vec<Case> {
    vec![
        Case(
            "evidently/report.json",
            "evidently",
            "accuracy",
            json!({}),
            0.660_725_858_716_785_5,
            None,
            "one class of two against the other",
        ),
        Case(
            "evidently/report_0_6_classes.json",
            "evidently",
            "true_positive_rate[Barolo]",
            json!({}),
            26.0 / 30.0,
            Some((26, 30)),
            "means over the classes",
        ),
        Case(
            "tfma/metrics_classes.json",
            "tfma",
            "tfma_classid_1_recall",
            json!({}),
            19.0 / 35.0,
            None,
            "a class is held against the rest by its own score",
        ),
        Case(
            "evidently/snapshot.json",
            "evidently",
            "roc_auc",
            json!({}),
            0.709_788_806_994_043_6,
            None,
            "no zone",
        ),
        Case(
            "mlflow/runs_get.json",
            "mlflow",
            "selection_rate",
            women(),
            0.150_378_717_901_348_6,
            None,
            "demographic_parity_ratio",
        ),
        Case(
            "lm_eval/results.json",
            "lm-eval",
            "accuracy",
            json!({}),
            0.545,
            Some((109, 200)),
            "acc is accuracy, recomputed from counts",
        ),
        Case(
            "inspect/popularity.json",
            "inspect",
            "accuracy",
            json!({"label_confidence_band": "low"}),
            19.0 / 36.0,
            Some((19, 36)),
            "limited to 40 samples",
        ),
        Case(
            "inspect/popularity.eval",
            "inspect",
            "accuracy",
            json!({"label_confidence_band": "high"}),
            0.25,
            Some((1, 4)),
            "limited to 40 samples",
        ),
    ]
}

each_db!(every_tools_file_becomes_a_run_with_its_slices_signs_and_counts, |server| {
    // Who may see small cells, for one of the groups has four rows.
    let lee = server.signed_in_for(Role::Lead, TEAM).await;
    for (i, case) in of_groups().into_iter().chain(of_models()).enumerate() {
        let Case(file, format, metric, slice, value, counts, says) = case;
        let model = server.model(&format!("model-{i}")).await;
        let bytes = fixture(&format!("exports/{file}"));
        // The servers of tests live before some of these files were written.
        let query = "?dataset=some-data%401&evaluated_at=2026-10-15";
        let sent = model.results("v1", query, bytes).await;
        let id = id_of(sent.assert_status(201));
        assert_eq!(sent.json()["format"], format, "{file}");
        let path = format!("/api/v1/runs/{id}/estimates?metric={}", encode(metric));
        let stored = lee.get(&path).await.assert_status(200).json();
        let found = estimate(&stored, metric, &slice);
        let shown = found["value"].as_f64().unwrap();
        assert!((shown - value).abs() < 1e-12, "{file}: {shown}");
        let counted = found["numerator"].as_u64().zip(found["denominator"].as_u64());
        assert_eq!(counted, counts, "{file}");
        let page = lee.get(&format!("/runs/{id}")).await;
        page.assert_status(200).assert_contains(says).assert_contains(format);
        for (_, group) in slice.as_object().unwrap() {
            page.assert_contains(group.as_str().unwrap());
        }
    }
});

each_db!(what_a_tool_left_unfinished_or_unlabelled_is_refused_with_the_remedy, |server| {
    let model = server.model("income").await;
    for (file, code, expected) in [
        ("inspect/interrupted_error.eval", "unfinished_run", "success"),
        ("mlflow/runs_search_two.json", "several_runs", "runs/get"),
        ("fairlearn/adult_v7.series.json", "metric_lost", "dictionary of metrics"),
        ("aequitas/attribute_fairness.csv", "missing_column", "get_crosstabs"),
    ] {
        let bytes = fixture(&format!("exports/{file}"));
        let answer = model.results("v1", "?dataset=some-data%401", bytes).await;
        let problem = answer.assert_status(422).json()["errors"][0].clone();
        assert_eq!(problem["code"], code, "{file}: {problem}");
        assert!(problem["expected"].as_str().unwrap().contains(expected), "{file}: {problem}");
    }
    let values = fixture("exports/fairlearn/adult_v7.sex.values.json");
    let named = model.results("v1", "?dataset=some-data%401&format=fairlearn", values).await;
    assert_eq!(named.assert_status(422).json()["errors"][0]["code"], "labels_lost");
    let unknown = model.results("v1", "?format=xlsx", "x").await;
    unknown.assert_status(422).assert_contains("`fairlearn`");
});

each_db!(the_page_shows_the_recognised_format_before_anything_is_stored, |server| {
    server.model("income").await;
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let file = fixture("exports/aequitas/crosstabs.csv");
    let check = async |format: &str| {
        let (kind, body) = tests::multipart(&[
            ("kind", None, b"results"),
            ("format", None, format.as_bytes()),
            ("dataset", None, b"some-data@1"),
            ("do", None, b"check"),
            ("file", Some("crosstabs.csv"), &file),
        ]);
        ann.post_bytes("/models/income/versions/v1/upload", &kind, body).await
    };
    let before = server.rows().await;
    check("").await.assert_status(200).assert_contains("aequitas").assert_contains("race");
    check("long-csv").await.assert_status(422).assert_contains("this is an Aequitas crosstab");
    check("xlsx").await.assert_status(422).assert_contains("no format is called");
    assert_eq!(server.rows().await, before);
});
