//! Estimates on their way into the database and back.

use app::domain::RunId;
use metrics::{DatasetRef, Estimate, Instrument, Interval, RunDocument, Slice};
use serde_json::Value;
use server::audit::By;
use server::auth::Actor;
use server::auth::permit::UploadRun;
use server::store::Tx;
use server::store::runs::{NewRun, Run, SourceKey};
use std::collections::BTreeSet;
use std::time::Duration;
use tests::{TestServer, at_once, each_db};
use time::macros::datetime;

fn estimate(slice: &Slice, metric: &str, value: f64) -> Estimate {
    Estimate {
        slice: slice.clone(),
        metric: metric.to_owned(),
        value: Some(value),
        n: Some(1 << 53),
        numerator: None,
        denominator: None,
        positives: Some(0),
        n_effective: Some(12.5),
        stderr: None,
        threshold: Some(f64::MIN_POSITIVE),
        interval: Some(Interval {
            low: value / 3.0,
            high: value * 1e200,
            level: 0.95,
            method: "student_t".to_owned(),
        }),
        undefined: None,
    }
}

fn document(estimates: Vec<Estimate>) -> RunDocument {
    RunDocument {
        schema: metrics::run::SCHEMA.to_owned(),
        evaluated_at: datetime!(2026-11-01 01:00 UTC),
        dataset: DatasetRef {
            name: "adult".to_owned(),
            version: "1".to_owned(),
            digest: None,
            rows: None,
        },
        instrument: Instrument {
            name: "x".to_owned(),
            version: "1".to_owned(),
            definitions: "1".to_owned(),
            judge: None,
        },
        positive_outcome: None,
        metrics: vec![],
        estimates,
    }
}

/// A run beside which others can be put.
async fn first(server: &TestServer) -> Run {
    let model = server.model("income").await;
    let id = model.table("v1", "adult@1", "2026-06-01", "metric,value,n\naccuracy,0.5,10\n").await;
    server.app.store.run(RunId(id.parse().unwrap())).await.unwrap().unwrap()
}

async fn add(tx: &mut Tx, beside: &Run, document: &RunDocument, name: &str) -> RunId {
    let permit = Actor::operator().permit::<UploadRun>(app::domain::Scope::Organisation).unwrap();
    let source =
        SourceKey { digest: name.to_owned(), key: name.to_owned(), importer: name.to_owned() };
    let run = NewRun {
        model: beside.model_id,
        version: beside.version_id,
        dataset: beside.dataset_id,
        source,
        format: "run",
        received_at: document.evaluated_at,
        uploader: beside.uploader_id,
        token: None,
        receipt: &Value::Null,
        document,
        rows: None,
    };
    let digest = async { Ok(name.to_owned()) };
    tx.add_run(&permit, &run, digest).await.unwrap()
}

async fn begin(server: &TestServer) -> Tx {
    server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap()
}

/// The slices that come when those of so many attributes are asked for that have one of these.
async fn asked(
    server: &TestServer,
    run: RunId,
    arity: usize,
    names: BTreeSet<&str>,
) -> BTreeSet<Slice> {
    let arities = BTreeSet::from([arity]);
    let of = Some((&arities, &names));
    let found = server.app.store.evidence_estimates(&[run], ["accuracy"], of).await.unwrap();
    found.into_iter().map(|(_, estimate)| estimate.slice).collect()
}

