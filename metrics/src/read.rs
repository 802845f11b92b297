//! Reading a file of predictions, whatever its format: [`read`] checks what a [`Request`] asks for,
//! part by part on all cores, and hands the parts to a [`Gather`], which keeps rows or counts them.

mod asked;
mod cell;
mod column;
mod content;
mod csv;
mod draft;
mod id;
mod ndjson;
mod pages;
mod parquet;
mod parts;
mod problems;
mod request;
mod table;

use crate::Problem;
use crate::catalogue::nearest_of;
pub(crate) use asked::{Names, Role};
pub(crate) use column::{Texts, Values};
use content::{Content, Format, Input};
pub(crate) use draft::{Draft, too_many_groups};
pub(crate) use id::Ids;
pub(crate) use problems::Problems;
pub(crate) use request::{Kind, Range, Request, Wanted};
use std::io;
use std::path::Path;
pub(crate) use table::{Attribute, Cases, Table};

/// A header with more columns than this is not a table of predictions.
const MOST_COLUMNS: usize = 10_000;
/// More groups than this make no attribute.
pub(crate) const MOST_GROUPS: usize = 1_000;

/// What becomes of the rows that a reader brings.
pub(crate) trait Gather: Sync {
    /// What is left of some rows once they were looked at.
    type Part: Send;

    /// Is told how many rows the file has, if it says so beforehand.
    fn expect(&mut self, _rows: u64) {}

    /// Whether no more rows are wanted.
    fn has_enough(&self) -> bool {
        false
    }

    /// Takes rows of which nothing is wrong, on any thread.
    fn digest(&self, draft: Draft) -> Self::Part;

    /// Adds parts in the order of the file.
    ///
    /// # Errors
    /// What makes reading on of no use.
    fn add(&mut self, part: Self::Part) -> Result<(), Problem>;
}

/// What was read of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileRead {
    /// `csv`, `ndjson` or `parquet`, with how it was compressed: `csv, gzip`.
    pub format: String,
    pub rows_read: u64,
    /// Rows that were handed on.
    pub rows: u64,
    /// Rows left out because an attribute is empty.
    pub dropped: u64,
    pub columns_used: Vec<String>,
    pub columns_ignored: Vec<String>,
}

/// Reads a file; its format is told by its content.
///
/// # Errors
/// Every problem of the file, up to a hundred and a count of the rest.
pub(crate) fn read<G: Gather>(
    path: &Path,
    request: &Request,
    gather: G,
) -> Result<(G, FileRead), Vec<Problem>> {
    let input = Input::open(path)?;
    let format = input.format()?;
    let mut collector = Collector::new(request, gather, &input.name(format));
    match (format, input.content) {
        (Format::Csv, Content::Text(text)) => csv::read(text, request, &mut collector),
        (Format::Ndjson, Content::Text(text)) => ndjson::read(text, request, &mut collector),
        (_, content) => parquet::read(content.source(path)?, request, &mut collector),
    }?;
    collector.finish()
}

/// The names of a file's columns, and how many lines they take; none where they are not written
/// ahead of the rows.
///
/// # Errors
/// What keeps the file from being read at all.
pub(crate) fn header(path: &Path) -> Result<(Vec<String>, u64), Vec<Problem>> {
    let input = Input::open(path)?;
    match (input.format()?, input.content) {
        (Format::Csv, Content::Text(text)) => Ok((csv::names(text)?, 1)),
        (Format::Ndjson, _) => Ok((Vec::new(), 0)),
        (_, content) => Ok((parquet::names(content.source(path)?)?, 0)),
    }
}

fn unreadable(error: &io::Error) -> Problem {
    Problem::new("unreadable", format!("the file cannot be read: {error}"))
}

/// Where the columns that are asked for stand in a header.
fn places(header: &[String], request: &Request) -> Result<Vec<usize>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut at = |name: &str| {
        let mut places = header.iter().enumerate().filter(|(_, column)| *column == name);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => place,
            (Some(_), Some(_)) => {
                let message = format!("column `{name}` stands twice in the header");
                problems.push(
                    Problem::new("duplicate_column", message)
                        .at_cell(Some(1), Some(name))
                        .expected("each column once"),
                );
                0
            }
            _ => {
                problems.push(unknown_column(name, header));
                0
            }
        }
    };
    for column in &request.present {
        at(column);
    }
    let places = request.columns.iter().map(|wanted| at(&wanted.name)).collect();
    // One column may be asked for twice, and is then told of twice.
    problems.dedup();
    if problems.is_empty() { Ok(places) } else { Err(problems) }
}

