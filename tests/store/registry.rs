//! What uploads ask of the registry's tables, also at the same moment.

use app::domain::register::{ModelInput, VersionInput};
use app::domain::{Label, ModelId, Scope};
use metrics::DatasetRef;
use server::audit::By;
use server::auth::Actor;
use server::auth::permit::{RegisterModel, UploadRun};
use server::store::models::{ModelFilter, ModelSort, Visibility, Window};
use server::store::{Store, Tx};
use server::{Error, actions};
use tests::{TestServer, each_db};

async fn begin(server: &TestServer) -> Tx {
    server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap()
}

async fn model(server: &TestServer, slug: &str) -> ModelId {
    server.team("lending").await;
    let input = ModelInput {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        team: "lending".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        ..ModelInput::default()
    };
    actions::register_model::register(&server.app, &Actor::operator(), &input).await.unwrap().id
}

fn dataset(digest: Option<&str>, rows: Option<u64>) -> DatasetRef {
    DatasetRef {
        name: "adult-test".to_owned(),
        version: "1994".to_owned(),
        digest: digest.map(|digit| format!("sha256:{}", digit.repeat(64))),
        rows,
    }
}

each_db!(the_same_dataset_with_another_digest_is_a_conflict, |server| {
    let permit = Actor::operator().permit::<UploadRun>(Scope::Organisation).unwrap();
    let mut tx = begin(&server).await;
    let id = tx.ensure_dataset(&permit, &dataset(None, None)).await.unwrap();
    tx.commit().await.unwrap();

    // A digest that was not known is filled in, and then it holds.
    let mut tx = begin(&server).await;
    let again = tx.ensure_dataset(&permit, &dataset(Some("a"), Some(16_281))).await.unwrap();
    assert_eq!(again, id);
    tx.commit().await.unwrap();
    let stored = server.app.store.dataset("adult-test", "1994").await.unwrap().unwrap();
    assert_eq!(stored.digest, dataset(Some("a"), None).digest);
    assert_eq!(stored.row_count, Some(16_281));

    let mut tx = begin(&server).await;
    assert_eq!(tx.ensure_dataset(&permit, &dataset(None, None)).await.unwrap(), id);
    let other = tx.ensure_dataset(&permit, &dataset(Some("b"), None)).await;
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
});

each_db!(a_version_is_made_once_however_often_it_is_asked_for, |server| {
    let model = model(&server, "income").await;
    let permit = Actor::operator().permit::<RegisterModel>(Scope::Organisation).unwrap();
    let label = Label::new("v1").unwrap();
    let mut tx = begin(&server).await;
    let id = tx.ensure_version(&permit, model, &label).await.unwrap();
    assert_eq!(tx.ensure_version(&permit, model, &label).await.unwrap(), id);
    tx.commit().await.unwrap();
    let input = VersionInput { label: "v1".to_owned(), ..VersionInput::default() };
    let again =
        actions::register_version::register(&server.app, &Actor::operator(), "income", &input)
            .await;
    assert!(matches!(again, Err(Error::Conflict(_))));
});

each_db!(two_uploads_at_once_propose_each_group_once, |server| {
    let (a, b) = (model(&server, "a").await, model(&server, "b").await);
    let propose = |model: ModelId, pairs: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move {
            let permit = Actor::operator().permit::<UploadRun>(Scope::Organisation).unwrap();
            let pairs = pairs.into_iter().collect();
            let mut tx = begin(server).await;
            tx.propose_groups(&permit, model, &pairs).await.unwrap();
            tx.note(server::audit::Entry::new("test.proposed", "test", 1));
            tx.commit().await.unwrap();
        }
    };
    tokio::join!(
        propose(a, vec![("sex", "Female"), ("race", "Black"), ("sex", "(missing)")]),
        propose(b, vec![("race", "Black"), ("sex", "Female"), ("sex", "Male")]),
    );
    let registry = server.app.store.registry().await.unwrap();
    assert_eq!(registry.version, 0);
    let groups: Vec<_> = registry
        .attributes()
        .flat_map(|known| known.groups.iter().map(move |g| (known.name.as_str(), g.name.as_str())))
        .collect();
    assert_eq!(groups, [("race", "Black"), ("sex", "Female"), ("sex", "Male")]);
});

async fn fill(store: &Store, n: usize) {
    // As many models as a large company has, put in beside the actions: the test is about reading.
    const SQLITE: &str = "with recursive i (n) as (select 1 union all select n + 1 from i \
         where n < $1) insert into model (id, slug, name, team_id, task, risk_tier, stage, \
         positive_outcome, restricted, sort_name, search_text, created_at, updated_at, version, \
         architecture, surface) \
         select randomblob(16), 'model-' || n, 'Model ' || n, (select id from team limit 1), \
         'ranking', 'high', 'production', 'favourable', n % 10 = 0, 'model ' || n, \
         'model-' || n || ' model ' || n || ' feed two-tower', n, n, 1, 'two-tower', 'feed' \
         from i";
    let Store::Sqlite { write, .. } = store else { panic!("only asked on SQLite") };
    let n = i64::try_from(n).unwrap();
    sqlx::query(SQLITE).bind(n).execute(write).await.unwrap();
}

#[tokio::test]
async fn every_page_of_ten_thousand_models_is_full_and_says_how_many_there_are() {
    let server = TestServer::on(tests::Database::Sqlite).await;
    server.team("lending").await;
    fill(&server.app.store, 10_000).await;
    let visibility = Visibility::Teams(vec![]);
    for (search, sort, offset) in [
        ("", ModelSort::Name, 0),
        ("", ModelSort::Updated, 8_000),
        ("", ModelSort::Risk, 4_000),
        ("", ModelSort::Team, 0),
        ("model-99", ModelSort::Name, 0),
    ] {
        let filter = ModelFilter { search: search.to_owned(), ..ModelFilter::default() };
        let window = Window { offset, limit: 50 };
        let (lines, total) = server
            .app
            .store
            .visible_models(&visibility, &filter, (sort, true), window)
            .await
            .unwrap();
        assert_eq!(lines.len(), 50, "{sort:?} `{search}`");
        assert!(total == 9_000 || !search.is_empty());
    }
}
