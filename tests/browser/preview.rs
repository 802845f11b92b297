//! What the upload page says of a file before it is sent.

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;
use tests::Site;
use tests::browser::{Browser, Scripts, browse};

const ENGINEER: &str = "emil@evenhand.example";
const UPLOAD: &str = "/models/adult-income/versions/v8/upload";

fn file(ending: &str, text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The document of the newest run of the version, as the browser can fetch it.
async fn newest(browser: &Browser) -> Value {
    browser.open("/models/adult-income/versions/v8").await;
    let script = "fetch(document.querySelector('a[href^=\"/runs/\"]').getAttribute('href') + '/document.json')
            .then((answer) => answer.json()).then(done)";
    browser.run_until_done(script).await
}

/// What was asked of the server since the page was opened, scripts and styles left out.
async fn asked(browser: &Browser) -> Vec<String> {
    let script = "return performance.getEntriesByType('resource').map((entry) => entry.name)
        .filter((name) => !name.includes('/assets/')).map((name) => new URL(name).pathname)";
    let asked = browser.run(script).await;
    asked.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_file_is_shown_as_the_run_it_would_become_before_anything_is_sent() {
    let site = Site::demo().await;
    browse(&site, Scripts::On, |browser| async move {
        browser.log_in(ENGINEER, server::demo::PASSWORD).await;
        let mut document = newest(&browser).await;
        let mut lowered = 0;
        for estimate in document["estimates"].as_array_mut().unwrap() {
            let whole = estimate["denominator"].as_u64().unwrap_or(0);
            let rate = estimate["metric"] == "true_positive_rate" && whole > 0;
            if rate && estimate["slice"]["sex"] == "Female" {
                estimate["numerator"] = (whole / 10).into();
                estimate["value"] = ((whole / 10) as f64 / whole as f64).into();
                estimate.as_object_mut().unwrap().remove("interval");
                lowered += 1;
            }
        }
        assert!(lowered > 0, "the run has no rate to lower");
        let added = serde_json::json!({
            "slice": {"sex": "Femal"}, "metric": "accuracy", "value": 0.9, "n": 100,
            "numerator": 90, "denominator": 100,
        });
        document["estimates"].as_array_mut().unwrap().push(added);
        document["evaluated_at"] = "2026-11-01T00:00:00Z".into();
        let run = file(".json", &document.to_string());

        browser.open(UPLOAD).await;
        browser.attach("File", run.path()).await;
        browser.sees("Read as run-json").await;
        browser.sees("series move beyond chance. See below what it would become.").await;
        browser.sees("sex: Femal (nearest known: Female)").await;
        browser.sees("1 slice new: Femal").await;
        let moved = browser.text("#preview table tbody th").await;
        assert!(!moved.is_empty());
        let words = browser.text("#preview").await;
        assert!(words.contains("true positive rate") && words.contains("worse"), "{words}");
        let sent = asked(&browser).await;
        let document = |path: &&String| path.starts_with("/runs/");
        assert_eq!(sent.iter().filter(document).count(), 1, "{sent:?}");
        let others: Vec<_> = sent.iter().filter(|path| !document(path)).collect();
        assert_eq!(others, ["/models/adult-income/versions/v8/upload/around"], "{sent:?}");
        assert!(browser.path().await.ends_with("/upload"));

        // A broken one: where, and what was expected.
        let broken = "slice,metric,value,n\nsex=Female,accuracy,0.9,100\nsex=Male,accuracy,x,100\n";
        let table = file(".csv", broken);
        browser.attach("File", table.path()).await;
        browser.sees("1 problem, listed below").await;
        browser.sees("line 3").await;

        // Another format than the content shows.
        let crosstab =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/exports/aequitas/crosstabs.csv");
        browser.attach("File", &crosstab).await;
        browser.sees("Read as aequitas").await;
        browser.choose("Format of the results", "long table (CSV)").await;
        browser.sees("this is an Aequitas crosstab").await;
        assert_eq!(browser.console().await, Vec::<String>::new());
    })
    .await;
}
