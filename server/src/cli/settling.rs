//! Uploads that the server acknowledged and reads afterwards: how far they are, and waiting for them.

use super::Failure;
use super::client::{Client, read};
use super::output::{COULD_NOT_ASK, clean};
use app::domain::UploadState;
use metrics::Problem;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// As often as the server asks to be asked.
const EVERY: Duration = Duration::from_secs(1);

/// What the server says of an upload; fields that it may add later are ignored.
#[derive(Debug, Deserialize)]
pub struct Settling {
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

/// Asks until an upload is settled; gives it, and the server's words.
///
/// # Errors
/// When no answer comes, or one that says no.
pub async fn settled(client: &Client, address: &str) -> Result<(Settling, String), Failure> {
    let url = Url::parse(&client.link(address)).map_err(|error| {
        let message = format!("the server named no address of its upload: {error}");
        Failure { message: clean(&message), code: COULD_NOT_ASK }
    })?;
    loop {
        let answer = client.get(&url).await?;
        let upload: Settling = match read(client, &answer)? {
            Ok(upload) => upload,
            Err(no) => return Err(Failure { message: no.said, code: COULD_NOT_ASK }),
        };
        if upload.state != UploadState::Waiting {
            return Ok((upload, answer.body));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Waits until no upload to a version is under way; how many were.
///
/// # Errors
/// As [`settled`].
pub async fn all_settled(client: &Client, model: &str, version: &str) -> Result<usize, Failure> {
    let url = client.url(["api", "v1", "models", model, "versions", version, "uploads"]);
    let mut waited = 0;
    loop {
        let answer = client.get(&url).await?;
        let uploads: List = match read(client, &answer)? {
            Ok(list) => list,
            // The question that follows says it better.
            Err(_) => return Ok(waited),
        };
        let waiting = uploads.items.iter().filter(|it| it.state == UploadState::Waiting).count();
        if waiting == 0 {
            return Ok(waited);
        }
        waited = waited.max(waiting);
        tokio::time::sleep(EVERY).await;
    }
}
