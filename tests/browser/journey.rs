//! From an empty installation to a trend that somebody reads, with scripts and without.

use fantoccini::actions::{InputSource as _, MouseActions, PointerAction};
use fantoccini::key::Key;
use std::path::{Path, PathBuf};
use tests::browser::{Browser, Scripts, browse};
use tests::{PASSWORD, Site};

const SPEC: &str = "\
task = \"binary_classification\"
id = \"id\"
label = \"label\"
score = \"score\"
prediction = \"prediction\"
slices = [\"sex\", \"race\", \"age_band\"]
";

pub fn predictions(file: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/predictions").join(file);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_a_trend_that_is_read_by_keyboard_and_pointer() {
    let site = Site::empty().await;
    let setup = site.setup_link().await;
    browse(&site, Scripts::On, move |browser| async move {
        to_a_trend(&browser, &setup).await;
        browser.wait_for_islands().await;
        reads_by_keyboard(&browser).await;
        reads_by_pointer(&browser).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_journey_with_scripts_off_misses_nothing() {
    let site = Site::empty().await;
    let setup = site.setup_link().await;
    browse(&site, Scripts::Off, move |browser| async move {
        to_a_trend(&browser, &setup).await;
        // It is indeed off: the loader would have left its mark.
        assert_eq!(browser.element("html").await.attr("data-islands").await.unwrap(), None);
        assert!(browser.element("figure .line").await.is_displayed().await.unwrap());
    })
    .await;
}

async fn to_a_trend(browser: &Browser, setup: &str) {
    sets_up(browser, setup).await;
    let invitation = invites_an_engineer(browser).await;
    accepts(browser, &invitation).await;
    registers(browser).await;
    uploads(browser, "v1", "adult_v1_lr_numeric.csv", "2026-03-02").await;
    registers_version(browser, "v7").await;
    uploads(browser, "v7", "adult_v7_eqodds_thropt.csv", "2026-09-07").await;
    sees_the_trend(browser).await;
}

async fn sets_up(browser: &Browser, link: &str) {
    browser.open(link).await;
    browser.fill("Your name", "Ada Quist").await;
    browser.fill("E-mail address", "ada@example.org").await;
    browser.fill("New password", PASSWORD).await;
    browser.fill("The same again", PASSWORD).await;
    browser.press("Set up").await;
    browser.sees("Evenhand is set up, and you are its first admin.").await;
}

/// The link that is to be handed on.
async fn invites_an_engineer(browser: &Browser) -> String {
    browser.follow("Teams").await;
    browser.follow("New team").await;
    browser.fill("Name", "Income Models").await;
    browser.fill("Slug", "income-models").await;
    browser.press("Make team").await;
    browser.sees("Income Models").await;

    browser.follow("People").await;
    browser.follow("Invite somebody").await;
    browser.fill("Name", "Emil Berg").await;
    browser.fill("E-mail address", "emil@example.org").await;
    browser.choose("Role", "engineer").await;
    browser.choose("In", "Income Models").await;
    browser.press("Make the link").await;
    browser.sees("One-time link").await;
    let link = browser.text("pre.token code").await;
    browser.press("Log out").await;
    browser.sees("Log in").await;
    link
}

async fn accepts(browser: &Browser, invitation: &str) {
    browser.open(invitation).await;
    browser.sees("Welcome, Emil Berg").await;
    browser.fill("New password", PASSWORD).await;
    browser.fill("The same again", PASSWORD).await;
    browser.press("Set password").await;
    browser.sees("Your password is set, and you are signed in.").await;
}

async fn registers(browser: &Browser) {
    browser.follow("Models").await;
    browser.follow("Register a model").await;
    browser.fill("Name", "Adult income").await;
    browser.fill("Slug", "adult-income").await;
    browser.choose("Team", "Income Models").await;
    browser.choose("Task", "binary classification").await;
    browser.choose("Risk tier", "high").await;
    browser.press("Register").await;
    browser.sees("No version yet").await;
    registers_version(browser, "v1").await;
}

async fn registers_version(browser: &Browser, label: &str) {
    browser.open("/models/adult-income").await;
    browser.follow("Register a version").await;
    browser.fill("Label", label).await;
    browser.press("Register").await;
    browser.sees("No results yet").await;
}

async fn uploads(browser: &Browser, version: &str, file: &str, day: &str) {
    browser.follow("Upload results").await;
    browser.attach("File", &predictions(file)).await;
    browser.choose("It holds", "predictions, to be evaluated here").await;
    browser.fill("Dataset", "adult-half@1994").await;
    browser.fill_date("Evaluated on", day).await;
    browser.fill("Spec, for predictions", SPEC).await;
    browser.press("Check only").await;
    browser.sees("This can be uploaded").await;
    browser.sees("16,281").await;
    assert!(browser.path().await.ends_with("/upload"), "checking stores nothing");

    // The file was kept: nobody chooses it twice.
    browser.press("Upload").await;
    browser.sees("Uploaded: this is the run.").await;
    assert!(browser.path().await.starts_with("/runs/"), "{}", browser.path().await);
    browser.sees(&format!("Run of {version} on adult-half@1994")).await;
    for slice in ["Female", "Male", "Black", "25-34"] {
        browser.sees(slice).await;
    }
}

async fn sees_the_trend(browser: &Browser) {
    browser.open("/models/adult-income").await;
    browser.follow("Trend").await;
    browser.choose("Metric", "true positive rate").await;
    browser.choose("Attribute", "sex").await;
    browser.press("Show").await;
    browser.sees("True positive rate by sex").await;
    // Counted by hand in the two files: 1,307 of 3,311 men and 207 of 610 women, then 2,770 and 506.
    for value in ["0.395", "0.339", "0.837", "0.830"] {
        browser.sees(value).await;
    }
}

async fn reads_by_keyboard(browser: &Browser) {
    let chart = browser.element(".reader.ready").await;
    assert_eq!(browser.text(".readout").await, "", "nothing is read before anybody asks");
    chart.send_keys(&Key::Right.to_string()).await.unwrap();
    let first = browser.text(".readout").await;
    assert!(first.contains("v1") && first.contains("n "), "{first}");
    chart.send_keys(&Key::Right.to_string()).await.unwrap();
    let second = browser.text(".readout").await;
    assert!(second.contains("v7"), "an arrow leads to the next version: {second}");
    chart.send_keys(&Key::Down.to_string()).await.unwrap();
    let mut other = browser.text(".readout").await;
    if other == second {
        chart.send_keys(&Key::Up.to_string()).await.unwrap();
        other = browser.text(".readout").await;
    }
    assert!(other.contains("v7") && other != second, "up and down lead to other lines: {other}");
    chart.send_keys(&Key::Escape.to_string()).await.unwrap();
    assert_eq!(browser.text(".readout").await, "", "Escape ends it");
}

async fn reads_by_pointer(browser: &Browser) {
    let frame = browser.element(".reader-frame").await;
    let over = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
        element: frame,
        duration: None,
        x: -150.0,
        y: 0.0,
    });
    browser.perform(over).await;
    let left = browser.text(".readout").await;
    assert!(left.contains("v1"), "the nearest point is read: {left}");
    let frame = browser.element(".reader-frame").await;
    let over = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
        element: frame,
        duration: None,
        x: 150.0,
        y: 0.0,
    });
    browser.perform(over).await;
    let right = browser.text(".readout").await;
    assert!(right.contains("v7"), "{right}");
}
