//! Datasets and their cards.

use app::domain::Role;
use tests::{Answer, each_db};

/// The value of a hidden field of a page.
fn hidden(page: &Answer, name: &str) -> String {
    let html = page.text();
    let (_, rest) = html
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no hidden `{name}` in {html}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

const ADULT: [(&str, &str); 12] = [
    ("name", "adult-test"),
    ("label", "1994"),
    ("rows", "16,281"),
    ("origin", "United States census of 1994, extracted by Barry Becker"),
    ("sampling", "people over 16 with an income and working hours"),
    ("collected", "1994"),
    ("attribute_0", "sex"),
    ("obtained_0", "self_reported"),
    ("note_0", ""),
    ("attribute_1", "disability"),
    ("obtained_1", "not_measured"),
    ("note_1", "the extract leaves it out"),
];

each_db!(a_card_says_how_each_label_was_obtained_or_why_not, |server| {
    let ann = server.signed_in(Role::Lead).await;
    ann.get("/datasets").await.assert_contains("No dataset yet");
    ann.post("/datasets/new", &ADULT).await.assert_redirect("/datasets/adult-test/1994");
    ann.get("/datasets/adult-test/1994")
        .await
        .assert_status(200)
        .assert_contains("16,281")
        .assert_contains("self-reported")
        .assert_contains("not measured")
        .assert_contains("because the extract leaves it out");
    ann.get("/datasets?q=ADULT").await.assert_contains("showing 1–1 of 1");
    ann.get("/datasets?q=compas").await.assert_contains("No dataset fits");
    ann.post("/datasets/new", &ADULT).await.assert_status(422).assert_contains("already a dataset");
});

each_db!(not_measured_without_a_reason_is_refused_with_every_other_problem, |server| {
    let ann = server.signed_in(Role::Lead).await;
    let wrong = [
        ("name", "Adult Test"),
        ("label", "1994"),
        ("digest", "md5:1"),
        ("attribute_0", "disability"),
        ("obtained_0", "not_measured"),
        ("attribute_1", "sex"),
        ("obtained_1", ""),
    ];
    ann.post("/datasets/new", &wrong)
        .await
        .assert_status(422)
        .assert_contains("4 things need a look")
        .assert_contains("say why it was not measured")
        .assert_contains("value=\"disability\"");
    ann.get("/datasets").await.assert_contains("No dataset yet");
});

each_db!(two_editors_of_a_card_are_told_apart, |server| {
    let ann = server.signed_in(Role::Lead).await;
    ann.post("/datasets/new", &ADULT).await.assert_status(303);
    let page = ann.get("/datasets/adult-test/1994/edit").await;
    let (version, seen) = (hidden(&page, "version"), hidden(&page, "seen"));
    let base = [("version", version.as_str()), ("seen", seen.as_str())];
    let path = "/datasets/adult-test/1994/edit";
    ann.post(path, &[base[0], base[1], ("notes", "first"), ("origin", ADULT[3].1)])
        .await
        .assert_redirect("/datasets/adult-test/1994");
    ann.post(path, &[base[0], base[1], ("notes", "second"), ("origin", ADULT[3].1)])
        .await
        .assert_status(409)
        .assert_contains("first")
        .assert_contains("second");
    ann.get("/datasets/adult-test/1994").await.assert_contains("first").assert_lacks("second");
});

each_db!(only_leads_and_admins_describe_datasets, |server| {
    for (role, status) in [
        (Role::Lead, 303),
        (Role::Admin, 422),
        (Role::Engineer, 403),
        (Role::Reviewer, 403),
        (Role::Executive, 403),
        (Role::Viewer, 403),
    ] {
        let client = server.signed_in(role).await;
        // The lead is first; for the admin the name is taken by then.
        client.post("/datasets/new", &ADULT).await.assert_status(status);
        client.get("/datasets").await.assert_status(200);
    }
});

each_db!(markup_on_a_card_shows_as_text, |server| {
    let ann = server.signed_in(Role::Lead).await;
    let markup = "<img src=x onerror=alert(1)>";
    let wicked = [
        ("name", "wicked"),
        ("label", "<b>1"),
        ("origin", markup),
        ("sampling", markup),
        ("collected", markup),
        ("notes", markup),
        ("attribute_0", markup),
        ("obtained_0", "not_measured"),
        ("note_0", markup),
    ];
    ann.post("/datasets/new", &wicked).await.assert_redirect("/datasets/wicked/%3Cb%3E1");
    for path in ["/datasets", "/datasets/wicked/%3Cb%3E1", "/datasets/wicked/%3Cb%3E1/edit"] {
        ann.get(path).await.assert_status(200).assert_lacks("<img").assert_lacks("<b>1");
    }
});
