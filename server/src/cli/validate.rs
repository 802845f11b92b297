//! `evenhand validate`: what an upload would become, without one.

use super::client::Client;
use super::output::{Align, Table, clean, print};
use super::sending::{MOST_SHOWN, Sending, answered, facts, first_of, groups};
use super::{Failure, block_on};
use app::number::{count, counted, signed, signed_interval};
use clap::Args;
use metrics::{Interval, Slice};
use serde::Deserialize;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  evenhand validate run.json --model income --model-version 4.0
  evenhand validate predictions.csv --spec spec.toml --dataset adult-half@1994 \\
    --model income --model-version 4.0

The server reads the file and stores nothing; it says what would change against the run before.

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
    #[serde(default)]
    against: Option<Against>,
}

/// The run before, and what would change.
#[derive(Debug, Deserialize)]
struct Against {
    run: String,
    version: String,
    slices: Differing<Slice>,
    metrics: Differing<String>,
    looked_at: u64,
    moved: Vec<Moved>,
}

#[derive(Debug, Deserialize)]
struct Differing<T> {
    new: Vec<T>,
    gone: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct Moved {
    metric: String,
    slice: Slice,
    change: f64,
    interval: Interval,
    worse: Option<bool>,
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
    if let Some(against) = &preview.against {
        table.extend(against.facts(&client));
    }
    let text = sending.text("would be accepted", &table);
    let moved = preview.against.map(|against| against.moved()).unwrap_or_default();
    print(&format!("{text}{moved}{}", groups(&preview.unconfirmed)))
}

impl Against {
    fn facts(&self, client: &Client) -> Vec<(&'static str, String)> {
        let slices = |all: &[Slice]| first_of(&all.iter().map(Slice::label).collect::<Vec<_>>());
        vec![
            ("against", format!("{} of {}", client.link(&self.run), clean(&self.version))),
            ("new slices", slices(&self.slices.new)),
            ("gone slices", slices(&self.slices.gone)),
            ("new metrics", first_of(&self.metrics.new)),
            ("gone metrics", first_of(&self.metrics.gone)),
        ]
    }

    /// What would move beyond chance, as a table under its sentence.
    fn moved(&self) -> String {
        if self.looked_at == 0 {
            return "no series of both has what a change needs: a value and how well it is known\n"
                .to_owned();
        }
        let worse = self.moved.iter().filter(|it| it.worse == Some(true)).count() as u64;
        let worse =
            if worse > 0 { format!(", {} for the worse", count(worse)) } else { String::new() };
        let n = self.moved.len() as u64;
        let of = counted(self.looked_at, "series moves", "series move");
        let mut table =
            Table::new([Align::Left, Align::Left, Align::Right, Align::Left, Align::Left]);
        for it in self.moved.iter().take(MOST_SHOWN) {
            let which = match it.worse {
                Some(true) => "worse",
                Some(false) => "better",
                None => "",
            };
            let interval = signed_interval(it.interval.low, it.interval.high);
            let metric = format!("  {}", it.metric);
            table.row([metric, it.slice.label(), signed(it.change), interval, which.to_owned()]);
        }
        let more = self.moved.len().saturating_sub(MOST_SHOWN);
        let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
        format!("{} of {of} beyond chance{worse}\n{table}{more}", count(n))
    }
}
