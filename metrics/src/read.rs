//! Reading a file of predictions into columns, whatever its format.

mod asked;
mod cell;
mod csv;
mod draft;
mod id;
mod pages;
mod parquet;
mod problems;

use crate::catalogue::nearest_of;
use crate::spec::Task;
use crate::{Problem, Spec};
pub(crate) use asked::{Names, Role, Values};
use draft::Draft;
pub(crate) use id::Ids;
pub(crate) use problems::Problems;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// A header with more columns than this is not a table of predictions.
const MOST_COLUMNS: usize = 10_000;
/// More groups than this make no attribute.
pub(crate) const MOST_GROUPS: usize = 1_000;

/// The rows of a file, by column.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Label + 2 × prediction, per row; 0 in tasks other than binary classification.
    pub cells: Vec<u8>,
    /// Scores in 0..1, never -0; empty when there are none.
    pub scores: Vec<f64>,
    /// Weights, finite and not negative; empty when there are none.
    pub weights: Vec<f64>,
    /// Hashes of ids, 0 where there is none; empty when they are not wanted or are too many.
    pub ids: Vec<u128>,
    pub attributes: Vec<Attribute>,
    /// What tasks other than binary classification ask for.
    pub asked: Vec<(Role, Values)>,
    pub rows_read: u64,
    /// Rows left out because an attribute is empty.
    pub dropped: u64,
    pub columns_used: Vec<String>,
    pub columns_ignored: Vec<String>,
    pub format: String,
}

/// An attribute, with the group of each row.
#[derive(Debug, Default)]
pub(crate) struct Attribute {
    pub name: String,
    pub groups: Vec<String>,
    pub codes: Vec<u16>,
}

impl Table {
    pub fn rows(&self) -> u64 {
        self.cells.len() as u64
    }

    /// The numbers of a role; empty when no column has it.
    pub fn numbers(&self, role: Role) -> &[f64] {
        match self.asked.iter().find(|(known, _)| *known == role) {
            Some((_, Values::Numbers(numbers))) => numbers,
            _ => &[],
        }
    }

    /// The names of a role, where a column has it.
    pub fn names(&self, role: Role) -> Option<&Names> {
        match self.asked.iter().find(|(known, _)| *known == role) {
            Some((_, Values::Names(names))) => Some(names),
            _ => None,
        }
    }
}

/// Reads a file; its format is told by its content. Ids are hashed when `ids` says how.
pub(crate) fn read(path: &Path, spec: &Spec, ids: Option<&Ids>) -> Result<Table, Vec<Problem>> {
    let broken = |error: io::Error| vec![unreadable(&error)];
    let mut file = File::open(path).map_err(broken)?;
    let size = file.metadata().map_err(broken)?.len();
    let head = head(&mut file).map_err(broken)?;
    file.rewind().map_err(broken)?;
    match Format::of(&head)? {
        Format::Parquet => parquet::read(path, size, spec, ids),
        Format::Text => csv::read(file, "csv", spec, ids),
        Format::Gzip => {
            inside("gzip", flate2::read::MultiGzDecoder::new(BufReader::new(file)), spec, ids)
        }
        Format::Zstd => {
            let decoder = zstd::Decoder::new(file).map_err(broken)?;
            inside("zstd", decoder, spec, ids)
        }
    }
}

/// Reads what a compressed file holds, if it is text.
fn inside(
    compression: &str,
    mut decoder: impl Read + Send,
    spec: &Spec,
    ids: Option<&Ids>,
) -> Result<Table, Vec<Problem>> {
    let head = head(&mut decoder).map_err(|error| vec![broken_compression(compression, &error)])?;
    let refuse = |what: &str, expected: &str| {
        let message = format!("it is {compression} of {what}");
        Err(vec![Problem::new("wrong_content", message).expected(expected)])
    };
    match Format::of(&head) {
        Ok(Format::Text) => {
            csv::read(head.as_slice().chain(decoder), &format!("csv, {compression}"), spec, ids)
        }
        Ok(Format::Parquet) => {
            refuse("Parquet", "the Parquet file itself; it is compressed inside")
        }
        Ok(Format::Gzip | Format::Zstd) => {
            refuse("a compressed file", "CSV compressed once, or Parquet")
        }
        Err(problems) if problems.iter().any(|problem| problem.code == "empty_file") => {
            refuse("nothing", "CSV with a header and rows")
        }
        Err(problems) => {
            let what = problems.first().map_or("something else", |problem| {
                problem.message.strip_prefix("the file is ").unwrap_or("something else")
            });
            refuse(what, "CSV or Parquet")
        }
    }
}

