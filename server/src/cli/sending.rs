//! What `upload` and `validate` share: the flags, the request, and how its answer reads.

use super::Failure;
use super::choice::one_of;
use super::client::{Answer, Client, Server, read};
use super::evaluate::{Dataset, parse_dataset, parse_time};
use super::output::{Align, MISUSED, REFUSED, Table, clean, print, refused};
use super::spec::read_spec;
use app::pages::parts::number::{count, counted};
use app::upload::{Format, Understood};
use clap::Args;
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Args, Debug)]
pub struct Sending {
    /// Results (run document, long table, or another tool's own file), or predictions with --spec
    file: PathBuf,
    /// Name of the model, as in its address
    #[arg(long)]
    model: String,
    /// Version of the model
    #[arg(long, value_name = "VERSION")]
    model_version: String,
    /// Register the version if it is not there yet
    #[arg(long)]
    create_version: bool,
    /// Format of the results, such as run-json, long-csv or fairlearn [default: told by the content]
    #[arg(
        long,
        conflicts_with = "spec",
        value_parser = one_of(Format::ALL.map(Format::name), str::parse::<Format>),
        hide_possible_values = true
    )]
    format: Option<Format>,
    /// The file holds predictions; which column means what, as a TOML or JSON file or JSON itself
    #[arg(long)]
    spec: Option<String>,
    /// What was measured on; needed where the file does not say
    #[arg(long, value_name = "NAME@VERSION", value_parser = parse_dataset)]
    dataset: Option<Dataset>,
    /// When it was measured, as 2026-11-01T09:00:00Z or 2026-11-01
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    evaluated_at: Option<OffsetDateTime>,
    /// For a token that many share: the member who uploads
    #[arg(long, value_name = "EMAIL")]
    on_behalf: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    server: Server,
}

impl Sending {
    /// Asks the server, after everything was checked that can be checked here.
    pub async fn send(&self, dry_run: bool) -> Result<(Client, Answer), Failure> {
        self.refuse()?;
        let spec = self.spec.as_deref().map(read_spec).transpose()?;
        if spec.is_some() && self.dataset.is_none() {
            return Err(Failure {
                message:
                    "predictions need --dataset NAME@VERSION: they do not say what they are of"
                        .to_owned(),
                code: MISUSED,
            });
        }
        let client = self.server.connect()?;
        let kind = if spec.is_some() { "predictions" } else { "runs" };
        let mut url = client.url([
            "api",
            "v1",
            "models",
            self.model.trim(),
            "versions",
            self.model_version.trim(),
            kind,
        ]);
        if let Some(spec) = spec {
            url.query_pairs_mut().append_pair("spec", &serde_json::to_string(&spec)?);
        }
        self.ask_with(&mut url, dry_run)?;
        let answer = client.send_file(&url, &self.file).await?;
        Ok((client, answer))
    }

    fn ask_with(&self, url: &mut Url, dry_run: bool) -> Result<(), Failure> {
        let evaluated_at = self.evaluated_at.map(|at| at.format(&Rfc3339)).transpose()?;
        let dataset =
            self.dataset.as_ref().map(|dataset| format!("{}@{}", dataset.name, dataset.version));
        let yes = |flag: bool| flag.then(|| "true".to_owned());
        let pairs = [
            ("format", self.format.map(|format| format.to_string())),
            ("dataset", dataset),
            ("evaluated_at", evaluated_at),
            ("on_behalf", self.on_behalf.clone()),
            ("create_version", yes(self.create_version)),
            ("dry_run", yes(dry_run)),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        Ok(())
    }

    fn refuse(&self) -> Result<(), Failure> {
        check_name("--model", &self.model)?;
        check_name("--model-version", &self.model_version)?;
        let name = self.name();
        let about = std::fs::metadata(&self.file).map_err(|error| format!("{name}: {error}"))?;
        if !about.is_file() {
            return Err(format!(
                "{name} is not a regular file; a try that breaks could not be repeated, so save it \
                 to a file first"
            )
            .into());
        }
        Ok(())
    }

    pub fn name(&self) -> String {
        clean(&self.file.to_string_lossy())
    }

    /// A sentence on the file, and a table of facts.
    pub fn text(&self, what: &str, facts: &[(&str, String)]) -> String {
        let mut table = Table::new([Align::Left, Align::Left]);
        for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
            table.row([format!("  {name}"), fact.clone()]);
        }
        let (model, version) = (clean(&self.model), clean(&self.model_version));
        format!("{} for {model} {version}: {what}\n{table}", self.name())
    }
}

/// Reads a yes; turns a no into a failure that says all that the server said.
pub fn answered<T: DeserializeOwned>(
    sending: &Sending,
    client: &Client,
    answer: &Answer,
) -> Result<T, Failure> {
    let no = match read(client, answer)? {
        Ok(yes) => return Ok(yes),
        Err(no) => no,
    };
    if sending.json {
        print(&format!("{}\n", answer.body.trim_end()))?;
    }
    let code = code_of(answer.status);
    Err(match no.problems.as_slice() {
        [] => {
            let advice = match answer.status.as_u16() {
                404 => {
                    "\nCheck --model and --model-version; --create-version registers a new version."
                }
                _ => "",
            };
            Failure { message: format!("{}{advice}", no.said), code }
        }
        problems => Failure { code, ..refused(&sending.file.to_string_lossy(), problems) },
    })
}