each_db!(any_text_and_any_number_comes_back_as_it_was_stored, |server| {
    let beside = first(&server).await;
    let mut estimates: Vec<Estimate> = ["\\N", "\\.", "a\\;b", "é\u{301}\u{1f9d1}", "'\"%_", "="]
        .iter()
        .map(|group| {
            estimate(&Slice::new([("at\\tribute", group)]).unwrap(), "accuracy", 1.0 / 3.0)
        })
        .collect();
    estimates.push(Estimate {
        value: None,
        n: None,
        interval: None,
        undefined: Some("no rows,\n\ta tab \\ and \\N\r\n".to_owned()),
        ..estimate(&Slice::overall(), "f1", 0.0)
    });
    // More than one statement has room for, and one over.
    for i in 0..513_u32 {
        let slice = Slice::new([("city", format!("c{i}"))]).unwrap();
        estimates.push(estimate(&slice, "selection_rate", f64::from(i) / 700.0));
    }
    let sent = document(estimates);
    let mut tx = begin(&server).await;
    let run = add(&mut tx, &beside, &sent, "odd").await;
    tx.commit().await.unwrap();
    assert_eq!(server.app.store.estimates_of(run).await.unwrap(), sent.estimates);
    assert_eq!(server.app.store.run(run).await.unwrap().unwrap().digest, "odd");
});

each_db!(a_run_that_is_given_up_half_way_leaves_nothing_and_breaks_no_connection, |server| {
    let beside = first(&server).await;
    let before = server.rows().await;
    let slices = (0..20_000).map(|i| Slice::new([("city", format!("c{i}"))]).unwrap());
    let sent = document(slices.map(|slice| estimate(&slice, "accuracy", 0.5)).collect());
    let mut given_up = 0;
    for milliseconds in [0, 1, 2, 4, 8, 16, 32, 64, 128] {
        let mut tx = begin(&server).await;
        let name = format!("after {milliseconds} ms");
        let adding = add(&mut tx, &beside, &sent, &name);
        let done = tokio::time::timeout(Duration::from_millis(milliseconds), adding).await;
        given_up += u32::from(done.is_err());
        drop(tx);
        let store = &server.app.store;
        let runs = at_once((0..20).map(|_| store.run(beside.id))).await;
        for run in runs {
            assert_eq!(run.unwrap().unwrap().digest, beside.digest, "{name}");
        }
    }
    assert!(given_up > 3, "{given_up} were given up");
    assert_eq!(server.rows().await, before);
});

each_db!(the_slices_that_are_asked_for_are_among_those_that_come, |server| {
    let beside = first(&server).await;
    let odd = ["50%_of", "a\\b", "c;d", "e=f", "Ää", "sex"];
    let mut slices = vec![Slice::overall()];
    for (i, name) in odd.iter().enumerate() {
        slices.push(Slice::new([(*name, "1")]).unwrap());
        slices.push(Slice::new([(*name, "1"), (odd[(i + 1) % odd.len()], "2")]).unwrap());
        slices.push(Slice::new([(*name, "1"), ("x", "2"), ("y", "3")]).unwrap());
    }
    slices.push(Slice::new([("other", "1")]).unwrap());
    let sent = document(slices.iter().map(|slice| estimate(slice, "accuracy", 0.5)).collect());
    let mut tx = begin(&server).await;
    let run = add(&mut tx, &beside, &sent, "odd").await;
    tx.commit().await.unwrap();

    let many: Vec<String> = (0..1_500).map(|i| format!("name {i}")).collect();
    for name in odd {
        for arity in 1..=3 {
            let found = asked(&server, run, arity, [name].into()).await;
            let wanted = |slice: &&Slice| {
                slice.is_overall()
                    || slice.arity() == arity && slice.attributes().any(|a| a == name)
            };
            assert!(slices.iter().filter(wanted).all(|slice| found.contains(slice)), "{name}");
            assert!(found.iter().all(|slice| slice.is_overall() || slice.arity() == arity));
            assert!(found.len() < slices.len() / 2, "{name} at {arity}: {found:?}");
        }
    }
    // So many that a statement cannot ask for them, and what no statement can say.
    let with_sex = many.iter().map(String::as_str).chain(["sex"]).collect();
    assert!(asked(&server, run, 1, with_sex).await.contains(&Slice::parse("sex=1").unwrap()));
    assert!(
        asked(&server, run, 1, ["sex", "a\0b"].into())
            .await
            .contains(&Slice::parse("sex=1").unwrap())
    );
});
