//! Finds the pages that somebody can reach by following links, as examples of every route.

use crate::Client;
use axum::http::{Method, header};
use server::http::Routes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Pages of one route differ in their data alone, so that some stand for all.
const PER_ROUTE: usize = 2;

/// Paths with at most two pages for each route that answers with HTML, and the routes that no link
/// leads to.
pub struct Found {
    pub pages: Vec<String>,
    pub unreached: BTreeSet<&'static str>,
}

/// Follows every link from the start page on.
pub async fn crawl(client: &Client, routes: &Routes) -> Found {
    let patterns: Vec<&'static str> = routes
        .table()
        .iter()
        .filter(|route| route.method == Method::GET && is_page(route.path))
        .map(|route| route.path)
        .collect();
    let mut found: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut waiting = VecDeque::from(["/".to_owned()]);
    while let Some(path) = waiting.pop_front() {
        let bare = path.split(['?', '#']).next().unwrap_or_default();
        let Some(pattern) = best(&patterns, bare) else { continue };
        let pages = found.entry(pattern).or_default();
        if pages.len() >= PER_ROUTE {
            continue;
        }
        let answer = client.get(&path).await;
        answer.assert_status(200);
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.unwrap_or_default().starts_with("text/html") {
            continue;
        }
        pages.push(path);
        for link in links(&answer.text()) {
            if seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    let unreached = patterns.into_iter().filter(|pattern| !found.contains_key(pattern)).collect();
    Found { pages: found.into_values().flatten().collect(), unreached }
}

/// Whether a route answers with a page that a link of the site may lead to.
fn is_page(path: &str) -> bool {
    let apart = ["/api/v1/", "/assets/", "/setup/", "/welcome/", "/healthz", "/readyz", "/metrics"];
    // A last part with a dot is a file to download.
    let file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    path != "/login" && !file && !apart.iter().any(|prefix| path.starts_with(prefix))
}

/// The pattern of a path: the one with the most parts that are not parameters.
fn best(patterns: &[&'static str], path: &str) -> Option<&'static str> {
    let fits = |pattern: &&'static str| {
        let (mut a, mut b) = (pattern.split('/'), path.split('/'));
        loop {
            match (a.next(), b.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || a.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    patterns.iter().copied().filter(fits).min_by_key(|pattern| pattern.matches('{').count())
}

/// The local addresses in a page's links.
fn links(html: &str) -> Vec<String> {
    html.split("<a ")
        .skip(1)
        .filter_map(|rest| rest.split('>').next()?.split_once("href=\"")?.1.split('"').next())
        .filter(|href| href.starts_with('/'))
        .map(|href| href.split('#').next().unwrap_or_default().replace("&amp;", "&"))
        .collect()
}
