//! CSV: cut into parts at line ends outside quotes, parts parsed on all cores.

use super::asked::{self, Role, too_many_classes};
use super::cell;
use super::draft::{Draft, Group, Groups, group_problem, too_many_groups};
use super::{Collector, Columns, Ids, MOST_COLUMNS, Table, too_many_columns};
use crate::spec::Missing;
use crate::{Problem, Spec};
use csv::{ByteRecord, ReaderBuilder};
use rayon::prelude::*;
use std::io::{self, Read};

/// Bytes that one task parses.
const PART: usize = 1 << 20;
/// A line longer than this is no row of predictions; most likely a quote was never closed.
const LONGEST_LINE: usize = 4 << 20;
/// A header longer than this has too many columns, or is no header.
const LONGEST_HEADER: usize = 1 << 20;

/// Reads CSV with a header. Comma, semicolon or tab, whichever the header has most of.
pub(super) fn read(
    input: impl Read + Send,
    format: &str,
    spec: &Spec,
    ids: Option<&Ids>,
) -> Result<Table, Vec<Problem>> {
    let mut parts = Parts { input, carry: Vec::new(), ended: false, line: 0, delimiter: b',' };
    let header = parts.header().map_err(|problem| vec![problem])?;
    let columns = Columns::find(&header, spec)?;
    let mut plan = Plan {
        columns: &columns,
        asked: asked::asked(spec),
        width: header.len(),
        spec,
        delimiter: parts.delimiter,
        ids: columns.id.zip(ids),
    };
    let mut collector = Collector::new(spec, &columns, format);
    let mut batch = parts.batch();
    // While one batch is parsed, the next is read (and decompressed).
    while !batch.parts.is_empty() || batch.problem.is_some() {
        let last = batch.problem.is_some();
        let (drafts, next) = rayon::join(
            || batch.parts.par_iter().map(|part| plan.parse(&part.bytes)).collect::<Vec<_>>(),
            || if last { Batch::default() } else { parts.batch() },
        );
        for (draft, part) in drafts.into_iter().zip(&batch.parts) {
            collector.add(draft, part.line);
        }
        if let Some(problem) = batch.problem {
            collector.problems.fatal(problem);
        }
        // More rows than are wanted: none of their ids is, and their memory is needed.
        if plan.ids.is_some_and(|(_, ids)| collector.table.rows() > ids.most) {
            plan.ids = None;
            collector.table.ids = Vec::new();
        }
        if collector.hopeless() {
            break;
        }
        batch = next;
    }
    collector.finish()
}

/// Some whole lines.
struct Part {
    bytes: Vec<u8>,
    /// Lines that stand before them in the file.
    line: u64,
}

#[derive(Default)]
struct Batch {
    parts: Vec<Part>,
    /// What ended reading before the end of the file.
    problem: Option<Problem>,
}

struct Parts<R> {
    input: R,
    /// What was read beyond the last whole line.
    carry: Vec<u8>,
    ended: bool,
    /// Lines given out.
    line: u64,
    delimiter: u8,
}

impl<R: Read> Parts<R> {
    /// Reads the first line into column names.
    fn header(&mut self) -> Result<Vec<String>, Problem> {
        while !self.ended && !self.carry.contains(&b'\n') {
            if self.carry.len() > LONGEST_HEADER {
                let columns = count(&self.carry, b',');
                return Err(if columns > MOST_COLUMNS {
                    too_many_columns(columns)
                } else {
                    Problem::new("no_lines", "the first line does not end")
                        .at_cell(Some(1), None)
                        .expected("a header line with column names")
                });
            }
            self.fill(self.carry.len() + (64 << 10)).map_err(|error| broken(&error))?;
        }
        if self.carry.starts_with(b"\xef\xbb\xbf") {
            self.carry.drain(..3);
        }
        let cut = cut_lines(&self.carry, true, self.delimiter);
        let end = match (cut.first_end, self.ended) {
            (Some(end), _) => end,
            (None, true) if cut.open_quote.is_none() => self.carry.len(),
            _ => return Err(unclosed(1)),
        };
        let line: Vec<u8> = self.carry.drain(..end).collect();
        self.line = count_lines(&line);
        // Of equals the last is taken: comma.
        self.delimiter =
            [b';', b'\t', b','].into_iter().max_by_key(|d| count(&line, *d)).unwrap_or(b',');
        if count(&line, self.delimiter) >= MOST_COLUMNS {
            return Err(too_many_columns(count(&line, self.delimiter) + 1));
        }
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(self.delimiter)
            .from_reader(line.as_slice());
        let mut record = ByteRecord::new();
        let found = reader
            .read_byte_record(&mut record)
            .map_err(|error| Problem::new("not_csv", error.to_string()).at_cell(Some(1), None))?;
        if !found || record.iter().all(<[u8]>::is_empty) {
            return Err(Problem::new("no_header", "the first line is empty")
                .at_cell(Some(1), None)
                .expected("column names"));
        }
        record
            .iter()
            .map(|name| match std::str::from_utf8(name) {
                Ok(name) => Ok(name.trim().to_owned()),
                Err(_) => Err(Problem::new("not_utf8", "the header is not UTF-8")
                    .at_cell(Some(1), None)
                    .expected("text in UTF-8")),
            })
            .collect()
    }