/// Refuses what would name something else as a part of an address.
pub fn check_name(flag: &str, name: &str) -> Result<(), Failure> {
    if matches!(name.trim(), "" | "." | "..") {
        let message = format!("{flag} `{}` is no name", clean(name));
        return Err(Failure { message, code: MISUSED });
    }
    Ok(())
}

/// Whether the file was judged, or the question was not even heard.
fn code_of(status: StatusCode) -> u8 {
    match status.as_u16() {
        400 | 404 | 409 | 413 | 415 | 422 => REFUSED,
        _ => super::output::COULD_NOT_ASK,
    }
}

/// What a receipt says, whichever reader wrote it; what it does not say is left out.
pub fn facts(receipt: &Value) -> Vec<(&'static str, String)> {
    let number = |name: &str| receipt[name].as_u64();
    let list = |name: &str| -> Vec<String> {
        let items = receipt[name].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut facts = Vec::new();
    if let (Some(read), Some(used)) = (number("rows_read"), number("rows_used")) {
        facts.push(("rows", format!("{} read, {} used", count(read), count(used))));
    }
    for dropped in receipt["dropped"].as_array().into_iter().flatten() {
        if let (Some(rows), Some(why)) = (dropped["rows"].as_u64(), dropped["reason"].as_str()) {
            facts.push(("left out", format!("{}: {why}", counted(rows, "row", "rows"))));
        }
    }
    if let (Some(estimates), Some(slices)) = (number("estimates"), number("slices")) {
        let estimates = counted(estimates, "estimate", "estimates");
        facts.push(("read", format!("{estimates} on {}", counted(slices, "slice", "slices"))));
    }
    if let Some(recomputed) = number("recomputed_intervals").filter(|n| *n > 0) {
        facts.push(("intervals", format!("{} computed from counts", count(recomputed))));
    }
    facts.extend(attributes(&receipt["attributes"]));
    facts.push(("not read", list("columns_ignored").join(", ")));
    facts.extend(list("ignored").into_iter().map(|what| ("not read", what)));
    facts.extend(of_other_tool(receipt));
    facts.extend(list("amended").into_iter().map(|what| ("amended", what)));
    facts.extend(list("notes").into_iter().map(|what| ("note", what)));
    facts
}

/// How another tool's file was understood: names, conventions, and what has no place.
fn of_other_tool(receipt: &Value) -> Vec<(&'static str, String)> {
    let receipt = Understood::of(receipt);
    let mapped = receipt.mapped.into_iter().map(|what| ("metric", what));
    let conventions = receipt.conventions.into_iter().map(|what| ("by", what));
    let left = receipt.not_placed.into_iter().map(|what| ("not placed", what));
    mapped.chain(conventions).chain(left).collect()
}

/// Groups per attribute: a list with rows from predictions, a map of names from results.
fn attributes(value: &Value) -> Vec<(&'static str, String)> {
    let counted = value.as_array().into_iter().flatten().filter_map(|attribute| {
        let groups = attribute["groups"].as_array()?.iter().filter_map(|group| {
            Some(format!("{} ({})", group["name"].as_str()?, count(group["rows"].as_u64()?)))
        });
        Some((attribute["name"].as_str()?, groups.collect::<Vec<_>>()))
    });
    let named = value.as_object().into_iter().flatten().filter_map(|(name, groups)| {
        let groups = groups.as_array()?.iter().filter_map(|group| Some(group.as_str()?.to_owned()));
        Some((name.as_str(), groups.collect::<Vec<_>>()))
    });
    counted
        .chain(named)
        .map(|(name, groups)| ("groups", format!("{name}: {}", first_of(&groups))))
        .collect()
}

/// More names than this in a list are cut.
pub const MOST_SHOWN: usize = 12;

/// The first of some names, and how many more there are.
pub fn first_of(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The groups that satisfy no rule: those that nobody has confirmed, each with the known name it may
/// be meant for, and those that others had replaced.
pub fn groups(unconfirmed: &[Value]) -> String {
    let (replaced, unknown): (Vec<&Value>, Vec<&Value>) =
        unconfirmed.iter().partition(|group| group["replaced_by"].is_array());
    let mut text = String::new();
    let mut list = |groups: &[&Value], says: &str, of_each: &dyn Fn(&Value) -> Option<String>| {
        if groups.is_empty() {
            return;
        }
        let _ = writeln!(text, "{} {says}:", counted(groups.len() as u64, "group", "groups"));
        for group in groups {
            let name = |key: &str| group[key].as_str().map(clean);
            let attribute = name("attribute").unwrap_or_default();
            let value = name("group").map(|value| format!("={value}")).unwrap_or_default();
            let more = of_each(group).map(|more| format!("  ({more})")).unwrap_or_default();
            let _ = writeln!(text, "  {attribute}{value}{more}");
        }
    };
    list(&unknown, "not confirmed yet; a lead accepts or renames them", &|group| {
        Some(format!("near: {}", clean(group["nearest"].as_str()?)))
    });
    list(&replaced, "replaced by others; evaluate again with those", &|group| {
        let names = group["replaced_by"].as_array()?.iter().filter_map(Value::as_str);
        Some(names.map(clean).collect::<Vec<_>>().join(", "))
    });
    text
}
