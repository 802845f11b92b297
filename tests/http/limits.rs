//! How many requests a token may make, and how it is told.

use app::domain::token::TokenScope;
use app::domain::{Grant, Role};
use server::App;
use tests::{Answer, Client, TestServer, each_db, other};
use time::Duration;

const MODELS: &str = "/api/v1/models";

#[track_caller]
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn program(server: &TestServer) -> Client {
    server.token(Role::Viewer, &[TokenScope::Read]).await
}

each_db!(a_token_that_asks_too_often_waits_for_the_next_minute, |server| {
    let server = other(&server, |config| config.rate_limit = 30).await;
    let (busy, calm) = (program(&server).await, program(&server).await);
    server.app.clock.advance(Duration::seconds(18));
    for left in (0..30).rev() {
        let answer = busy.get(MODELS).await;
        answer.assert_status(200);
        assert_eq!(header(&answer, "ratelimit-policy"), "\"token\";q=30;w=60");
        assert_eq!(header(&answer, "ratelimit"), format!("\"token\";r={left};t=42"));
    }
    let refused = busy.get(MODELS).await;
    refused.assert_status(429);
    assert_eq!(header(&refused, "retry-after"), "42");
    assert_eq!(header(&refused, "ratelimit"), "\"token\";r=0;t=42");
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    assert_eq!(refused.json()["type"], "/api/docs#too-many-requests");
    let detail = "this token may make 30 requests a minute; go on in 42 seconds";
    assert_eq!(refused.json()["detail"], detail);

    calm.get(MODELS).await.assert_status(200);
    server.app.clock.advance(Duration::seconds(41));
    busy.get(MODELS).await.assert_status(429);
    server.app.clock.advance(Duration::seconds(1));
    busy.get(MODELS).await.assert_status(200);
});

each_db!(what_is_refused_counts_and_says_so_too, |server| {
    let server = other(&server, |config| config.rate_limit = 3).await;
    let program = program(&server).await;
    let missing = program.get("/api/v1/models/nowhere").await;
    assert_eq!(header(&missing, "ratelimit"), "\"token\";r=2;t=60");
    let forbidden = program.post_json(MODELS, &serde_json::json!({})).await;
    forbidden.assert_status(403);
    assert_eq!(header(&forbidden, "ratelimit"), "\"token\";r=1;t=60");
});

each_db!(servers_on_one_database_share_the_limit, |server| {
    let one = other(&server, |config| config.rate_limit = 60).await;
    let person = one.somebody(Some(Grant { role: Role::Viewer, team: None })).await.0;
    let token = one.token_of(person, &[TokenScope::Read], None).await;
    let app = &one.app;
    let config = app.config.clone();
    let second = App::open(app.store.clone(), app.clock.clone(), config).await.unwrap();
    let clients = [
        one.visitor().with_token(&token),
        Client::new(server::http::router(&second)).with_token(&token),
    ];
    let mut answered = 0;
    for turn in 0..100 {
        let status = clients[usize::from(turn % 3 == 0)].get(MODELS).await.status.as_u16();
        assert!(matches!(status, 200 | 429), "{status}");
        answered += usize::from(status == 200);
    }
    assert_eq!(answered, 60);
});

each_db!(people_are_not_counted_and_nothing_is_limited_where_nobody_wants_it, |server| {
    let person = server.signed_in(Role::Viewer).await;
    assert_eq!(header(&person.get(MODELS).await, "ratelimit"), "");
    let usual = program(&server).await.get(MODELS).await;
    assert_eq!(header(&usual, "ratelimit-policy"), "\"token\";q=6000;w=60");
    let open = other(&server, |config| config.rate_limit = 0).await;
    assert_eq!(header(&program(&open).await.get(MODELS).await, "ratelimit"), "");
});

each_db!(hundreds_of_requests_write_a_few_times_only, |server| {
    let program = program(&server).await;
    for _ in 0..650 {
        program.get("/api/v1/teams?limit=1").await.assert_status(200);
    }
    // Three shares of three hundred.
    let sql = "select taken from request_count";
    let taken: i64 = match &server.app.store {
        server::store::Store::Sqlite { read, .. } => {
            sqlx::query_scalar(sql).fetch_one(read).await.unwrap()
        }
        server::store::Store::Postgres(pool) => {
            sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
        }
    };
    assert_eq!(taken, 900);
});
