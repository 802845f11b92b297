//! `evenhand upload`: results or predictions to a server, once however often they are sent.

use super::client::{Answer, Client};
use super::output::{COULD_NOT_ASK, REFUSED, print, refused};
use super::sending::{Sending, answered, facts, groups};
use super::settling::settled;
use super::{Failure, block_on};
use app::domain::UploadState;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand upload run.json --model income --model-version 4.0
  evenhand upload results.csv --model income --model-version 4.0 --dataset adult-half@1994
  evenhand upload predictions.parquet --spec spec.toml --dataset adult-half@1994 \\
    --model income --model-version 4.1 --create-version

The same file again is the same run. A server that is busy, or a connection that breaks, is tried
up to five times. Predictions of more than 32 MiB are read by the server after it has them; this
waits until they are.

Exit code: 0 the run is there, 1 refused, 2 wrong usage, 3 could not ask.")]
pub struct Upload {
    #[command(flatten)]
    sending: Sending,
    /// Do not wait until the server has read a large file; `evenhand gate --wait` waits for it
    #[arg(long)]
    no_wait: bool,
}

/// What the server says of a run; fields that it may add later are ignored.
#[derive(Debug, Deserialize)]
struct Stored {
    id: String,
    url: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    new: bool,
    #[serde(default)]
    receipt: Value,
    #[serde(default)]
    unconfirmed: Vec<Value>,
    /// The same in the server's words, where they came later.
    #[serde(skip)]
    text: String,
}

pub fn run(command: Upload) -> Result<(), Failure> {
    let sending = command.sending;
    let (client, answer) = block_on(sending.send(false))??;
    let stored: Stored = match answer.status.as_u16() {
        202 if command.no_wait => return taken(&sending, &client, &answer),
        202 => wait(&sending, &client, &answer)?,
        _ => answered(&sending, &client, &answer)?,
    };
    if sending.json {
        let text = if answer.status.as_u16() == 202 { stored.text } else { answer.body };
        return print(&format!("{}\n", text.trim_end()));
    }
    let what = match (stored.new, answer.tries) {
        (true, _) => "uploaded",
        (false, 1) => "already uploaded: same run",
        (false, _) => "uploaded, perhaps by an earlier try: same run",
    };
    let mut table = facts(&stored.receipt);
    table.insert(0, ("run", stored.id));
    table.insert(1, ("url", client.link(&stored.url)));
    table.insert(2, ("digest", stored.digest));
    table.insert(3, ("format", stored.format));
    let text = sending.text(what, &table);
    print(&format!("{text}{}", groups(&stored.unconfirmed)))
}

/// Waits until the server has read the file.
fn wait(sending: &Sending, client: &Client, answer: &Answer) -> Result<Stored, Failure> {
    let place = answer.location.as_deref().unwrap_or("/");
    let (upload, body) = block_on(settled(client, place))??;
    match upload.run {
        Some(run) => {
            let text = run.to_string();
            Ok(Stored { text, ..serde_json::from_value(run)? })
        }
        None => {
            if sending.json {
                print(&format!("{}\n", body.trim_end()))?;
            }
            let code = if upload.state == UploadState::Refused { REFUSED } else { COULD_NOT_ASK };
            Err(Failure { code, ..refused(&sending.name(), &upload.problems) })
        }
    }
}

/// The server has the file and reads it after this.
fn taken(sending: &Sending, client: &Client, answer: &Answer) -> Result<(), Failure> {
    if sending.json {
        return print(&format!("{}\n", answer.body.trim_end()));
    }
    let place = answer.location.as_deref().unwrap_or("/");
    print(&sending.text("uploaded; the server is still reading it", &[("url", client.link(place))]))
}
