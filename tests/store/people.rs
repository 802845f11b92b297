//! People, links, tokens and throttles as the database keeps them.

use app::domain::token::TokenScope;
use app::domain::{Line, Scope, Slug};
use server::audit::By;
use server::auth::Actor;
use server::clock::micros;
use server::store::Store;
use server::store::links::Purpose;
use tests::{TestServer, each_db};

/// Everything that a text column holds, in one text.
async fn dump(store: &Store, sql: &'static str) -> String {
    let all: Vec<String> = match store {
        Store::Sqlite { read, .. } => {
            sqlx::query_scalar(sql).fetch_all(read).await.expect("SQLite reads")
        }
        Store::Postgres(pool) => {
            sqlx::query_scalar(sql).fetch_all(pool).await.expect("PostgreSQL reads")
        }
    };
    all.join("\n")
}

async fn link(server: &TestServer) -> String {
    let (person, _) = server.somebody(None).await;
    let permit = Actor::operator().permit(Scope::Organisation).expect("the operator may");
    let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.expect("begins");
    let secret = tx.add_link(&permit, person, Purpose::Reset).await.expect("a link");
    tx.commit().await.expect("commits");
    secret
}

each_db!(no_secret_stands_in_the_database_as_it_is, |server| {
    let secret = link(&server).await;
    let (person, email) = server.somebody(None).await;
    let token = server.token_of(person, &[TokenScope::Read], None).await;
    let cookie = server.log_in(&email).await.cookie("evenhand").expect("a session");
    let store = &server.app.store;
    for (sql, secret) in [
        ("select hash from one_time_link", &secret),
        ("select hash || hint || name from api_token", &token),
        ("select hash || data from session", &cookie),
        ("select leaf from audit_entry", &secret),
        ("select detail from audit_detail", &token),
        (
            "select password_hash from person where password_hash is not null",
            &tests::PASSWORD.to_owned(),
        ),
    ] {
        let all = dump(store, sql).await;
        assert!(!all.is_empty() && !all.contains(secret.as_str()), "{sql}");
    }
});

each_db!(a_link_is_used_by_one_of_two_who_try_at_the_same_moment, |server| {
    let secret = link(&server).await;
    let attempt = async || {
        let mut tx =
            server.app.store.begin(&By::OPERATOR, &server.app.clock).await.expect("begins");
        let own = tx.use_link(&secret).await.expect("asks")?;
        tx.set_password(&own, "hash", "").await.expect("sets");
        tx.commit().await.expect("commits");
        Some(())
    };
    let used = tests::at_once([attempt(), attempt()]).await;
    assert_eq!(used.iter().flatten().count(), 1);
});

each_db!(a_failure_is_noted_only_on_what_was_read, |server| {
    let store = &server.app.store;
    let now = micros(server.app.clock.now());
    assert!(store.note_failure("account:a", None, 1, now).await.expect("writes"));
    assert!(!store.note_failure("account:a", None, 1, now).await.expect("writes"));
    let read = store.failures("account:a").await.expect("reads");
    assert!(store.note_failure("account:a", read.as_ref(), 2, now).await.expect("writes"));
    assert!(!store.note_failure("account:a", read.as_ref(), 2, now).await.expect("writes"));
    store.forgive("account:a").await.expect("writes");
    assert!(store.failures("account:a").await.expect("reads").is_none());
});

each_db!(a_lineage_goes_from_the_team_upwards, |server| {
    let top = server.team("top").await;
    let permit = Actor::operator().permit(Scope::Organisation).expect("the operator may");
    let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.expect("begins");
    let slug = Slug::new("below").expect("a slug");
    let name = Line::new("Below").expect("a name");
    let below = tx.add_team(&permit, &slug, &name, Some(top)).await.expect("a team");
    tx.commit().await.expect("commits");
    assert_eq!(server.app.store.lineage(below).await.expect("reads"), [below, top]);
});
