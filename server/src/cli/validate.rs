//! `evenhand validate`: what an upload would become, without one.

use super::output::print;
use super::sending::{Sending, answered, facts, groups};
use super::{Failure, block_on};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand validate run.json --model income --model-version 4.0
  evenhand validate predictions.csv --spec spec.toml --dataset adult-half@1994 \\
    --model income --model-version 4.0

The server reads the file and stores nothing.

Exit code: 0 would be accepted, 1 would be refused, 2 wrong usage, 3 could not ask.")]
pub struct Validate {
    #[command(flatten)]
    sending: Sending,
}

/// What the server says of a file; fields that it may add later are ignored.
#[derive(Debug, Deserialize)]
struct Preview {
    /// None while the version, which is part of what it covers, is not there.
    digest: Option<String>,
    #[serde(default)]
    format: String,
    #[serde(default)]
    receipt: Value,
    #[serde(default)]
    unconfirmed: Vec<Value>,
    #[serde(default)]
    existing: Option<String>,
}

pub fn run(command: Validate) -> Result<(), Failure> {
    let sending = command.sending;
    let (client, answer) = block_on(sending.send(true))??;
    let preview: Preview = answered(&sending, &client, &answer)?;
    if sending.json {
        return print(&format!("{}\n", answer.body.trim_end()));
    }
    let mut table = facts(&preview.receipt);
    let digest = preview.digest.unwrap_or_else(|| "known once the version is there".to_owned());
    table.insert(0, ("digest", digest));
    table.insert(1, ("format", preview.format));
    if let Some(run) = preview.existing {
        table.insert(0, ("is there", client.link(&run)));
    }
    let text = sending.text("would be accepted", &table);
    print(&format!("{text}{}", groups(&preview.unconfirmed)))
}
