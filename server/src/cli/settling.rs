//! Uploads that the server acknowledged and reads afterwards: how far they are, and waiting for them.

use super::Failure;
use super::client::{Answer, Client, could_not_ask, read, say};
use super::output::clean;
use app::domain::UploadState;
use app::number::counted;
use metrics::Problem;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The pause between two questions where the server does not say.
const PAUSE: Duration = Duration::from_secs(1);
/// No server is asked more often, and none less, whatever it says.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));

/// What the server says of an upload; fields that it may add later are ignored.
#[derive(Debug, Deserialize)]
pub struct Settling {
    #[serde(default)]
    id: String,
    /// Its page.
    #[serde(default)]
    url: String,
    pub state: UploadState,
    /// What it became.
    pub run: Option<Value>,
    #[serde(default)]
    pub problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Settling>,
}

/// Uploads that were waited for.
#[derive(Debug, Default)]
pub struct Waited {
    pub uploads: usize,
    /// Pages of those that became no run.
    pub without_run: Vec<String>,
}

/// Asks until an upload is settled; gives it, and the server's words.
///
/// # Errors
/// When no answer comes, or one that says no.
pub async fn settled(client: &Client, address: &str) -> Result<(Settling, String), Failure> {
    let url = Url::parse(&client.link(address)).map_err(|error| {
        could_not_ask(format!(
            "the server named no address of its upload: {}",
            clean(&error.to_string())
        ))
    })?;
    let mut is_told = false;
    loop {
        let answer = client.get_again(&url).await?;
        let upload: Settling = match read(client, &answer)? {
            Ok(upload) => upload,
            Err(no) => return Err(could_not_ask(no.said)),
        };
        if upload.state != UploadState::Waiting {
            return Ok((upload, answer.body));
        }
        if !is_told {
            let page = client.link(&upload.url);
            say(&format!(
                "the server has the file and reads it, whether this waits or not: {page}"
            ));
            is_told = true;
        }
        pause(&answer).await;
    }
}

/// Waits until no upload to a version is under way.
///
/// # Errors
/// As [`settled`].
pub async fn all_settled(client: &Client, model: &str, version: &str) -> Result<Waited, Failure> {
    let url = client.url(["api", "v1", "models", model, "versions", version, "uploads"]);
    let mut answer = client.get(&url).await?;
    let mut ours = BTreeSet::new();
    loop {
        let uploads: List = match read(client, &answer)? {
            Ok(list) => list,
            // The question that follows says it better.
            Err(_) => return Ok(Waited::default()),
        };
        let waiting = |it: &&Settling| it.state == UploadState::Waiting;
        let under_way: BTreeSet<String> =
            uploads.items.iter().filter(waiting).map(|it| it.id.clone()).collect();
        if under_way.is_empty() {
            let is_ours = |it: &&Settling| it.run.is_none() && ours.contains(&it.id);
            let page = |it: &Settling| client.link(&format!("/uploads/{}", it.id));
            let without_run = uploads.items.iter().filter(is_ours).map(page).collect();
            return Ok(Waited { uploads: ours.len(), without_run });
        }
        if !under_way.is_subset(&ours) {
            let uploads = counted(under_way.len() as u64, "upload", "uploads");
            say(&format!("waiting until the server has read {uploads}"));
        }
        ours.extend(under_way);
        pause(&answer).await;
        answer = client.get_again(&url).await?;
    }
}

async fn pause(answer: &Answer) {
    let (least, most) = PAUSES;
    tokio::time::sleep(answer.again.unwrap_or(PAUSE).clamp(least, most)).await;
}
