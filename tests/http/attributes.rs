//! The attribute registry: what admins edit, and what leads decide about what runs proposed.

use crate::desk::write;
use app::domain::attribute::Standing;
use app::domain::{ModelId, Role, Scope};
use server::audit::By;
use server::auth::Actor;
use tests::{Answer, TEAM, TestServer, each_db, policy};

/// The value of a hidden field of a page.
fn hidden(page: &Answer, name: &str) -> String {
    let html = page.text();
    let (_, rest) = html
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no hidden `{name}` in {html}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

async fn model(server: &TestServer, slug: &str, team: &str) -> ModelId {
    let ann = server.signed_in_for(Role::Lead, team).await;
    let form = [
        ("slug", slug),
        ("name", slug),
        ("team", team),
        ("task", "binary_classification"),
        ("risk_tier", "high"),
    ];
    ann.post("/models/new", &form).await.assert_status(303);
    server.app.store.model_by_slug(slug).await.unwrap().unwrap().id
}

/// What an upload of this model would propose.
async fn propose(server: &TestServer, model: ModelId, pairs: &[(&str, &str)]) {
    let permit = Actor::operator().permit(Scope::Organisation).unwrap();
    let pairs = pairs.iter().copied().collect();
    let mut tx = server.app.store.begin(&By::OPERATOR, &server.app.clock).await.unwrap();
    tx.propose_groups(&permit, model, &pairs).await.unwrap();
    tx.note(server::audit::Entry::new("test.proposed", "test", 1));
    tx.commit().await.unwrap();
}

async fn version(server: &TestServer) -> i64 {
    server.app.store.registry().await.unwrap().version
}

each_db!(an_admin_adds_and_edits_an_attribute, |server| {
    let admin = server.signed_in(Role::Admin).await;
    admin.get("/attributes").await.assert_contains("No attribute is known yet");
    let sex = [
        ("name", "sex"),
        ("description", "As recorded by the census"),
        ("sensitivity", "sensitive"),
        ("groups", "Female\r\nMale\r\n"),
    ];
    admin.post("/attributes/new", &sex).await.assert_redirect("/attributes");
    let list = admin.get("/attributes").await;
    list.assert_contains("Female").assert_contains("sensitive").assert_lacks("unconfirmed");
    admin.post("/attributes/new", &sex).await.assert_status(422).assert_contains("already");
    assert_eq!(version(&server).await, 1, "the refused one raised nothing");

    let id = server.app.store.registry().await.unwrap().attribute("sex").unwrap().id;
    let path = format!("/attributes/{id}");
    let page = admin.get(&path).await;
    let (read, seen) = (hidden(&page, "version"), hidden(&page, "seen"));
    let edit = |description: &'static str| {
        let (admin, path, read, seen) = (&admin, path.clone(), read.clone(), seen.clone());
        async move {
            let form = [
                ("description", description),
                ("sensitivity", "sensitive"),
                ("groups", "Non-binary"),
                ("version", &read),
                ("seen", &seen),
            ];
            admin.post(&path, &form).await
        }
    };
    edit("first").await.assert_redirect("/attributes");
    edit("second").await.assert_status(409).assert_contains("first").assert_contains("second");
    admin.get("/attributes").await.assert_contains("Non-binary").assert_contains("Female");
});

each_db!(an_alias_for_all_models_is_added_once, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let sex = [("name", "sex"), ("groups", "Female\nMale")];
    admin.post("/attributes/new", &sex).await.assert_status(303);
    let id = server.app.store.registry().await.unwrap().attribute("sex").unwrap().id;
    let path = format!("/attributes/{id}/aliases");
    admin
        .post(&path, &[("alias", "F"), ("group", "Female")])
        .await
        .assert_redirect(&format!("/attributes/{id}"));
    admin.post(&path, &[("alias", "gender"), ("group", "")]).await.assert_status(303);
    for (alias, group) in
        [("F", "Male"), ("Male", "Female"), ("gender", ""), ("sex", ""), ("", "Male")]
    {
        admin.post(&path, &[("alias", alias), ("group", group)]).await.assert_status(422);
    }
    let registry = server.app.store.registry().await.unwrap();
    let slice = metrics::Slice::parse("gender=F").unwrap();
    let any = ModelId(uuid::Uuid::nil());
    assert_eq!(registry.resolve(any, &slice).to_string(), "sex=Female");
    admin.get("/attributes").await.assert_contains("gender");
});

