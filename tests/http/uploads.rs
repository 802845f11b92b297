//! Uploads by the API and by the page: what is stored, once, for whom, and what is refused.

use app::domain::token::TokenScope;
use app::domain::{Grant, Role};
use app::pages::parts::link::encode;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use futures::stream;
use serde_json::{Value, json};
use server::audit::By;
use server::auth::{Actor, token};
use server::intake::Pace;
use server::store::tokens::NewToken;
use std::time::Duration;
use tests::{Model, SPEC, TEAM, TestServer, each_db, estimate, fixture, id_of, multipart, other};

const ADULT: &str = "adult_v4_hgb.csv";
const HALF: &str = "adult-half@1994";

fn adult() -> Vec<u8> {
    fixture(&format!("predictions/{ADULT}"))
}

fn results() -> Vec<u8> {
    fixture("uploads/good/adult.run.json")
}

each_db!(a_native_document_becomes_a_run_and_the_same_bytes_are_the_same_run, |server| {
    let model = server.model("income").await;
    let first = model.results("v1", "", results()).await;
    let id = id_of(first.assert_status(201));
    assert_eq!(first.location(), format!("/api/v1/runs/{id}"));
    assert_eq!(first.json()["new"], true);
    let before = server.rows().await;

    let again = model.results("v1", "", results()).await;
    assert_eq!(id_of(again.assert_status(200)), id);
    assert_eq!(again.json()["new"], false);
    assert_eq!(server.rows().await, before, "the second upload writes nothing");
});

each_db!(the_same_results_laid_out_otherwise_are_the_same_run, |server| {
    let model = server.model("income").await;
    let id = id_of(model.results("v1", "", results()).await.assert_status(201));
    let document: Value = serde_json::from_slice(&results()).unwrap();
    let dense = model.results("v1", "", document.to_string()).await;
    assert_eq!(id_of(dense.assert_status(200)), id);
});

each_db!(the_same_bytes_on_another_version_are_another_run, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let first = id_of(model.results("v1", "", results()).await.assert_status(201));
    let second = id_of(model.results("v2", "", results()).await.assert_status(201));
    assert_ne!(first, second);
});

each_db!(a_long_table_becomes_a_run, |server| {
    let model = server.model("income").await;
    let csv = fixture("uploads/good/adult.csv");
    let answer = model.results("v1", "?dataset=adult-half%401994", csv).await;
    let id = id_of(answer.assert_status(201));
    let items = model.engineer.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
    let overall = estimate(&items, "selection_rate", &json!({}));
    assert_eq!((&overall["numerator"], &overall["n"]), (&json!(3382), &json!(16281)));
    assert!(overall["interval"]["low"].is_f64(), "counts give an interval: {overall}");
});