fn unreadable(error: &io::Error) -> Problem {
    Problem::new("unreadable", format!("the file cannot be read: {error}"))
}

fn broken_compression(compression: &str, error: &io::Error) -> Problem {
    Problem::new("broken_compression", format!("the {compression} data is broken: {error}"))
        .expected("a complete file")
}

fn head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(8_192).read_to_end(&mut head)?;
    Ok(head)
}

enum Format {
    Parquet,
    Text,
    Gzip,
    Zstd,
}

impl Format {
    fn of(head: &[u8]) -> Result<Self, Vec<Problem>> {
        let refuse = |code: &str, what: &str| {
            let message = format!("the file is {what}");
            Err(vec![Problem::new(code, message).expected("CSV or Parquet")])
        };
        let known_other: [(&[u8], &str); 9] = [
            (b"PK\x03\x04", "a ZIP archive (a spreadsheet, perhaps)"),
            (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
            (b"%PDF", "a PDF"),
            (b"SQLite format 3", "an SQLite database"),
            (b"ARROW1", "an Arrow IPC file"),
            (b"ORC", "an ORC file"),
            (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
            (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
            (b"\x89PNG", "an image"),
        ];
        match head {
            [] => Err(vec![
                Problem::new("empty_file", "the file is empty").expected("a header and rows"),
            ]),
            [b'P', b'A', b'R', b'1', ..] => Ok(Self::Parquet),
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            _ => {
                if let Some((_, what)) =
                    known_other.iter().find(|(magic, _)| head.starts_with(magic))
                {
                    return refuse("wrong_format", what);
                }
                if head.contains(&0) || cut_utf8(head).is_err() {
                    return refuse("wrong_format", "neither text nor Parquet");
                }
                if head.trim_ascii_start().starts_with(b"{") {
                    return refuse("wrong_format", "JSON");
                }
                Ok(Self::Text)
            }
        }
    }
}

/// Text whose last character may be cut.
fn cut_utf8(bytes: &[u8]) -> Result<(), ()> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        // `error_len` is `None` when the input ends within a character.
        Err(error) if error.error_len().is_none() => Ok(()),
        Err(_) => Err(()),
    }
}

/// Where the columns of the spec stand in a header.
struct Columns {
    id: Option<usize>,
    /// `None` in tasks other than binary classification.
    label: Option<usize>,
    score: Option<usize>,
    prediction: Option<usize>,
    weight: Option<usize>,
    slices: Vec<usize>,
    asked: Vec<usize>,
    used: Vec<String>,
    ignored: Vec<String>,
}

impl Columns {
    fn find(header: &[String], spec: &Spec) -> Result<Self, Vec<Problem>> {
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
        let id = spec.id.as_deref().map(&mut at);
        if let Some(column) = &spec.cluster {
            at(column);
        }
        let is_binary = spec.task == Task::BinaryClassification;
        let columns = Self {
            id,
            label: is_binary.then(|| at(&spec.label)),
            score: spec.score.as_deref().map(&mut at),
            prediction: spec.prediction.as_deref().filter(|_| is_binary).map(&mut at),
            weight: spec.weight.as_deref().map(&mut at),
            slices: spec.slices.iter().map(|name| at(name)).collect(),
            asked: asked::asked(spec).into_iter().map(|(_, name)| at(name)).collect(),
            used: spec.columns().into_iter().map(str::to_owned).collect(),
            ignored: header
                .iter()
                .filter(|column| !spec.columns().contains(&column.as_str()))
                .cloned()
                .collect(),
        };
        // One column may be asked for twice, and is then told of twice.
        problems.dedup();
        if problems.is_empty() { Ok(columns) } else { Err(problems) }
    }
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

/// Collects drafts in the order of the file.
struct Collector<'a> {
    spec: &'a Spec,
    table: Table,
    problems: Problems,
    classes: cell::Classes,
}

impl<'a> Collector<'a> {
    fn new(spec: &'a Spec, columns: &Columns, format: &str) -> Self {
        let attributes = spec
            .slices
            .iter()
            .map(|name| Attribute {
                name: crate::slice::normalise_name(name),
                ..Attribute::default()
            })
            .collect();
        let roles = asked::asked(spec).into_iter();
        let table = Table {
            attributes,
            asked: roles.map(|(role, _)| (role, role.column())).collect(),
            columns_used: columns.used.clone(),
            columns_ignored: columns.ignored.clone(),
            format: format.to_owned(),
            ..Table::default()
        };
        Self { spec, table, problems: Problems::default(), classes: cell::Classes::default() }
    }

