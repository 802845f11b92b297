//! The trend page, its downloads and its API.

use app::domain::Role;
use app::pages::parts::link::encode;
use serde_json::{Value, json};
use server::actions::edit_registry;
use server::auth::Actor;
use tests::{Model, TestServer, each_db};

/// A table of two groups and overall.
fn table(female: u32, male: u32) -> String {
    let row = |n: u32, of: u32, group: &str| {
        format!("selection_rate,{},{of},{n},{of},{group}\n", f64::from(n) / f64::from(of))
    };
    format!(
        "metric,value,n,numerator,denominator,sex\n{}{}{}",
        row(female + male, 2000, ""),
        row(female, 1000, "Female"),
        row(male, 1000, "Male")
    )
}

/// Three versions on one dataset.
async fn series(server: &TestServer) -> Model {
    let model = server.model("income").await;
    for (version, day, female) in
        [("v1", "2026-06-01", 200), ("v2", "2026-07-01", 250), ("v3", "2026-08-01", 300)]
    {
        if version != "v1" {
            server.version("income", version).await;
        }
        model.table(version, "census@1", day, &table(female, 400)).await;
    }
    model
}

fn values(trend: &Value, slice: usize) -> Vec<Option<f64>> {
    let points = trend["points"].as_array().expect("points");
    points.iter().map(|point| point["estimates"][slice]["value"].as_f64()).collect()
}

each_db!(the_api_gives_a_series_oldest_first, |server| {
    let model = series(&server).await;
    let path = "/api/v1/models/income/trend?metric=selection_rate&slice=sex%3DFemale&slice=";
    let trend = model.engineer.get(path).await.assert_status(200).json();
    assert_eq!(trend["slices"], json!([{ "sex": "Female" }, {}]));
    assert_eq!(values(&trend, 0), [Some(0.2), Some(0.25), Some(0.3)]);
    assert_eq!(values(&trend, 1), [Some(0.3), Some(0.325), Some(0.35)]);
    assert_eq!(trend["points"][0]["broken"], Value::Null);
    assert!(trend["points"][0]["estimates"][0]["interval"]["low"].is_f64());

    let from = format!("{path}&from=2026-07-01&to=2026-08-01");
    let trend = model.engineer.get(&from).await.json();
    assert_eq!(values(&trend, 0), [Some(0.25)], "from is inside, to is not");
    let none = format!("{path}&dataset=other%401");
    assert_eq!(model.engineer.get(&none).await.json()["points"], json!([]));
});

each_db!(a_shift_is_claimed_of_fresh_samples_alone, |server| {
    let model = series(&server).await;
    let path = "/api/v1/models/income/trend?metric=selection_rate&slice=sex%3DFemale";
    let few = model.engineer.get(path).await.assert_status(200).json();
    let why = few["monitor"]["reason"].as_str().unwrap();
    assert!(few["monitor"]["slices"].is_null() && why.contains("there are 3"), "{why}");
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend?metric=selection_rate").await;
    page.assert_contains("Has the rate shifted?").assert_contains("Nothing is claimed:");

    // Every month people of its own, and from the tenth on more of them selected.
    for month in 1..=12 {
        let female = if month < 10 { 195 + 3 * (month % 4) } else { 260 };
        let dataset = format!("applications@2025-{month:02}");
        let day = format!("2025-{month:02}-28");
        model.table("v1", &dataset, &day, &table(female, 400)).await;
    }
    let fresh = format!("{path}&to=2026-01-01");
    let trend = model.engineer.get(&fresh).await.assert_status(200).json();
    let verdict = &trend["monitor"]["slices"][0]["verdict"];
    assert_eq!(verdict, &json!({ "state": "shifted", "at": 9, "rose": true }));
    let query = "metric=selection_rate&attribute=sex&dataset=all&to=2025-12-31";
    let page = format!("/models/income/trend?{query}");
    vera.get(&page).await.assert_contains("rose beyond chance, first seen at");
});

each_db!(the_api_refuses_what_it_does_not_understand, |server| {
    let model = series(&server).await;
    for (query, status) in [
        ("metric=nonsense", 404),
        ("metric=selection_rate&slice=sex", 422),
        ("metric=selection_rate&from=yesterday", 422),
        ("metric=selection_rate&reference=nobody", 422),
        ("metrik=selection_rate", 400),
    ] {
        let path = format!("/api/v1/models/income/trend?{query}");
        model.engineer.get(&path).await.assert_status(status);
    }
});

each_db!(a_gap_is_given_with_the_reference_that_was_asked_for, |server| {
    let model = series(&server).await;
    let slices = "slice=sex%3DFemale&slice=sex%3DMale";
    for (reference, gap) in [("best", -0.2), ("group:Male", -0.2), ("group:Female", 0.2)] {
        let path = format!(
            "/api/v1/models/income/trend?metric=selection_rate&{slices}&reference={}",
            encode(reference)
        );
        let trend = model.engineer.get(&path).await.assert_status(200).json();
        let first = &trend["points"][0]["gap"];
        let value = first["value"].as_f64().unwrap_or_else(|| panic!("{reference}: {trend}"));
        assert!((value.abs() - f64::abs(gap)).abs() < 1e-12, "{reference}: {first}");
        assert!(first["interval"]["low"].is_f64(), "{first}");
    }
});

