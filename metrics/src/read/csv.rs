//! CSV: a header, then a row per line; quotes as in RFC 4180.

use super::column::Column;
use super::draft::Draft;
use super::parts::{Parts, Quotes, broken, count, count_lines, cut_lines, unclosed};
use super::problems::Problems;
use super::request::Request;
use super::{Collector, Gather, MOST_COLUMNS, places, too_many_columns};
use crate::Problem;
use csv::{ByteRecord, ReaderBuilder};
use std::io::Read;

/// A header longer than this has too many columns, or is no header.
const LONGEST_HEADER: usize = 1 << 20;

/// Reads CSV with a header. Comma, semicolon or tab, whichever the header has most of.
pub(super) fn read<G: Gather>(
    input: impl Read + Send,
    request: &Request,
    collector: &mut Collector<G>,
) -> Result<(), Vec<Problem>> {
    let mut parts = Parts::new(input, Quotes::AfterAny);
    let (header, delimiter) = header(&mut parts).map_err(|problem| vec![problem])?;
    let places = places(&header, request)?;
    collector.columns(&header);
    parts.quotes = Quotes::After(delimiter);
    let plan = Plan { places, width: header.len(), request, delimiter };
    parts.parse(collector, |bytes| plan.parse(bytes));
    Ok(())
}

/// The column names alone.
pub(super) fn names(input: impl Read + Send) -> Result<Vec<String>, Vec<Problem>> {
    let mut parts = Parts::new(input, Quotes::AfterAny);
    header(&mut parts).map(|(names, _)| names).map_err(|problem| vec![problem])
}

/// Reads the first line into column names, and finds the delimiter.
fn header(parts: &mut Parts<impl Read + Send>) -> Result<(Vec<String>, u8), Problem> {
    while !parts.ended && !parts.carry.contains(&b'\n') {
        if parts.carry.len() > LONGEST_HEADER {
            let columns = count(&parts.carry, b',');
            return Err(if columns > MOST_COLUMNS {
                too_many_columns(columns)
            } else {
                Problem::new("no_lines", "the first line does not end")
                    .at_cell(Some(1), None)
                    .expected("a header line with column names")
            });
        }
        parts.fill(parts.carry.len() + (64 << 10)).map_err(|error| broken(&error))?;
    }
    parts.skip_mark()?;
    let cut = cut_lines(&parts.carry, parts.quotes);
    let end = match (cut.first_end, parts.ended) {
        (Some(end), _) => end,
        (None, true) if cut.open_quote.is_none() => parts.carry.len(),
        _ => return Err(unclosed(1)),
    };
    let line: Vec<u8> = parts.carry.drain(..end).collect();
    parts.line = count_lines(&line);
    // Of equals the last is taken: comma.
    let delimiter =
        [b';', b'\t', b','].into_iter().max_by_key(|d| count(&line, *d)).unwrap_or(b',');
    if count(&line, delimiter) >= MOST_COLUMNS {
        return Err(too_many_columns(count(&line, delimiter) + 1));
    }
    let mut reader =
        ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line.as_slice());
    let mut record = ByteRecord::new();
    let found = reader
        .read_byte_record(&mut record)
        .map_err(|error| Problem::new("not_csv", error.to_string()).at_cell(Some(1), None))?;
    if !found || record.iter().all(<[u8]>::is_empty) {
        return Err(Problem::new("no_header", "the first line is empty")
            .at_cell(Some(1), None)
            .expected("column names"));
    }
    let names: Result<Vec<String>, Problem> = record
        .iter()
        .map(|name| match std::str::from_utf8(name) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(_) => Err(Problem::new("not_utf8", "the header is not UTF-8")
                .at_cell(Some(1), None)
                .expected("text in UTF-8")),
        })
        .collect();
    Ok((names?, delimiter))
}

/// How to read a line.
struct Plan<'a> {
    /// Where the columns that are asked for stand.
    places: Vec<usize>,
    width: usize,
    request: &'a Request<'a>,
    delimiter: u8,
}

impl Plan<'_> {
    fn parse(&self, bytes: &[u8]) -> Draft {
        let wanted = self.request.columns.iter();
        let mut columns: Vec<Column> =
            wanted.map(|wanted| Column::new(wanted, self.request)).collect();
        let mut problems = Problems::default();
        let mut rows = 0;
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
                    problems
                        .push(|| Problem::new("not_csv", error.to_string()).at_cell(line, None));
                    break;
                }
            }
            rows += 1;
            let line = record.position().map_or(1, csv::Position::line);
            if record.len() == self.width {
                for (column, &place) in columns.iter_mut().zip(&self.places) {
                    column.text(&record[place], line);
                }
            } else {
                problems.push(|| {
                    Problem::new("ragged_row", format!("the line has {} cells", record.len()))
                        .at_cell(Some(line), None)
                        .expected(format!("{}, as in the header", self.width))
                });
            }
            if columns.iter().any(|column| column.problems.is_fatal()) {
                break;
            }
        }
        Draft::of(columns, rows, problems)
    }
}