    /// Whether reading on would only find more of the same.
    fn hopeless(&self) -> bool {
        self.problems.is_fatal()
    }

    /// Adds the rows of a draft; `lines` stand before it.
    fn add(&mut self, draft: Draft, lines: u64) {
        self.table.rows_read += draft.rows_read;
        self.table.dropped += draft.dropped;
        self.problems.append(draft.problems, lines);
        self.classes.merge(draft.classes);
        if self.table.rows() + draft.cells.len() as u64 > u64::from(u32::MAX) {
            let problem = Problem::new("too_many_rows", "the file has too many rows");
            self.problems.fatal(problem.expected(format!("at most {}", u32::MAX)));
        }
        if !self.problems.is_empty() {
            return;
        }
        self.table.cells.extend(draft.cells);
        self.table.scores.extend(draft.scores);
        self.table.weights.extend(draft.weights);
        let names = asked::asked(self.spec);
        for (((role, column), later), (_, name)) in
            self.table.asked.iter_mut().zip(draft.asked).zip(names)
        {
            if !column.append(*role, later) {
                self.problems.fatal(asked::too_many_classes(name));
            }
        }
        self.table.ids.extend(draft.ids);
        for (attribute, groups) in self.table.attributes.iter_mut().zip(draft.groups) {
            let codes: Vec<u16> =
                groups.names.into_iter().map(|name| attribute.code(name)).collect();
            attribute.codes.extend(groups.codes.iter().map(|&code| codes[usize::from(code)]));
            if attribute.groups.len() > MOST_GROUPS {
                self.problems.fatal(draft::too_many_groups(&attribute.name));
            }
        }
    }

    fn finish(mut self) -> Result<Table, Vec<Problem>> {
        if self.problems.is_empty() && self.table.rows_read == 0 {
            let problem = Problem::new("no_rows", "the file has a header but no rows");
            self.problems.push(|| problem.expected("at least one row"));
        }
        if self.problems.is_empty() && self.table.cells.is_empty() {
            let message = "every row has an empty attribute and was dropped";
            self.problems
                .push(|| Problem::new("no_rows", message).expected("`missing = \"group\"`"));
        }
        self.classes.judge(self.spec, &mut self.problems);
        let problems = self.problems.into_list();
        if problems.is_empty() { Ok(self.table) } else { Err(problems) }
    }
}

impl Attribute {
    #[expect(clippy::cast_possible_truncation, reason = "reading stops above `MOST_GROUPS`")]
    fn code(&mut self, name: String) -> u16 {
        let place = self.groups.iter().position(|group| *group == name).unwrap_or_else(|| {
            self.groups.push(name);
            self.groups.len() - 1
        });
        place as u16
    }
}

/// Leaves out the values that are not to be kept.
fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next().copied().unwrap_or(true));
}