    /// The next few parts.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..2 * rayon::current_num_threads() {
            match self.next() {
                Ok(Some(part)) => batch.parts.push(part),
                Ok(None) => break,
                Err(problem) => {
                    batch.problem = Some(problem);
                    break;
                }
            }
        }
        batch
    }

    fn next(&mut self) -> Result<Option<Part>, Problem> {
        loop {
            if !self.ended && self.carry.len() < PART {
                self.fill(PART).map_err(|error| broken(&error))?;
            }
            if self.carry.is_empty() {
                return Ok(None);
            }
            if let Some(at) = self.carry.iter().position(|byte| *byte == 0) {
                let line = self.line + count_lines(&self.carry[..at]) + 1;
                return Err(Problem::new("nul_byte", "the line holds a NUL byte")
                    .at_cell(Some(line), None)
                    .expected("text"));
            }
            let cut = cut_lines(&self.carry, false, self.delimiter);
            let end = match cut.last_end {
                _ if self.ended && cut.open_quote.is_none() => self.carry.len(),
                // A quote that is open at the very end swallows all lines after it.
                _ if self.ended => {
                    let before = &self.carry[..cut.open_quote.unwrap_or(0)];
                    return Err(unclosed(self.line + count_lines(before) + 1));
                }
                Some(end) => end,
                None if self.carry.len() > LONGEST_LINE => {
                    let before = &self.carry[..cut.open_quote.unwrap_or(0)];
                    let line = self.line + count_lines(before) + 1;
                    return Err(if cut.open_quote.is_some() {
                        unclosed(line)
                    } else {
                        Problem::new("long_line", "the line does not end")
                            .at_cell(Some(line), None)
                            .expected(format!("lines of at most {LONGEST_LINE} bytes"))
                    });
                }
                None => {
                    let more = self.carry.len() + PART;
                    self.fill(more).map_err(|error| broken(&error))?;
                    continue;
                }
            };
            let rest = self.carry.split_off(end);
            let bytes = std::mem::replace(&mut self.carry, rest);
            let line = self.line;
            self.line += count_lines(&bytes);
            return Ok(Some(Part { bytes, line }));
        }
    }

    /// Reads until so many bytes are carried, or the file ends.
    fn fill(&mut self, up_to: usize) -> io::Result<()> {
        let wanted = up_to.saturating_sub(self.carry.len());
        self.carry.reserve(wanted);
        let read = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.carry)?;
        self.ended |= read < wanted;
        Ok(())
    }
}

fn broken(error: &io::Error) -> Problem {
    Problem::new("broken_file", format!("the file breaks off: {error}")).expected("a complete file")
}

fn unclosed(line: u64) -> Problem {
    Problem::new("unclosed_quote", "a quote opens here and is never closed")
        .at_cell(Some(line), None)
        .expected("a closing quote; quotes within a cell are doubled")
}

fn count_lines(bytes: &[u8]) -> u64 {
    count(bytes, b'\n') as u64
}

#[expect(clippy::naive_bytecount, reason = "the compiler vectorises it well enough")]
fn count(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().filter(|byte| **byte == wanted).count()
}

