//! Large predictions: acknowledged once they are safe, and read afterwards.

use app::domain::{Role, UploadState};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::Value;
use server::actions::take_upload::{remove_strays, resume};
use server::config::Config;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tests::{Answer, Client, SPEC, TEAM, TestServer, each_db, fixture, id_of, multipart, other};

const HALF: &str = "adult-half@1994";

fn adult() -> Vec<u8> {
    fixture("predictions/adult_v4_hgb.csv")
}

/// How many files wait to be read.
fn files(server: &TestServer) -> usize {
    std::fs::read_dir(server.app.config.uploads()).map_or(0, Iterator::count)
}

async fn meter(server: &TestServer) -> String {
    let here: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let ask = Request::get("/metrics").extension(ConnectInfo(here));
    server.visitor().send(ask, Body::empty()).await.assert_status(200).text()
}

/// Asks until an upload is settled.
async fn settled(client: &Client, location: &str) -> Value {
    for _ in 0..2_000 {
        let upload = client.get(location).await.assert_status(200).json();
        if upload["state"] != "waiting" {
            return upload;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{location} is not settled");
}

fn taken(answer: &Answer) -> String {
    let upload = answer.assert_status(202).json();
    assert_eq!(upload["state"], "waiting");
    assert!(upload["run"].is_null() && upload["problems"].as_array().unwrap().is_empty());
    assert_eq!(answer.headers["retry-after"], "1");
    answer.location().to_owned()
}

each_db!(large_predictions_are_acknowledged_and_become_the_run_that_small_ones_would, |server| {
    let small = server.model("income").await;
    let at = "&evaluated_at=2026-06-01";
    let known = small.predictions("v1", HALF, at, adult()).await.assert_status(201).json();

    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let first = model.predictions("v1", HALF, at, adult()).await;
    let location = taken(&first);
    assert_eq!(first.json()["source_digest"], known["source_digest"]);
    let upload = settled(&model.engineer, &location).await;
    assert_eq!((&upload["state"], &upload["run"]["new"]), (&"done".into(), &true.into()));
    assert_eq!(upload["run"]["receipt"], known["receipt"]);
    assert_eq!(upload["run"]["evaluated_at"], known["evaluated_at"]);

    let again = model.predictions("v1", HALF, at, adult()).await;
    assert_eq!(id_of(again.assert_status(200)), upload["run"]["id"].as_str().unwrap());
    let list = "/api/v1/models/income/versions/v1/uploads";
    let listed = model.engineer.get(list).await.assert_status(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(files(&server), 0, "a settled upload leaves no file");
    let text = meter(&server).await;
    for line in ["settled_total{state=\"done\"} 1", "waiting 0"] {
        assert!(text.contains(&format!("evenhand_uploads_{line}")), "{line} in {text}");
    }
    let reader = server.signed_in(Role::Viewer).await;
    let page = format!("/uploads/{}", upload["id"].as_str().unwrap());
    reader.get(&page).await.assert_status(200).assert_contains("is a run now");
});

each_db!(the_same_while_it_is_under_way_is_the_same_upload_and_another_has_another_key, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    // Nothing is read meanwhile.
    let place = server.app.settling.acquire().await.unwrap();
    let first = model.predictions("v1", HALF, "", adult()).await;
    let second = model.predictions("v1", HALF, "", adult()).await;
    assert_eq!(taken(&first), taken(&second));
    let page = first.json()["url"].as_str().unwrap().to_owned();
    let waiting = server.signed_in_for(Role::Engineer, TEAM).await.get(&page).await;
    waiting.assert_status(200).assert_contains("is being read, or waits");
    assert_eq!(waiting.headers["refresh"], "3");
    let version = server.signed_in(Role::Viewer).await.get("/models/income/versions/v1").await;
    version.assert_contains(&format!("href=\"{page}\"")).assert_contains("is without it");
    drop(place);
    settled(&model.engineer, first.location()).await;
});

each_db!(a_large_file_that_is_refused_says_where_and_stores_no_run, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let mut rows = adult();
    rows.extend_from_slice(b"7,0.5,1,x,Male,White,25-34,1\n");
    let answer = model.predictions("v1", HALF, "", rows).await;
    let upload = settled(&model.engineer, &taken(&answer)).await;
    assert_eq!((&upload["state"], &upload["run"]), (&"refused".into(), &Value::Null));
    let problem = upload["problems"][0].to_string();
    assert!(problem.contains("16283"), "{problem}");
    let page = upload["url"].as_str().unwrap();
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    ann.get(page).await.assert_status(200).assert_contains("16283").assert_contains("refused");
    // What needs no reading is still said at once.
    model.predictions("v9", HALF, "", adult()).await.assert_status(404);
});

each_db!(a_reader_that_is_stopped_with_its_server_loses_no_upload, |server| {
    let stopped = server.folder.path().join("stopped");
    std::fs::write(&stopped, "#!/bin/sh\nkill -TERM $$\n").unwrap();
    std::fs::set_permissions(&stopped, std::fs::Permissions::from_mode(0o755)).unwrap();
    let reader = server.app.config.reader.clone();
    let server = other(&server, |config| {
        config.answered_at_once = 1_000;
        config.reader = stopped;
    })
    .await;
    let model = server.model("income").await;
    model.predictions("v1", HALF, "", adult()[..900].to_vec()).await.assert_status(503);
    let location = taken(&model.predictions("v1", HALF, "", adult()).await);
    let id = location.rsplit('/').next().unwrap();
    let file = server.app.config.uploads().join(id);
    // Its turn comes and goes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let upload = model.engineer.get(&location).await.json();
    assert_eq!((&upload["state"], file.exists()), (&"waiting".into(), true));

    // The token was good when the file came.
    server.app.clock.advance(time::Duration::days(400));
    let (store, clock) = (server.app.store.clone(), server.app.clock.clone());
    let config = Config { reader, ..server.app.config.clone() };
    let started_again = server::App::open(store, clock, config).await.unwrap();
    resume(&started_again).await.unwrap();
    let id = id.parse().unwrap();
    for _ in 0..2_000 {
        if server.app.store.upload(id).await.unwrap().unwrap().state != UploadState::Waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let upload = server.app.store.upload(id).await.unwrap().unwrap();
    assert_eq!(upload.state, UploadState::Done, "{:?}", upload.problems);
});

each_db!(a_file_that_belongs_to_no_upload_goes_after_an_hour, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let place = server.app.settling.acquire().await.unwrap();
    let location = taken(&model.predictions("v1", HALF, "", adult()).await);
    let folder = server.app.config.uploads();
    let (ours, stray) = (folder.join(location.rsplit('/').next().unwrap()), folder.join("stray"));
    std::fs::write(&stray, "x").unwrap();
    let now = server.app.clock.now();
    let at = |file: &std::path::Path, at: time::OffsetDateTime| {
        std::fs::File::options().write(true).open(file).unwrap().set_modified(at.into()).unwrap();
    };
    at(&stray, now - time::Duration::minutes(59));
    at(&ours, now - time::Duration::hours(2));
    remove_strays(&server.app).await.unwrap();
    assert!(stray.exists(), "it may be an upload that is being noted");
    at(&stray, now - time::Duration::minutes(61));
    remove_strays(&server.app).await.unwrap();
    assert!(!stray.exists() && ours.exists());
    drop(place);
    settled(&model.engineer, &location).await;
});

each_db!(a_large_file_of_the_page_leads_to_the_page_that_waits_for_it, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let ann = server.signed_in_for(Role::Engineer, TEAM).await;
    let file = adult();
    let parts: [(&str, Option<&str>, &[u8]); 5] = [
        ("kind", None, b"predictions"),
        ("dataset", None, HALF.as_bytes()),
        ("spec", None, SPEC.as_bytes()),
        ("do", None, b"upload"),
        ("file", Some("adult.csv"), &file),
    ];
    let (kind, body) = multipart(&parts);
    let sent = ann.post_bytes("/models/income/versions/v1/upload", &kind, body).await;
    let page = sent.assert_status(303).location();
    assert!(page.starts_with("/uploads/"), "{page}");
    let upload = settled(&model.engineer, &format!("/api/v1{page}")).await;
    assert_eq!(upload["state"], "done");
    let run = upload["run"]["url"].as_str().unwrap();
    ann.get(page).await.assert_status(200).assert_contains(&format!("href=\"{run}\""));
});

