//! What people see when something is refused, or when somebody tries to break in.

use serde_json::Value;
use std::path::Path;
use tests::Site;
use tests::browser::{Browser, Scripts, browse};

const LEAD: &str = "lena@evenhand.example";

fn uploads(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/uploads").join(file)
}

async fn signs_in(browser: &Browser) {
    browser.log_in(LEAD, server::demo::PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_with_errors_shows_every_problem_with_its_place_and_keeps_what_was_typed() {
    let site = Site::demo().await;
    browse(&site, Scripts::On, |browser| async move {
        signs_in(&browser).await;
        browser.open("/models/adult-income/versions/v8/upload").await;
        browser.attach("File", &uploads("broken/many-problems.run.json")).await;
        browser.fill("Dataset", "adult-half@1994").await;
        browser.press("Upload").await;
        let expected =
            std::fs::read_to_string(uploads("broken/many-problems.run.json.txt")).unwrap();
        browser.sees(&format!("{} problems", expected.lines().count())).await;
        let page = browser.run("return document.body.innerText").await;
        let page = page.as_str().unwrap();
        for line in expected.lines() {
            let place = line.split([' ', ':']).nth(1).unwrap();
            assert!(page.contains(place), "{place} is not shown");
        }
        assert_eq!(browser.value("Dataset").await, "adult-half@1994");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_names_is_shown_and_never_run() {
    const NAME: &str =
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
    let site = Site::demo().await;
    let text = std::fs::read_to_string(uploads("good/adult.run.json")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let mut renamed = 0;
    for estimate in document["estimates"].as_array_mut().unwrap() {
        if estimate["slice"]["sex"] == "Female" {
            estimate["slice"]["sex"] = NAME.into();
            renamed += 1;
        }
    }
    assert!(renamed > 0, "the fixture has no group to rename");
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), document.to_string()).unwrap();
    browse(&site, Scripts::On, move |browser| async move {
        signs_in(&browser).await;
        browser.open("/models/new").await;
        browser.fill("Name", NAME).await;
        browser.fill("Slug", "markup").await;
        browser.choose("Team", "Income Models").await;
        browser.choose("Task", "binary classification").await;
        browser.choose("Risk tier", "high").await;
        browser.press("Register").await;
        shows_plainly(&browser, NAME).await;
        browser.open("/models/markup/versions/new").await;
        browser.fill("Label", "v1").await;
        browser.press("Register").await;
        browser.follow("Upload results").await;
        browser.attach("File", file.path()).await;
        browser.sees("See below what it would become.").await;
        shows_plainly(&browser, NAME).await;
        browser.press("Upload").await;
        browser.sees("Uploaded: this is the run.").await;
        shows_plainly(&browser, NAME).await;
        for path in ["/models/markup/trend?metric=selection_rate&attribute=sex", "/models", "/"] {
            browser.open(path).await;
            browser.wait_for_islands().await;
            shows_plainly(&browser, NAME).await;
        }
    })
    .await;
}

async fn shows_plainly(browser: &Browser, name: &str) {
    browser.sees(name).await;
    let path = browser.path().await;
    let title = browser.run("return document.title").await;
    assert_ne!(title, "owned", "{path} ran what a name holds");
    let images = browser.run("return document.querySelectorAll('img').length").await;
    assert_eq!(images, 0, "{path} made an element of a name");
    assert_eq!(browser.console().await, Vec::<String>::new(), "{path}");
}