struct Cut {
    /// Just after the first line end outside quotes.
    first_end: Option<usize>,
    /// Just after the last one.
    last_end: Option<usize>,
    /// Where a quote opened that is not closed.
    open_quote: Option<usize>,
}

/// Finds line ends outside quotes; the bytes begin outside of them. As the parser does, a quote
/// counts as one only at the beginning of a cell.
fn cut_lines(bytes: &[u8], any_delimiter: bool, delimiter: u8) -> Cut {
    if !bytes.contains(&b'"') {
        let first_end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let last_end = bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        return Cut { first_end, last_end, open_quote: None };
    }
    let separates =
        |byte: u8| byte == delimiter || (any_delimiter && matches!(byte, b',' | b';' | b'\t'));
    let mut cut = Cut { first_end: None, last_end: None, open_quote: None };
    let mut cell_begins = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if cut.open_quote.is_some() {
            if byte == b'"' {
                if bytes.get(at + 1) == Some(&b'"') {
                    at += 1;
                } else {
                    cut.open_quote = None;
                    cell_begins = false;
                }
            }
        } else if byte == b'"' && cell_begins {
            cut.open_quote = Some(at);
        } else {
            if byte == b'\n' {
                cut.last_end = Some(at + 1);
                cut.first_end = cut.first_end.or(cut.last_end);
            }
            cell_begins = separates(byte) || byte == b'\n' || byte == b'\r';
        }
        at += 1;
    }
    cut
}

/// How to read a line.
struct Plan<'a> {
    columns: &'a Columns,
    asked: Vec<(Role, &'a str)>,
    width: usize,
    spec: &'a Spec,
    delimiter: u8,
    /// Where the id stands and how it is hashed, if it is.
    ids: Option<(usize, &'a Ids)>,
}

impl Plan<'_> {
    fn parse(&self, bytes: &[u8]) -> Draft {
        let mut draft = Draft::default();
        draft.groups.resize_with(self.spec.slices.len(), || Groups::new(self.spec.missing));
        draft.asked = self.asked.iter().map(|(role, _)| role.column()).collect();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .buffer_capacity(64 << 10)
            .from_reader(bytes);
        let mut record = ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let line = error.position().map(csv::Position::line);
                    let problem = Problem::new("not_csv", error.to_string()).at_cell(line, None);
                    draft.problems.push(|| problem);
                    break;
                }
            }
            draft.rows_read += 1;
            let line = record.position().map_or(1, csv::Position::line);
            if record.len() == self.width {
                self.row(&record, line, &mut draft);
            } else {
                draft.problems.push(|| {
                    Problem::new("ragged_row", format!("the line has {} cells", record.len()))
                        .at_cell(Some(line), None)
                        .expected(format!("{}, as in the header", self.width))
                });
            }
            if draft.problems.is_fatal() {
                break;
            }
        }
        draft
    }

    #[inline]
    fn row(&self, record: &ByteRecord, line: u64, draft: &mut Draft) {
        let mut groups = Ok(());
        for (i, &column) in self.columns.slices.iter().enumerate() {
            match draft.groups[i].look_up(&record[column]) {
                Group::Code(code) => draft.groups[i].codes.push(code),
                other => groups = groups.and(Err((i, other))),
            }
        }
        let rows = draft.cells.len();
        match groups {
            Ok(()) => self.measures(record, line, draft),
            Err((_, Group::Missing)) if self.spec.missing == Missing::Drop => draft.dropped += 1,
            Err((i, Group::TooMany)) => draft.problems.fatal(too_many_groups(&self.spec.slices[i])),
            Err((i, group)) => {
                draft.problems.push(|| group_problem(group, &self.spec.slices[i], line));
                self.measures(record, line, draft);
            }
        }
        // Whatever was wrong, all columns stay equally long.
        for groups in &mut draft.groups {
            let kept = draft.cells.len();
            if kept == rows {
                groups.codes.truncate(rows);
            } else {
                groups.codes.resize(kept, 0);
            }
        }
    }

    /// Label, prediction, score and weight, or what another task asks for.
    #[inline]
    fn measures(&self, record: &ByteRecord, line: u64, draft: &mut Draft) {
        let spec = self.spec;
        let positive = spec.positive.as_deref();
        let Some(label) = self.columns.label else {
            return self.answers(record, line, draft);
        };
        let Draft { problems, classes, .. } = draft;
        let text = &record[label];
        let label = class(text, &spec.label, line, problems, |text| classes.label(text, positive));
        let score = self.columns.score.and_then(|at| {
            let column = spec.score.as_deref().unwrap_or_default();
            measure(&record[at], column, line, problems, cell::score)
        });
        let weight = self.columns.weight.and_then(|at| {
            let column = spec.weight.as_deref().unwrap_or_default();
            measure(&record[at], column, line, problems, cell::weight)
        });
        let prediction = match self.columns.prediction {
            Some(at) => {
                let column = spec.prediction.as_deref().unwrap_or_default();
                class(&record[at], column, line, problems, |text| {
                    classes.prediction(text, positive)
                })
            }
            None => score.map(|score| u8::from(score >= spec.threshold.unwrap_or(0.5))),
        };
        if let (Some(label), Some(prediction)) = (label, prediction) {
            draft.cells.push(label | prediction << 1);
            draft.scores.extend(score);
            draft.weights.extend(weight);
            draft.ids.extend(self.ids.map(|(at, ids)| ids.hash(&record[at])));
        }
    }
}