each_db!(a_name_that_a_run_proposed_becomes_an_alias_for_all_models, |server| {
    let admin = server.signed_in(Role::Admin).await;
    admin.post("/attributes/new", &[("name", "sex"), ("groups", "Female\nMale")]).await;
    let income = model(&server, "income", "lending").await;
    let other = model(&server, "other", "lending").await;
    propose(&server, income, &[("sex", "F"), ("sex", "M")]).await;
    let id = server.app.store.registry().await.unwrap().attribute("sex").unwrap().id;
    let path = format!("/attributes/{id}/aliases");
    admin.post(&path, &[("alias", "F"), ("group", "Female")]).await.assert_status(303);
    // Not of itself, nor one that another name stands for: the group would go.
    admin.post(&path, &[("alias", "M"), ("group", "M")]).await.assert_status(422);
    admin.post(&path, &[("alias", "masc"), ("group", "M")]).await.assert_status(303);
    admin.post(&path, &[("alias", "M"), ("group", "Male")]).await.assert_status(422);
    let registry = server.app.store.registry().await.unwrap();
    let slice = metrics::Slice::parse("sex=F").unwrap();
    for model in [income, other] {
        assert_eq!(registry.resolve(model, &slice).to_string(), "sex=Female");
        assert_eq!(registry.standing(model, "sex", "F"), Some(Standing::Confirmed));
    }
    admin
        .get("/attributes")
        .await
        .assert_contains("M (unconfirmed)")
        .assert_lacks("F (unconfirmed");
});

each_db!(a_lead_of_the_models_team_accepts_its_groups_with_one_click, |server| {
    let income = model(&server, "income", "lending").await;
    propose(&server, income, &[("sex", "Female"), ("sex", "Male"), ("race", "Black")]).await;
    assert_eq!(version(&server).await, 0, "what is proposed decides nothing");

    let outsider = server.signed_in_for(Role::Lead, "search").await;
    outsider.get("/models/income").await.assert_contains("unconfirmed").assert_lacks("Accept all");
    outsider.post("/models/income/groups/accept", &[]).await.assert_status(403);
    let engineer = server.signed_in_for(Role::Engineer, "lending").await;
    engineer.post("/models/income/groups/accept", &[]).await.assert_status(403);

    let lead = server.signed_in_for(Role::Lead, "lending").await;
    lead.get("/models/income").await.assert_contains("Accept all 3 groups");
    lead.get("/attributes").await.assert_contains("Proposed by income");
    lead.post("/models/income/groups/accept", &[]).await.assert_redirect("/models/income");
    lead.get("/models/income").await.assert_lacks("Accept all");
    lead.get("/attributes").await.assert_lacks("unconfirmed");
    assert_eq!(version(&server).await, 1);
    // A second click, or an old page, changes nothing.
    lead.post("/models/income/groups/accept", &[]).await.assert_status(303);
    assert_eq!(version(&server).await, 1);
});

each_db!(a_proposed_group_becomes_another_name_in_its_model_only, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let sex = [("name", "sex"), ("groups", "Female\nMale")];
    admin.post("/attributes/new", &sex).await.assert_status(303);
    let income = model(&server, "income", "lending").await;
    let other = model(&server, "other", "lending").await;
    propose(&server, income, &[("sex", "female"), ("sex", "Male")]).await;

    let lead = server.signed_in_for(Role::Lead, "lending").await;
    let page = lead.get("/models/income").await;
    page.assert_contains("Accept all 1 group").assert_contains("<b>Female</b>");
    let meant = [("attribute", "sex"), ("group", "female"), ("target", "Female")];
    lead.post("/models/income/groups/alias", &[meant[0], meant[1], ("target", "")])
        .await
        .assert_status(422);
    lead.post("/models/income/groups/alias", &[meant[0], meant[1], ("target", "Xx")])
        .await
        .assert_status(404);
    lead.post("/models/income/groups/alias", &meant).await.assert_redirect("/models/income");

    let registry = server.app.store.registry().await.unwrap();
    let slice = metrics::Slice::parse("sex=female").unwrap();
    assert_eq!(registry.resolve(income, &slice).to_string(), "sex=Female");
    assert!(registry.unconfirmed(income, [&slice], tests::START).is_empty());
    assert_eq!(registry.unconfirmed(other, [&slice], tests::START).len(), 1);
    // The next run of the same model proposes nothing.
    propose(&server, income, &[("sex", "female")]).await;
    lead.get("/models/income").await.assert_lacks("unconfirmed");
});