/// Predictions, the server's own metrics core, the database and the API give what Fairlearn gives.
async fn equals_fairlearn(server: &TestServer, id: &str) {
    // Some intersections have fewer than ten positives, which an engineer is not shown.
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    let known: Value =
        serde_json::from_slice(&fixture("golden/fairlearn_adult_v4_hgb.json")).unwrap();
    let items = lead.get(&format!("/api/v1/runs/{id}/estimates?limit=1000")).await.json();
    let mut compared = 0;
    for (attributes, section) in known["slices"].as_object().unwrap() {
        let attributes: Vec<&str> = attributes.split('|').collect();
        if attributes.contains(&"age_band") {
            continue;
        }
        for (group, values) in section["by_group"].as_object().unwrap() {
            let slice: Value = attributes
                .iter()
                .zip(group.split('|'))
                .map(|(attribute, group)| ((*attribute).to_owned(), Value::from(group)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            for (key, golden) in [
                ("selection_rate", "selection_rate"),
                ("true_positive_rate", "true_positive_rate"),
                ("false_positive_rate", "false_positive_rate"),
                ("accuracy", "accuracy"),
                ("precision", "precision"),
                ("roc_auc", "roc_auc"),
                ("brier_score", "brier"),
                ("f1", "f1"),
                ("count", "count"),
            ] {
                let ours = estimate(&items, key, &slice)["value"].as_f64();
                let theirs = values[golden].as_f64().unwrap();
                let ours = ours.unwrap_or_else(|| panic!("{key} of {slice} is undefined"));
                assert!((ours - theirs).abs() < 1e-9, "{key} of {slice}: {ours} and {theirs}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, (2 + 5 + 10) * 9);
    assert_eq!(server.rows().await["run"], 1);
}

each_db!(predictions_in_csv_give_the_numbers_that_fairlearn_gives, |server| {
    let model = server.model("income").await;
    let id = id_of(model.predictions("v1", HALF, "", adult()).await.assert_status(201));
    equals_fairlearn(&server, &id).await;
});

each_db!(predictions_in_parquet_with_the_spec_in_a_form_give_the_same, |server| {
    let model = server.model("income").await;
    let file = fixture("predictions/adult_v4_hgb.parquet");
    let (kind, body) = multipart(&[
        ("spec", None, SPEC.as_bytes()),
        ("file", Some("adult_v4_hgb.parquet"), &file),
    ]);
    let path = "/api/v1/models/income/versions/v1/predictions?dataset=adult-half%401994";
    let answer = model.engineer.post_bytes(path, &kind, body).await;
    let receipt = answer.assert_status(201).json()["receipt"].clone();
    assert_eq!(
        (&receipt["rows_read"], &receipt["rows_used"]),
        (&json!(16281), &json!(16281)),
        "{receipt}"
    );
    equals_fairlearn(&server, &id_of(&answer)).await;
});

each_db!(twenty_uploads_of_the_same_at_the_same_moment_make_one_run, |server| {
    let model = server.model("income").await;
    // Neither the version nor the dataset nor any group is there yet.
    let query = "?create_version=true";
    let uploads = (0..20).map(|_| model.results("v7", query, results()));
    let answers = futures::future::join_all(uploads).await;
    let first = id_of(&answers[0]);
    for answer in &answers {
        assert!([200, 201].contains(&answer.status.as_u16()), "{}", answer.text());
        assert_eq!(id_of(answer), first);
    }
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1, "one of them made it");
    let rows = server.rows().await;
    assert_eq!((rows["run"], rows["model_version"], rows["dataset"]), (1, 2, 1));
});

each_db!(different_uploads_at_the_same_moment_all_become_runs, |server| {
    let model = server.model("income").await;
    let uploads = (0..8).map(|i| {
        let csv = format!("metric,value,n,sex\naccuracy,0.{},100,Female\n", i + 1);
        let model = &model;
        async move { model.results("v1", "?dataset=d%401", csv).await }
    });
    for answer in futures::future::join_all(uploads).await {
        answer.assert_status(201);
    }
    assert_eq!(server.rows().await["run"], 8);
});

each_db!(an_idempotency_key_is_one_request_for_a_day, |server| {
    let model = server.model("income").await;
    server.version("income", "v2").await;
    let send = |version: &str, body: Vec<u8>| {
        let path = format!("/api/v1/models/income/versions/{version}/runs?dataset=d%401");
        model
            .engineer
            .send(Request::post(path).header("idempotency-key", "build-7"), Body::from(body))
    };
    let csv = |value: &str| format!("metric,value,n\naccuracy,{value},100\n").into_bytes();
    let id = id_of(send("v1", csv("0.5")).await.assert_status(201));
    assert_eq!(id_of(send("v1", csv("0.5")).await.assert_status(200)), id);
    send("v1", csv("0.6")).await.assert_status(409).assert_contains("Idempotency-Key");
    // The same bytes for another version are another request.
    send("v2", csv("0.5")).await.assert_status(409);
    assert_eq!(server.rows().await["run"], 1);

    server.app.clock.advance(time::Duration::hours(25));
    send("v1", csv("0.6")).await.assert_status(201);
});

each_db!(a_key_that_came_with_what_was_there_already_stands_for_it, |server| {
    let model = server.model("income").await;
    let csv = |value: &str| format!("metric,value,n\naccuracy,{value},100\n");
    let path = "/api/v1/models/income/versions/v1/runs?dataset=d%401";
    model.results("v1", "?dataset=d%401", csv("0.5")).await.assert_status(201);
    let keyed = |body: String| {
        model.engineer.send(Request::post(path).header("idempotency-key", "k"), Body::from(body))
    };
    keyed(csv("0.5")).await.assert_status(200);
    keyed(csv("0.6")).await.assert_status(409);
});

each_db!(an_unknown_model_or_version_is_not_found_and_says_what_would_help, |server| {
    let model = server.model("income").await;
    let before = server.rows().await;
    let nobody = "/api/v1/models/nobody/versions/v1/runs";
    model.engineer.post_bytes(nobody, "text/csv", results()).await.assert_status(404);
    let misspelt = "/api/v1/models/incmoe/versions/v1/runs";
    let answer = model.engineer.post_bytes(misspelt, "text/csv", results()).await;
    answer.assert_status(404).assert_contains("did you mean income?");
    let answer = model.results("v9", "", results()).await;
    answer.assert_status(404).assert_contains("create_version=true");
    assert_eq!(server.rows().await, before);

    let made = model.results("v9", "?create_version=true", results()).await;
    assert_eq!(made.assert_status(201).json()["version"], "v9");
});

each_db!(making_a_version_needs_the_scope_that_makes_versions, |server| {
    let model = server.model("income").await;
    let scopes = [TokenScope::Read, TokenScope::RunsWrite];
    let token = server.token_of(model.engineer_id, &scopes, None).await;
    let program = server.visitor().with_token(&token);
    let before = server.rows().await;
    for dry in ["", "&dry_run=true"] {
        let path = format!("/api/v1/models/income/versions/v9/runs?create_version=true{dry}");
        let answer = program.post_bytes(&path, "text/csv", results()).await;
        answer.assert_status(403).assert_contains("models:write");
    }
    assert_eq!(server.rows().await, before);
});

each_db!(a_dataset_of_other_bytes_needs_another_version, |server| {
    let model = server.model("income").await;
    let example = fixture("uploads/good/example.run.json");
    model.results("v1", "", example.clone()).await.assert_status(201);
    let text = String::from_utf8(example).unwrap();
    let other = text.replace("e3b0c442", "aaaaaaaa");
    assert_ne!(text, other);
    let before = server.rows().await;
    for query in ["", "?dry_run=true"] {
        let answer = model.results("v1", query, other.clone()).await;
        answer.assert_status(409).assert_contains("adult-test@1994");
    }
    assert_eq!(server.rows().await, before);
});

each_db!(a_shared_token_says_for_whom_and_only_for_members, |server| {
    let model = server.model("income").await;
    let team = Some(server.team(TEAM).await);
    let other_team = Some(server.team("elsewhere").await);
    let (member, member_mail) = server.somebody(Some(Grant { role: Role::Engineer, team })).await;
    let viewer = server.somebody(Some(Grant { role: Role::Viewer, team })).await.1;
    let stranger = server.somebody(Some(Grant { role: Role::Engineer, team: other_team })).await.1;
    let permit = Actor::operator().permit(app::domain::Scope::Organisation).unwrap();
    let new = NewToken {
        name: app::domain::Line::new("pipeline").unwrap(),
        scopes: vec![TokenScope::Read, TokenScope::RunsWrite],
        team,
        shared: true,
        days: 1,
    };
    let text = token::generate();
    let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
    tx.add_token_for(&permit, model.engineer_id, &new, &token::hash(&text), token::hint(&text))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let shared = Model { engineer: server.visitor().with_token(&text), ..model };

    let before = server.rows().await;
    let none = shared.results("v1", "", results()).await;
    none.assert_status(422).assert_contains("on_behalf");
    for unfit in [&viewer, &stranger, &"nobody@example.org".to_owned(), &"rubbish".to_owned()] {
        let query = format!("?on_behalf={}", encode(unfit));
        shared.results("v1", &query, results()).await.assert_status(422);
    }
    assert_eq!(server.rows().await, before);

    let query = format!("?on_behalf={}", encode(&member_mail));
    let answer = shared.results("v1", &query, results()).await;
    let uploader = answer.assert_status(201).json()["uploader"]["id"].clone();
    assert_eq!(uploader, member.to_string());

    server.app.clock.advance(time::Duration::days(2));
    shared.results("v1", &query, results()).await.assert_status(401);
});

each_db!(a_token_of_ones_own_speaks_for_nobody_else, |server| {
    let model = server.model("income").await;
    let query = "?on_behalf=somebody%40example.org";
    model.results("v1", query, results()).await.assert_status(403);
    assert_eq!(server.rows().await["run"], 0);
});

each_db!(a_token_that_may_not_even_read_is_told_which_scope_it_lacks, |server| {
    let model = server.model("income").await;
    let token = server.token_of(model.engineer_id, &[TokenScope::RunsWrite], None).await;
    let program = server.visitor().with_token(&token);
    let path = "/api/v1/models/income/versions/v1/runs";
    let answer = program.post_bytes(path, "application/json", results()).await;
    answer.assert_status(403).assert_contains("`read`");
});

each_db!(a_token_uploads_within_its_scope_its_team_and_its_days, |server| {
    let model = server.model("income").await;
    let before = server.rows().await;
    let path = "/api/v1/models/income/versions/v1/runs";
    let upload = |text: String| {
        let program = server.visitor().with_token(&text);
        async move { program.post_bytes(path, "application/json", results()).await }
    };
    let reader = server.token_of(model.engineer_id, &[TokenScope::Read], None).await;
    upload(reader).await.assert_status(403).assert_contains("runs:write");

    let elsewhere = server.team("elsewhere").await;
    let scopes = [TokenScope::Read, TokenScope::RunsWrite];
    let of_other_team = server.token_of(model.engineer_id, &scopes, Some(elsewhere)).await;
    upload(of_other_team).await.assert_status(403);

    let good = server.token_of(model.engineer_id, &scopes, Some(server.team(TEAM).await)).await;
    server.app.clock.advance(time::Duration::days(91));
    upload(good.clone()).await.assert_status(401);
    upload("eh_rubbish".to_owned()).await.assert_status(401);
    assert_eq!(server.rows().await["run"], before["run"]);
    server.app.clock.advance(-time::Duration::days(91));
    upload(good).await.assert_status(201);
});

each_db!(a_body_over_the_limit_is_refused_before_it_is_read, |server| {
    let server = other(&server, |config| {
        config.results_limit = 10_000;
        config.predictions_limit = 20_000;
    })
    .await;
    let model = server.model("income").await;
    let before = server.rows().await;
    let results = "/api/v1/models/income/versions/v1/runs";
    let predictions = model.predictions_path("v1", SPEC, HALF, "");
    for (path, limit) in [(results, 10_000), (&predictions, 20_000)] {
        // Declared: not a byte is asked for.
        let never = stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<Bytes>>> {
            panic!("the body was read")
        });
        let request = Request::post(path).header(header::CONTENT_LENGTH, limit + 1);
        model.engineer.send(request, Body::from_stream(never)).await.assert_status(413);

        // Not declared: it ends soon after the limit.
        let (sent, counted) = counting(1000);
        model.engineer.send(Request::post(path), sent).await.assert_status(413);
        let read = counted.load(std::sync::atomic::Ordering::SeqCst);
        assert!(read < limit + 5000, "{read} bytes of an endless body were read");
    }
    assert_eq!(server.rows().await, before);
    model.engineer.get("/api/v1/models/income/runs").await.assert_status(200);
});

/// An endless body, and how much of it was asked for.
fn counting(chunk: usize) -> (Body, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    let endless = stream::repeat_with(move || {
        count.fetch_add(chunk, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; chunk]))
    });
    (Body::from_stream(endless), counted)
}

each_db!(the_parts_of_a_form_beside_its_file_have_a_limit_too, |server| {
    let model = server.model("income").await;
    let kind = multipart(&[]).0;
    let boundary = kind.rsplit('=').next().unwrap();
    let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"spec\"\r\n\r\n");
    let (_, counted) = counting(0);
    let count = std::sync::Arc::clone(&counted);
    let endless = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(head)) });
    let rest = stream::repeat_with(move || {
        count.fetch_add(1 << 16, std::sync::atomic::Ordering::SeqCst);
        Ok(Bytes::from(vec![b'x'; 1 << 16]))
    });
    let body = Body::from_stream(futures::StreamExt::chain(endless, rest));
    let path = "/api/v1/models/income/versions/v1/predictions?dataset=d%401";
    let request = Request::post(path).header(header::CONTENT_TYPE, &kind);
    model.engineer.send(request, body).await.assert_status(413);
    let read = counted.load(std::sync::atomic::Ordering::SeqCst);
    assert!(read < 6 << 20, "{read} bytes of a text field were taken");
});