impl Plan<'_> {
    /// What tasks other than binary classification ask for. A cell that cannot be is a problem and
    /// stands as nothing, so that all columns stay equally long.
    fn answers(&self, record: &ByteRecord, line: u64, draft: &mut Draft) {
        let Draft { problems, asked, weights, cells, .. } = draft;
        for (((role, name), &at), values) in
            self.asked.iter().zip(&self.columns.asked).zip(asked.iter_mut())
        {
            if let Err(wrong) = values.push_text(*role, &record[at]) {
                problems.push(|| asked::problem(wrong, name, line));
            }
            if matches!(values, asked::Values::Names(names) if names.too_many(*role)) {
                problems.fatal(too_many_classes(name));
            }
        }
        if let Some(at) = self.columns.weight {
            let column = self.spec.weight.as_deref().unwrap_or_default();
            let weight = measure(&record[at], column, line, problems, cell::weight);
            weights.push(weight.unwrap_or_default());
        }
        cells.push(0);
    }
}

#[inline]
fn class(
    text: &[u8],
    column: &str,
    line: u64,
    problems: &mut super::Problems,
    read: impl FnOnce(&[u8]) -> Option<u8>,
) -> Option<u8> {
    let found = if text.is_empty() { None } else { read(text) };
    if found.is_none() {
        problems.push(|| not_binary(text, column, line));
    }
    found
}

/// A label or prediction that is neither.
pub(super) fn not_binary(text: &[u8], column: &str, line: u64) -> Problem {
    let message = if text.trim_ascii().is_empty() {
        format!("`{column}` is empty")
    } else {
        format!("`{column}` is `{}`", cell::shown(text))
    };
    Problem::new("not_binary", message)
        .at_cell(Some(line), Some(column))
        .expected("0 or 1, true or false, or a `positive` value in the spec")
}

#[inline]
fn measure(
    text: &[u8],
    column: &str,
    line: u64,
    problems: &mut super::Problems,
    check: impl FnOnce(f64) -> Result<f64, (&'static str, String)>,
) -> Option<f64> {
    let wrong = match cell::number(text).map(check) {
        Some(Ok(value)) => return Some(value),
        Some(Err(wrong)) => wrong,
        None if text.trim_ascii().is_empty() => ("not_a_number", format!("`{column}` is empty")),
        None => ("not_a_number", format!("`{column}` is `{}`", cell::shown(text))),
    };
    problems.push(|| bad_measure(wrong, column, line));
    None
}

/// A score or weight that cannot be, by code and message.
pub(super) fn bad_measure(
    (code, message): (&'static str, String),
    column: &str,
    line: u64,
) -> Problem {
    let expected = match code {
        "negative_weight" => "a number of at least 0",
        "out_of_range" => "a number in 0..1",
        _ => "a finite number",
    };
    Problem::new(code, message).at_cell(Some(line), Some(column)).expected(expected)
}