each_db!(a_proposed_attribute_becomes_another_name_and_its_groups_move, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let sex = [("name", "sex"), ("groups", "Female\nMale")];
    admin.post("/attributes/new", &sex).await.assert_status(303);
    let income = model(&server, "income", "lending").await;
    propose(&server, income, &[("gender", "Female"), ("gender", "Diverse")]).await;
    let lead = server.signed_in_for(Role::Lead, "lending").await;
    let meant = [("attribute", "gender"), ("group", ""), ("target", "sex")];
    lead.post("/models/income/groups/alias", &meant).await.assert_redirect("/models/income");

    let registry = server.app.store.registry().await.unwrap();
    assert!(registry.attribute("gender").is_none());
    let slices: Vec<_> = ["gender=Female", "gender=Diverse"]
        .iter()
        .map(|text| metrics::Slice::parse(text).unwrap())
        .collect();
    assert_eq!(registry.resolve(income, &slices[0]).to_string(), "sex=Female");
    let open: Vec<_> = registry
        .unconfirmed(income, &slices, tests::START)
        .into_iter()
        .map(|found| found.group)
        .collect();
    assert_eq!(open, ["Diverse"]);
    lead.get("/models/income").await.assert_contains("Accept all 1 group");
});

each_db!(what_a_restricted_model_proposed_names_it_to_nobody_outside, |server| {
    let secret = model(&server, "secret", "lending").await;
    let lead = server.signed_in_for(Role::Lead, "lending").await;
    let version = hidden(&lead.get("/models/secret/edit").await, "version");
    let form = [
        ("name", "Secret model"),
        ("team", "lending"),
        ("task", "binary_classification"),
        ("risk_tier", "high"),
        ("restricted", "true"),
        ("version", &version),
    ];
    lead.post("/models/secret/edit", &form).await.assert_status(303);
    propose(&server, secret, &[("sex", "Female")]).await;
    let outsider = server.signed_in_for(Role::Lead, "search").await;
    outsider.get("/attributes").await.assert_status(200).assert_lacks("Secret model");
    outsider.post("/models/secret/groups/accept", &[]).await.assert_status(404);
    lead.get("/attributes").await.assert_contains("Secret model");
});

const ODD_NAMES: &str = r#"[[rule]]
id = "pairs"
metric = "accuracy"
by = ["sex", "100%_of;them"]
arity = 2
min = 0.5
[[rule]]
id = "one"
metric = "accuracy"
slices = ["skin\\=tone=1"]
min = 0.5
"#;

each_db!(rules_find_their_groups_under_any_name_of_their_attribute, |server| {
    let admin = server.signed_in(Role::Admin).await;
    admin.post("/attributes/new", &[("name", "sex"), ("groups", "F\nM")]).await.assert_status(303);
    let id = server.app.store.registry().await.unwrap().attribute("sex").unwrap().id;
    let alias = [("alias", "ge\\nder"), ("group", "")];
    admin.post(&format!("/attributes/{id}/aliases"), &alias).await.assert_status(303);
    let model = server.model("income").await;
    write(&server.signed_in(Role::Lead).await, &policy(ODD_NAMES)).await;
    let table = "metric,value,n,numerator,denominator,ge\\nder,100%_of;them,skin=tone,age\n\
        accuracy,0.9,4000,3600,4000,,,,\n\
        accuracy,0.9,1000,900,1000,F,a,,\n\
        accuracy,0.8,1000,800,1000,M,a,,\n\
        accuracy,0.7,1000,700,1000,,,1,\n\
        accuracy,0.1,1000,100,1000,M,,,9\n\
        accuracy,0.1,1000,100,1000,,,2,9\n";
    model.table("v1", "odd@1", "2026-06-01", table).await;
    let lead = server.signed_in_for(Role::Lead, TEAM).await;
    lead.post("/models/income/groups/accept", &[]).await.assert_status(303);
    let path = "/api/v1/models/income/versions/v1/readiness";
    let said = model.engineer.get(path).await.assert_status(200).json();
    assert_eq!(said["verdict"], "pass", "{said}");
    let parts = |rule: usize| said["rules"][rule]["parts"].as_array().unwrap().len();
    assert_eq!((parts(0), parts(1)), (2, 1), "{said}");
});