each_db!(a_client_that_never_finishes_is_sent_away, |server| {
    let server = other(&server, |config| {
        config.pace = Pace {
            silence: Duration::from_millis(100),
            head_start: Duration::from_millis(300),
            least_rate: 1 << 20,
        };
    })
    .await;
    let model = server.model("income").await;
    let before = server.rows().await;
    let path = "/api/v1/models/income/versions/v1/runs";

    let silent = || {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from("metric,value\n")) });
        Body::from_stream(futures::StreamExt::chain(first, stream::pending()))
    };
    model.engineer.send(Request::post(path), silent()).await.assert_status(408);

    // One that drips is no better.
    let drip = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from("x")), ()))
    });
    model.engineer.send(Request::post(path), Body::from_stream(drip)).await.assert_status(408);

    // Nor is a form of which the next part never comes.
    let kind = multipart(&[]).0;
    let path = "/api/v1/models/income/versions/v1/predictions?dataset=d%401";
    let request = Request::post(path).header(header::CONTENT_TYPE, &kind);
    model
        .engineer
        .send(request, Body::from_stream(stream::pending::<std::io::Result<Bytes>>()))
        .await
        .assert_status(408);
    // Nor one that is no upload.
    let request = Request::post("/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    let body = Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
    server.visitor().send(request, body).await.assert_status(400);
    assert_eq!(server.rows().await, before);
    model.results("v1", "", results()).await.assert_status(201);
});