each_db!(every_choice_stands_in_the_address_and_comes_back_chosen, |server| {
    series(&server).await;
    let vera = server.signed_in(Role::Viewer).await;
    let path = "/models/income/trend?metric=selection_rate&attribute=sex&slice=sex%3DMale\
                &compare=overall&dataset=census%401&from=2026-06-15&to=2026-08-01";
    let page = vera.get(path).await;
    let text = page.assert_status(200).text();
    let tag = |start: &str, holds: &str| -> String {
        text.match_indices(start)
            .map(|(at, _)| &text[at..at + text[at..].find('>').unwrap()])
            .find(|tag| tag.contains(holds))
            .unwrap_or_else(|| panic!("no {start} with {holds}"))
            .to_owned()
    };
    for value in ["selection_rate", "\"sex\"", "overall", "census@1"] {
        let option = text
            .match_indices("<option")
            .map(|(at, _)| &text[at..at + text[at..].find('>').unwrap()])
            .any(|tag| tag.contains(value) && tag.contains("selected"));
        assert!(option, "{value} is not selected");
    }
    assert!(tag("<input", "name=\"from\"").contains("2026-06-15"));
    assert!(tag("<input", "name=\"to\"").contains("2026-08-01"));
    assert!(tag("<input", "value=\"sex=Male\"").contains("checked"));
    assert!(!tag("<input", "value=\"sex=Female\"").contains("checked"));
    // v1 lies before the period; the last day is meant whole.
    page.assert_contains(">v2<").assert_contains(">v3<").assert_lacks(">v1<");
    // The downloads carry the same choices.
    let csv = text.split('"').find(|it| it.contains("/trend.csv?")).expect("a link to the CSV");
    let csv = vera.get(&csv.replace("&amp;", "&")).await;
    let rows: Vec<String> = csv.assert_status(200).text().lines().map(str::to_owned).collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[1].starts_with("v2,2026-07-01T00:00:00Z,census@1,sex=Male,selection_rate,0.4,"));
    let svg = text.split('"').find(|it| it.contains("/trend.svg?")).expect("a link to the SVG");
    let svg = vera.get(&svg.replace("&amp;", "&")).await;
    assert!(svg.assert_status(200).text().contains("<svg"));
    assert!(svg.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
});

each_db!(without_choices_the_page_chooses_a_metric_an_attribute_and_a_dataset, |server| {
    series(&server).await;
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend").await;
    page.assert_status(200)
        .assert_contains("Selection rate by sex")
        .assert_contains(">v1<")
        .assert_contains(">v3<")
        .assert_contains("census@1");
    // Rubbish in the address is not an error for a person.
    for rubbish in ["?metric=zzz", "?attribute=zzz", "?slice=zzz", "?dataset=zzz", "?compare="] {
        vera.get(&format!("/models/income/trend{rubbish}")).await.assert_status(200);
    }
});

each_db!(a_model_without_runs_says_how_to_get_one, |server| {
    let model = server.model("income").await;
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend").await;
    page.assert_status(200).assert_contains("evenhand upload");
    vera.get("/models/income/trend.csv").await.assert_status(200);
    vera.get("/models/income/trend.svg").await.assert_status(200);
    let trend = model.engineer.get("/api/v1/models/income/trend").await.json();
    assert_eq!(trend["points"], json!([]));
    vera.get("/models/nobody/trend").await.assert_status(404);
});

each_db!(another_dataset_breaks_the_series, |server| {
    let model = series(&server).await;
    model.table("v3", "survey@2", "2026-09-01", &table(310, 420)).await;
    let path = "/api/v1/models/income/trend?metric=selection_rate&slice=sex%3DFemale";
    let trend = model.engineer.get(path).await.json();
    let broken: Vec<&Value> =
        trend["points"].as_array().unwrap().iter().map(|point| &point["broken"]).collect();
    assert_eq!(broken[..3], [&Value::Null; 3]);
    let why = broken[3].as_str().expect("a break");
    assert!(why.contains("census@1") && why.contains("survey@2"), "{why}");

    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend?dataset=all").await;
    page.assert_status(200).assert_contains("versions above do not compare with those below");
});