each_db!(an_upload_whose_file_is_gone_fails_after_a_day, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let place = server.app.settling.acquire().await.unwrap();
    let location = taken(&model.predictions("v1", HALF, "", adult()).await);
    let id = location.rsplit('/').next().unwrap().to_owned();
    std::fs::remove_file(server.app.config.uploads().join(&id)).unwrap();
    server::actions::take_upload::give_up(&server.app).await.unwrap();
    let reader = server.signed_in(Role::Viewer).await;
    let page = format!("/uploads/{id}");
    reader.get(&page).await.assert_contains("is being read, or waits");
    server.app.clock.advance(time::Duration::hours(25));
    server::actions::take_upload::give_up(&server.app).await.unwrap();
    let upload = server.app.store.upload(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(upload.state, app::domain::UploadState::Failed);
    drop(place);
});

each_db!(what_is_not_the_files_fault_is_tried_again_and_then_said_to_have_failed, |server| {
    let server = other(&server, |config| {
        config.answered_at_once = 1_000;
        config.reader = "/no/such/reader".into();
        config.tries_again_after = [Duration::from_millis(1); 4];
    })
    .await;
    let model = server.model("income").await;
    let location = taken(&model.predictions("v1", HALF, "", adult()).await);
    let upload = settled(&model.engineer, &location).await;
    assert_eq!((&upload["state"], &upload["run"]), (&"failed".into(), &Value::Null));
    let why = upload["problems"][0]["message"].as_str().unwrap();
    assert!(why.contains("on the server") && why.contains("send the file again"), "{why}");
    assert_eq!(files(&server), 0);
    let text = meter(&server).await;
    assert!(text.contains("evenhand_uploads_settled_total{state=\"failed\"} 1"), "{text}");
});