each_db!(
    the_page_checks_a_file_keeps_it_and_uploads_it_once_however_often_it_is_posted,
    |server| {
        server.model("income").await;
        let ann = server.signed_in_for(Role::Engineer, TEAM).await;
        let path = "/models/income/versions/v1/upload";
        ann.get(path).await.assert_status(200).assert_contains("multipart/form-data");
        let form = |action: &str, file: Option<&[u8]>, staged: &str| {
            let (dataset, spec) = (HALF.as_bytes(), SPEC.as_bytes());
            let mut parts = vec![
                ("kind", None, &b"predictions"[..]),
                ("dataset", None, dataset),
                ("spec", None, spec),
                ("do", None, action.as_bytes()),
                ("staged", None, staged.as_bytes()),
            ];
            if let Some(file) = file {
                parts.push(("file", Some("adult.csv"), file));
            }
            multipart(&parts)
        };
        let before = server.rows().await;
        let (kind, body) = form("check", Some(&adult()), "");
        let checked = ann.post_bytes(path, &kind, body).await;
        checked
            .assert_status(200)
            .assert_contains("This can be uploaded")
            .assert_contains("16,281");
        assert_eq!(server.rows().await, before);

        let staged = server::audit::sha256_hex(adult());
        checked.assert_contains(&staged);
        let stranger = server.signed_in_for(Role::Engineer, TEAM).await;
        let (kind, body) = form("upload", None, &staged);
        let answer = stranger.post_bytes(path, &kind, body.clone()).await;
        answer.assert_status(422).assert_contains("choose a file");

        let (once, twice) = tokio::join!(
            ann.post_bytes(path, &kind, body.clone()),
            ann.post_bytes(path, &kind, body.clone())
        );
        once.assert_status(303);
        twice.assert_redirect(once.location());
        ann.post_bytes(path, &kind, body).await.assert_redirect(once.location());
        assert_eq!(server.rows().await["run"], 1);
        ann.get(once.location()).await.assert_status(200).assert_contains("No second one was made");
    }
);