each_db!(groups_that_were_split_break_the_lines_of_their_attribute_and_of_no_other, |server| {
    let model = series(&server).await;
    let admin = server.signed_in(Role::Admin).await;
    let sex = server.app.store.registry().await.unwrap().attribute("sex").unwrap().id;
    let path = format!("/attributes/{sex}/regroupings");
    let form = |before, after, since, reason| {
        [("before", before), ("after", after), ("since", since), ("reason", reason)]
    };
    let wrong = admin.post(&path, &form("Femle", "", "soon", "")).await;
    wrong
        .assert_status(422)
        .assert_contains("there is no group `Femle`")
        .assert_contains("name at least one group")
        .assert_contains("`soon` is no time")
        .assert_contains("is needed");
    let lead = server.signed_in(Role::Lead).await;
    let right = form("Female\r\nMale", "F\r\nM\r\nX", "2026-07-15", "the census asks anew");
    lead.post(&path, &right).await.assert_status(403);
    admin.post(&path, &right).await.assert_redirect(&format!("/attributes/{sex}"));
    let page = admin.get(&format!("/attributes/{sex}")).await;
    page.assert_contains("sex: Female, Male → F, M, X")
        .assert_contains("drawn anew: the census asks anew");
    let registry = server.app.store.registry().await.unwrap();
    assert_eq!(
        registry.standing(model_id(&server).await, "sex", "X"),
        Some(app::domain::attribute::Standing::Confirmed)
    );

    let asked = "/api/v1/models/income/trend?metric=selection_rate";
    let broken = async |more: &str| {
        let trend = model.engineer.get(&format!("{asked}{more}")).await.json();
        let points = trend["points"].as_array().unwrap().clone();
        points.iter().map(|point| point["broken"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let why = Some("sex: Female, Male → F, M, X".to_owned());
    assert_eq!(broken("&slice=sex%3DFemale").await, [None, None, why]);
    assert_eq!(broken("&slice=").await, [None, None, None], "of all people nothing changed");
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend?metric=selection_rate&attribute=sex").await;
    page.assert_status(200).assert_contains("F, M, X");
});

async fn model_id(server: &TestServer) -> app::domain::ModelId {
    server.app.store.model_by_slug("income").await.unwrap().unwrap().id
}

each_db!(runs_of_one_version_are_told_apart, |server| {
    let model = server.model("income").await;
    for (year, day) in [("2015", "2026-06-01"), ("2016", "2026-07-01")] {
        let dataset = format!("census@{year}");
        model.table("v1", &dataset, day, &table(200, 400)).await;
    }
    let vera = server.signed_in(Role::Viewer).await;
    let page = vera.get("/models/income/trend?dataset=all").await;
    page.assert_contains("v1 · 2015").assert_contains("v1 · 2016");
    // On one dataset it is the day.
    model.table("v1", "census@2016", "2026-08-01", &table(210, 400)).await;
    let page = vera.get("/models/income/trend?dataset=census%402016").await;
    page.assert_contains("v1 · 2026-07-01").assert_contains("v1 · 2026-08-01");
});

each_db!(real_years_of_census_data_make_a_series, |server| {
    let model = server.model("employment").await;
    for year in ["2015", "2016"] {
        let file = format!("acs_employment_ma_{year}.parquet");
        let dataset = format!("acs-employment-ma@{year}");
        model.run("v1", &file, &dataset, &format!("{year}-12-31")).await;
    }
    let path = "/api/v1/models/employment/trend?metric=true_positive_rate&slice=sex%3DFemale";
    let trend = model.engineer.get(path).await.assert_status(200).json();
    for value in values(&trend, 0) {
        assert!(value.is_some_and(|value| (0.5..1.0).contains(&value)), "{trend}");
    }
    let vera = server.signed_in(Role::Viewer).await;
    vera.get("/models/employment/trend").await.assert_contains("v1 · 2016");
});

each_db!(a_group_by_another_name_joins_the_line_once_a_lead_says_what_it_means, |server| {
    let model = series(&server).await;
    edit_registry::accept_groups(&server.app, &Actor::operator(), "income").await.unwrap();
    server.version("income", "v4").await;
    let other_names = table(320, 400).replace("Female", "female");
    let late =
        model.results("v4", "?dataset=census%401&evaluated_at=2026-09-01", other_names).await;
    let unconfirmed = late.assert_status(201).json()["unconfirmed"].clone();
    assert_eq!(
        unconfirmed,
        json!([{ "attribute": "sex", "group": "female", "nearest": "Female" }])
    );

    let path = "/api/v1/models/income/trend?metric=selection_rate&slice=sex%3DFemale";
    let before = model.engineer.get(path).await.json();
    assert_eq!(values(&before, 0), [Some(0.2), Some(0.25), Some(0.3), None]);

    let lead = Actor::operator();
    edit_registry::alias(&server.app, &lead, "income", ("sex", "female"), "Female").await.unwrap();
    let after = model.engineer.get(path).await.json();
    assert_eq!(values(&after, 0), [Some(0.2), Some(0.25), Some(0.3), Some(0.32)]);
    // Asked for by the other name, it is the same line.
    let alias = "/api/v1/models/income/trend?metric=selection_rate&slice=sex%3Dfemale";
    let same = model.engineer.get(alias).await.json();
    assert_eq!(values(&same, 0), values(&after, 0));
});