each_db!(whoever_hangs_up_leaves_a_whole_upload_or_none, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    for (day, patience) in (1..).zip([1, 3, 6, 10, 20, 40]) {
        let at = format!("&evaluated_at=2026-06-{day:02}");
        let sending = model.predictions("v1", HALF, &at, adult());
        let _ = tokio::time::timeout(Duration::from_millis(patience), sending).await;
    }
    // What a task of the server still does with them has to end; nothing may wait for a restart.
    let is_done =
        async || server.app.store.uploads_under_way().await.unwrap() == 0 && files(&server) == 0;
    let mut quiet = 0;
    for _ in 0..2_000 {
        quiet = if is_done().await { quiet + 1 } else { 0 };
        if quiet == 10 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("an upload is left that nobody reads");
});

each_db!(the_longer_an_upload_takes_the_less_often_it_is_asked_for, |server| {
    let server = other(&server, |config| config.answered_at_once = 1_000).await;
    let model = server.model("income").await;
    let place = server.app.settling.acquire().await.unwrap();
    let location = taken(&model.predictions("v1", HALF, "", adult()).await);
    for (seconds, pause) in [(40, "5"), (600, "15")] {
        server.app.clock.advance(time::Duration::seconds(seconds));
        assert_eq!(model.engineer.get(&location).await.headers["retry-after"], pause);
    }
    drop(place);
    settled(&model.engineer, &location).await;
});