each_db!(the_page_says_what_is_missing_and_keeps_what_was_typed, |server| {
    server.model("income").await;
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let before = server.rows().await;
    let (kind, body) = multipart(&[
        ("kind", None, b"predictions"),
        ("dataset", None, b"no version here"),
        ("evaluated_at", None, b"yesterday"),
        ("spec", None, b"task = 7"),
    ]);
    let answer = ann.post_bytes("/models/income/versions/v1/upload", &kind, body).await;
    answer
        .assert_status(422)
        .assert_contains("choose a file")
        .assert_contains("NAME@VERSION, such as")
        .assert_contains("RFC 3339")
        .assert_contains("no version here")
        .assert_contains("task = 7");
    assert_eq!(server.rows().await, before);
});

each_db!(whoever_may_not_upload_there_is_refused_before_the_body_is_read, |server| {
    server.model("income").await;
    let stranger = server.signed_in_for(Role::Engineer, "elsewhere").await;
    for path in ["/models/income/versions/v1/upload", "/api/v1/models/income/versions/v1/runs"] {
        let (body, counted) = counting(1000);
        stranger.send(Request::post(path), body).await.assert_status(403);
        assert_eq!(counted.load(std::sync::atomic::Ordering::SeqCst), 0);
    }
});

each_db!(every_upload_leaves_its_entries_in_the_audit_log, |server| {
    let model = server.model("income").await;
    let before = server.rows().await["audit_entry"];
    let id = id_of(model.results("v1", "", results()).await.assert_status(201));
    let entries = server.app.store.audit_entries(before, 100).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert!(actions.contains(&"run.accepted"), "{actions:?}");
    assert!(actions.contains(&"dataset.registered"), "{actions:?}");
    let run = entries.iter().find(|entry| entry.action == "run.accepted").unwrap();
    assert_eq!(run.object_id, id);
});
