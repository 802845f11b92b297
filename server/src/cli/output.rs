//! What commands write: text for people, JSON for programs. Names that come out of a file or from
//! a server never reach a terminal raw, since an escape sequence in one could rewrite the screen.

use super::Failure;
use app::pages::parts::number::counted;
use metrics::Problem;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{ErrorKind, Write};

/// Exit code: the answer is no.
pub const REFUSED: u8 = 1;
/// Exit code: the command line makes no sense, as clap has it.
pub const MISUSED: u8 = 2;
/// Exit code: there was nobody to ask, or they would not answer.
pub const COULD_NOT_ASK: u8 = 3;

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::from),
    }
}

/// Writes JSON to standard output.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Text without characters that command a terminal or turn its reading direction.
pub fn clean(text: &str) -> String {
    let commands =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(commands) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if commands(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// A refusal with one line for every problem.
pub fn refused(what: &str, problems: &[Problem]) -> Failure {
    let n = counted(problems.len() as u64, "problem", "problems");
    let mut message = format!("{}: {n}", clean(what));
    for problem in problems {
        message.push_str("\n  ");
        message.push_str(&clean(&problem.to_string()));
    }
    Failure { message, code: REFUSED }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Columns of text under each other, two spaces apart. A character counts as one wide, which is
/// off for East Asian letters.
#[derive(Debug)]
pub struct Table<const N: usize> {
    align: [Align; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub fn new(align: [Align; N]) -> Self {
        Self { align, rows: Vec::new() }
    }

    pub fn row<T: AsRef<str>>(&mut self, cells: [T; N]) {
        self.rows.push(cells.map(|cell| clean(cell.as_ref())));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |i: usize| {
            let widths = self.rows.iter().map(|row| row[i].chars().count());
            widths.max().unwrap_or_default()
        };
        let widths: [usize; N] = std::array::from_fn(width);
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(widths).zip(self.align) {
                match align {
                    Align::Left => write!(line, "{cell:<width$}  ")?,
                    Align::Right => write!(line, "{cell:>width$}  ")?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_lines_end_with_their_last_letter() {
        let mut table = Table::new([Align::Left, Align::Right, Align::Left]);
        table.row(["metric", "value", "interval"]);
        table.row(["ünder", "−0.5", ""]);
        assert_eq!(table.to_string(), "metric  value  interval\nünder    −0.5\n");
    }

    #[test]
    fn a_group_name_cannot_command_the_terminal() {
        assert_eq!(clean("Female\u{1b}[2J\r\n"), "Female\\u{1b}[2J\\r\\n");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(clean("naïve × 40–64"), "naïve × 40–64");
    }

    #[test]
    fn every_problem_has_its_line_with_place_and_expectation() {
        let problems = [
            Problem::new("a", "`x` is no number").at_cell(Some(3), Some("score")).expected("0..1"),
            Problem::new("b", "the file ends early"),
        ];
        assert_eq!(
            refused("p.csv", &problems).message,
            "p.csv: 2 problems\n  line 3, column score: `x` is no number (expected 0..1)\n  \
             the file ends early"
        );
    }
}
