//! Text files: cut into parts at line ends, parts parsed on all cores.

use super::draft::Draft;
use super::{Collector, Gather};
use crate::Problem;
use rayon::prelude::*;
use std::io::{self, Read};

/// Bytes that one task parses.
const PART: usize = 1 << 20;
/// A line longer than this is no row of predictions; in CSV most likely a quote was never closed.
const LONGEST_LINE: usize = 4 << 20;

/// Some whole lines.
pub(super) struct Part {
    pub bytes: Vec<u8>,
    /// Lines that stand before them in the file.
    line: u64,
}

#[derive(Default)]
struct Batch {
    parts: Vec<Part>,
    /// What ended reading before the end of the file.
    problem: Option<Problem>,
}

/// A text file on its way in.
pub(super) struct Parts<R> {
    input: R,
    /// What was read beyond the last whole line.
    pub carry: Vec<u8>,
    pub ended: bool,
    /// Lines given out.
    pub line: u64,
    pub quotes: Quotes,
}

/// Whether line ends can stand within a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Every line end ends a line.
    None,
    /// As in CSV with this delimiter.
    After(u8),
    /// As in CSV, the delimiter not yet being known.
    AfterAny,
}

impl<R: Read + Send> Parts<R> {
    pub fn new(input: R, quotes: Quotes) -> Self {
        Self { input, carry: Vec::new(), ended: false, line: 0, quotes }
    }

    /// Takes a byte order mark off the beginning.
    pub fn skip_mark(&mut self) -> Result<(), Problem> {
        if self.carry.len() < 3 {
            self.fill(PART).map_err(|error| broken(&error))?;
        }
        if self.carry.starts_with(b"\xef\xbb\xbf") {
            self.carry.drain(..3);
        }
        Ok(())
    }

    /// Parses all parts and hands them on. While one batch is parsed, the next is read (and
    /// decompressed).
    pub fn parse<G: Gather>(
        mut self,
        collector: &mut Collector<G>,
        parse: impl Fn(&[u8]) -> Draft + Sync,
    ) {
        let mut batch = self.batch();
        while !batch.parts.is_empty() || batch.problem.is_some() {
            let last = batch.problem.is_some();
            let digest = |part: &Part| collector.digest(parse(&part.bytes));
            let (digested, next) = rayon::join(
                || batch.parts.par_iter().map(digest).collect::<Vec<_>>(),
                || if last { Batch::default() } else { self.batch() },
            );
            for (digested, part) in digested.into_iter().zip(&batch.parts) {
                collector.add(digested, part.line);
            }
            if let Some(problem) = batch.problem {
                collector.problems.fatal(problem);
            }
            if collector.is_done() {
                break;
            }
            batch = next;
        }
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
            let cut = cut_lines(&self.carry, self.quotes);
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
    pub fn fill(&mut self, up_to: usize) -> io::Result<()> {
        let wanted = up_to.saturating_sub(self.carry.len());
        self.carry.reserve(wanted);
        let read = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.carry)?;
        self.ended |= read < wanted;
        Ok(())
    }
}

pub(super) fn broken(error: &io::Error) -> Problem {
    Problem::new("broken_file", format!("the file breaks off: {error}")).expected("a complete file")
}

pub(super) fn unclosed(line: u64) -> Problem {
    Problem::new("unclosed_quote", "a quote opens here and is never closed")
        .at_cell(Some(line), None)
        .expected("a closing quote; quotes within a cell are doubled")
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    count(bytes, b'\n') as u64
}

#[expect(clippy::naive_bytecount, reason = "the compiler vectorises it well enough")]
pub(super) fn count(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().filter(|byte| **byte == wanted).count()
}

pub(super) struct Cut {
    /// Just after the first line end outside quotes.
    pub first_end: Option<usize>,
    /// Just after the last one.
    pub last_end: Option<usize>,
    /// Where a quote opened that is not closed.
    pub open_quote: Option<usize>,
}

/// Finds line ends outside quotes; the bytes begin outside of them. As the parser does, a quote
/// counts as one only at the beginning of a cell.
pub(super) fn cut_lines(bytes: &[u8], quotes: Quotes) -> Cut {
    if quotes == Quotes::None || !bytes.contains(&b'"') {
        let first_end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let last_end = bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        return Cut { first_end, last_end, open_quote: None };
    }
    let separates = |byte: u8| match quotes {
        Quotes::After(delimiter) => byte == delimiter,
        _ => matches!(byte, b',' | b';' | b'\t'),
    };
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