fn unknown_column(name: &str, header: &[String]) -> Problem {
    const SHOWN: usize = 20;
    let nearest = nearest_of(name, header.iter().map(String::as_str));
    let expected = nearest.map_or_else(
        || {
            let shown: Vec<&str> = header.iter().take(SHOWN).map(String::as_str).collect();
            let more = header.len().saturating_sub(SHOWN);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("one of {}{rest}", shown.join(", "))
        },
        |nearest| format!("`{nearest}`"),
    );
    Problem::new("unknown_column", format!("the file has no column `{name}`"))
        .at_cell(Some(1), Some(name))
        .expected(expected)
}

fn too_many_columns(columns: usize) -> Problem {
    Problem::new("too_many_columns", format!("the file has {columns} columns or more"))
        .expected(format!("at most {MOST_COLUMNS}"))
}

/// Adds up what parts of a file say, in the order of the file.
struct Collector<'a, G> {
    request: &'a Request<'a>,
    gather: G,
    file: FileRead,
    problems: Problems,
    classes: cell::Classes,
}

/// What a part of a file says.
struct Digested<P> {
    rows: usize,
    rows_read: u64,
    dropped: u64,
    problems: Problems,
    classes: cell::Classes,
    part: Option<P>,
}

impl<'a, G: Gather> Collector<'a, G> {
    fn new(request: &'a Request<'a>, gather: G, format: &str) -> Self {
        Self {
            request,
            gather,
            file: FileRead { format: format.to_owned(), ..FileRead::default() },
            problems: Problems::default(),
            classes: cell::Classes::default(),
        }
    }

    /// Notes which columns the file has.
    fn columns(&mut self, header: &[String]) {
        let used = self.request.names();
        self.file.columns_ignored =
            header.iter().filter(|column| !used.contains(&column.as_str())).cloned().collect();
        self.file.columns_used = used.into_iter().map(str::to_owned).collect();
    }

    /// Whether reading on is of no use.
    fn is_done(&self) -> bool {
        self.problems.is_fatal() || self.gather.has_enough()
    }

    /// Looks at the rows of a part, on any thread.
    fn digest(&self, mut draft: Draft) -> Digested<G::Part> {
        Digested {
            rows: draft.rows,
            rows_read: draft.rows_read,
            dropped: draft.dropped,
            problems: std::mem::take(&mut draft.problems),
            classes: std::mem::take(&mut draft.classes),
            part: draft.right.then(|| self.gather.digest(draft)),
        }
    }

    /// Adds a part; `lines` stand before it.
    fn add(&mut self, digested: Digested<G::Part>, lines: u64) {
        self.file.rows_read += digested.rows_read;
        self.file.dropped += digested.dropped;
        self.problems.append(digested.problems, lines);
        self.classes.merge(digested.classes);
        let Some(part) = digested.part.filter(|_| self.problems.is_empty()) else { return };
        self.file.rows += digested.rows as u64;
        if let Err(problem) = self.gather.add(part) {
            self.problems.fatal(problem);
        }
    }

    fn finish(mut self) -> Result<(G, FileRead), Vec<Problem>> {
        if self.gather.has_enough() && self.problems.is_empty() {
            return Ok((self.gather, self.file));
        }
        if self.problems.is_empty() && self.file.rows_read == 0 {
            let message = if self.file.format.starts_with("ndjson") {
                "the file has no rows"
            } else {
                "the file has a header but no rows"
            };
            self.problems.push(|| Problem::new("no_rows", message).expected("at least one row"));
        }
        if self.problems.is_empty() && self.file.rows == 0 {
            let message = "every row has an empty attribute and was dropped";
            self.problems
                .push(|| Problem::new("no_rows", message).expected("`missing = \"group\"`"));
        }
        self.classes.judge(self.request, &mut self.problems);
        let problems = self.problems.into_list();
        if problems.is_empty() { Ok((self.gather, self.file)) } else { Err(problems) }
    }
}
