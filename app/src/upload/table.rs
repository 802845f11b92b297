//! CSV as RFC 4180 has it, row by row, with the line of everything that is wrong.
//!
//! The usual reader takes an open quote for a very long cell; here the line where it was opened is
//! the answer. Line ends may be mixed, a byte order mark is skipped, empty lines are too.

use super::problems::Problems;
use super::sniff::BOM;
use metrics::Problem;
use std::borrow::Cow;

/// Longest cell, in bytes.
const MAX_CELL: usize = 64 * 1024;

pub(super) struct Row<'a> {
    /// The line it begins in, from 1.
    pub line: u64,
    pub cells: Vec<Cow<'a, str>>,
}

pub(super) struct Rows<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

/// What ended a cell.
#[derive(PartialEq)]
enum End {
    Comma,
    Row,
}

impl<'a> Rows<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text: text.strip_prefix(BOM).unwrap_or(text), at: 0, line: 1 }
    }

    /// The next row; `None` at the end of the table, and after an open quote, which leaves no way
    /// to tell where rows end.
    pub fn next_row(&mut self, problems: &mut Problems) -> Option<Row<'a>> {
        while matches!(self.peek(), Some(b'\n' | b'\r')) {
            self.end_of_line();
        }
        self.peek()?;
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            let cell_line = self.line;
            let cell = match self.peek() {
                Some(b'"') => self.quoted(problems)?,
                _ => self.plain(),
            };
            if cell.len() > MAX_CELL {
                let column = (cells.len() + 1).to_string();
                problems.add(
                    Problem::new("cell_too_long", format!("a cell has {} bytes", cell.len()))
                        .at_cell(Some(cell_line), Some(&column))
                        .expected(format!("at most {MAX_CELL}")),
                );
                cells.push(Cow::Borrowed(""));
            } else {
                cells.push(cell);
            }
            if self.end_of_cell() == End::Row {
                return Some(Row { line, cells });
            }
        }
    }

    fn plain(&mut self) -> Cow<'a, str> {
        let start = self.at;
        while !matches!(self.peek(), None | Some(b',' | b'\n' | b'\r')) {
            self.at += 1;
        }
        Cow::Borrowed(&self.text[start..self.at])
    }

    fn quoted(&mut self, problems: &mut Problems) -> Option<Cow<'a, str>> {
        let opened = self.line;
        self.at += 1;
        let mut cell = Cow::Borrowed("");
        let mut start = self.at;
        loop {
            match self.peek() {
                None => {
                    problems.add(
                        Problem::new("open_quote", "a quote is opened here and never closed")
                            .at_cell(Some(opened), None)
                            .expected("a closing `\"`; a quote inside a cell is written `\"\"`"),
                    );
                    return None;
                }
                Some(b'"') => {
                    let part = &self.text[start..self.at];
                    self.at += 1;
                    let again = self.peek() == Some(b'"');
                    if again || !cell.is_empty() {
                        cell.to_mut().push_str(part);
                    } else {
                        cell = Cow::Borrowed(part);
                    }
                    if !again {
                        break;
                    }
                    cell.to_mut().push('"');
                    self.at += 1;
                    start = self.at;
                }
                Some(b'\n' | b'\r') => self.end_of_line(),
                Some(_) => self.at += 1,
            }
        }
        if !matches!(self.peek(), None | Some(b',' | b'\n' | b'\r')) {
            problems.add(
                Problem::new("text_after_quote", "there is text after a closing quote")
                    .at_cell(Some(self.line), None)
                    .expected(
                        "a comma or the end of the line; a quote inside a cell is written `\"\"`",
                    ),
            );
            self.plain();
        }
        Some(cell)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn end_of_cell(&mut self) -> End {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                End::Comma
            }
            Some(_) => {
                self.end_of_line();
                End::Row
            }
            None => End::Row,
        }
    }

    fn end_of_line(&mut self) {
        let crlf = self.text.as_bytes()[self.at..].starts_with(b"\r\n");
        self.at += if crlf { 2 } else { 1 };
        self.line += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut problems = Problems::default();
        let mut rows = Rows::of(text);
        let mut all = Vec::new();
        while let Some(row) = rows.next_row(&mut problems) {
            all.push((row.line, row.cells.into_iter().map(Cow::into_owned).collect()));
        }
        problems.settle(Some(all)).unwrap()
    }

    fn first_problem(text: &str) -> String {
        let mut problems = Problems::default();
        let mut rows = Rows::of(text);
        while rows.next_row(&mut problems).is_some() {}
        problems.settle(None::<()>).unwrap_err()[0].to_string()
    }

    #[test]
    fn quotes_commas_and_line_ends_of_every_kind_are_read() {
        let text = "\u{feff}a,b\r\n\n\"x,\"\"y\"\"\nz\",\rlast,\"\"";
        assert_eq!(
            rows(text),
            [
                (1, vec!["a".into(), "b".into()]),
                (3, vec!["x,\"y\"\nz".into(), String::new()]),
                (5, vec!["last".into(), String::new()]),
            ]
        );
        assert_eq!(rows("\"\"\"\"\"\""), [(1, vec!["\"\"".to_owned()])]);
    }

    #[test]
    fn an_open_quote_is_named_by_the_line_that_opened_it() {
        let problem = first_problem("a,b\nc,\"d\ne\nf");
        assert!(problem.starts_with("line 2: a quote is opened here"), "{problem}");
        assert!(first_problem("\"a\"b,c").starts_with("line 1: there is text after"));
    }

    #[test]
    fn a_cell_above_64_kib_is_refused() {
        let text = format!("a,b\n1,{}", "x".repeat(MAX_CELL + 1));
        assert!(first_problem(&text).starts_with("line 2, column 2: a cell has 65537 bytes"));
    }
}
