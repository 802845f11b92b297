//! What must hold on every page of the demo, as an admin and as a lead see them; and on those where
//! launches are decided as whoever sets the policies and whoever signs sees them too.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tests::browser::{Browser, Scripts, Theme, browse};
use tests::crawl::crawl;
use tests::{Site, TestServer};

const ADMIN: &str = "ada@evenhand.example";
const LEAD: &str = "lena@evenhand.example";
const HEAD: &str = "priya@evenhand.example";
const REVIEWER: &str = "rosa@evenhand.example";

/// What no link of the demo leads to: what a script asks for, and the page that follows on sending a
/// large file.
const UNLINKED: [&str; 2] =
    ["/models/{model}/versions/{version}/upload/around", "/uploads/{upload}"];

/// Where launches are decided.
const DESK: [&str; 4] = ["/launches/", "/policies/", "/waivers/", "/mitigations/"];

/// Every person with the pages that they are to look at.
async fn everybody(site: &Site) -> Vec<(&'static str, Vec<String>)> {
    let mut all = vec![];
    let mut unreached: Option<BTreeSet<&'static str>> = None;
    for email in [ADMIN, LEAD, HEAD, REVIEWER] {
        let client = TestServer::log_in_to(&site.app, email).await;
        let found = crawl(&client, &server::http::routes(&site.app)).await;
        unreached = Some(match unreached {
            None => found.unreached,
            Some(others) => others.intersection(&found.unreached).copied().collect(),
        });
        let mut pages = found.pages;
        if [HEAD, REVIEWER].contains(&email) {
            pages.retain(|path| DESK.iter().any(|desk| path.starts_with(desk)));
        }
        all.push((email, pages));
    }
    let mut unreached = unreached.unwrap_or_default();
    unreached.retain(|path| !UNLINKED.contains(path));
    assert!(unreached.is_empty(), "no link leads to {unreached:?}");
    all
}

/// Has `look` open every page as everybody, and gathers what it finds wrong.
async fn walk<F, L>(look: F)
where
    F: Fn(Browser, String) -> L + Send + Copy + 'static,
    L: Future<Output = Vec<String>> + Send + 'static,
{
    let site = Site::demo().await;
    let everybody = everybody(&site).await;
    browse(&site, Scripts::On, move |browser| async move {
        let mut wrong = vec![];
        for (email, pages) in everybody {
            browser.log_in(email, server::demo::PASSWORD).await;
            for path in pages {
                wrong.extend(look(browser.clone(), path).await);
            }
            browser.press("Log out").await;
        }
        assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    })
    .await;
}

async fn opens(browser: &Browser, path: &str) {
    browser.open(path).await;
    browser.wait_for_islands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_an_accessibility_violation_in_light_or_dark() {
    walk(|browser, path| async move {
        let mut wrong = vec![];
        if browser.run("return typeof axe").await == "undefined" {
            browser.inject(&axe()).await;
        }
        for theme in [Theme::Light, Theme::Dark] {
            browser.set_theme(theme).await;
            // Afresh: axe sees colours of both themes at once on a page that changes its own.
            opens(&browser, &path).await;
            for violation in violations(&browser).await {
                wrong.push(format!("{path} in {theme:?}: {violation}"));
            }
        }
        wrong
    })
    .await;
}

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; scripts/setup test installs it", path.display())
    })
}

/// Each rule that is broken, with the elements that break it.
async fn violations(browser: &Browser) -> Vec<String> {
    let found = browser
        .run_until_done(
            "axe.run(document, { resultTypes: ['violations'] }).then(
                result => done(result.violations.flatMap(rule => rule.nodes.map(node =>
                    `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`))),
                error => done([`axe failed: ${error}`]));",
        )
        .await;
    strings(&found)
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|it| it.as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_scrolls_sideways_on_a_phone() {
    walk(|browser, path| async move {
        browser.set_size(390, 844).await;
        opens(&browser, &path).await;
        let wide = browser
            .run(
                "const width = document.documentElement.clientWidth;
                 if (document.scrollingElement.scrollWidth <= width) return [];
                 return [...document.querySelectorAll('body *')]
                     .filter(it => it.getBoundingClientRect().right > width + 1)
                     .map(it => `${it.tagName.toLowerCase()}.${it.className.baseVal ?? it.className}`)
                     .slice(0, 5);",
            )
            .await;
        strings(&wide).into_iter().map(|it| format!("{path}: {it} is too wide")).collect()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_breaks_its_content_security_policy_or_writes_to_the_console() {
    walk(|browser, path| async move {
        opens(&browser, &path).await;
        let console = browser.console().await;
        console.into_iter().map(|it| format!("{path}: {it}")).collect()
    })
    .await;
}
