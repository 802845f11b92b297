//! JSON, strictly, as a tree: what a lenient parser would swallow is a problem with a place here.
//!
//! `serde_json` takes the last of two equal keys and gives up at the first `NaN`, which many tools
//! write. This reader names every such place and goes on; only broken syntax ends it.

use super::name::quoted;
use super::problems::Problems;
use metrics::Problem;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

/// Deepest nesting; the run document itself needs five.
const MAX_DEPTH: usize = 64;

/// Least bytes per value in a document of more than [`FREE_NODES`] values: the tersest estimate
/// has nine. Without it 64 MiB of `[],` would take ten times as much memory as any real document.
const BYTES_PER_NODE: usize = 6;
const FREE_NODES: usize = 10_000;

/// A JSON value; numbers stay text until it is known what they count.
#[derive(Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    /// A word such as `NaN`, from a tool whose JSON has such words.
    NotFinite(&'a str),
    /// Its problem has been told.
    Unreadable,
}

/// Broken syntax; its problem has been told.
struct Stop;

enum Step<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

struct Parser<'a, 'p> {
    text: &'a str,
    at: usize,
    path: Vec<Step<'a>>,
    /// For each depth how many fields the last object there had: the next has mostly as many.
    widths: [usize; MAX_DEPTH],
    nodes: usize,
    /// Whether `NaN` and its kin are read as what they are.
    not_finite: bool,
    problems: &'p mut Problems,
}

/// The tree of a JSON text; `None` when its syntax is broken.
pub(super) fn parse<'a>(text: &'a str, problems: &mut Problems) -> Option<Node<'a>> {
    Parser::new(text, false, problems).document().ok()
}

/// The same for what Python writes, where `NaN` and `Infinity` stand for numbers that are none.
pub(super) fn parse_pythonic<'a>(text: &'a str, problems: &mut Problems) -> Option<Node<'a>> {
    Parser::new(text, true, problems).document().ok()
}

/// One more step of a JSON pointer.
pub(super) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

impl<'a, 'p> Parser<'a, 'p> {
    fn new(text: &'a str, not_finite: bool, problems: &'p mut Problems) -> Self {
        let (path, widths) = (Vec::new(), [0; MAX_DEPTH]);
        Self { text, at: 0, path, widths, nodes: 0, not_finite, problems }
    }

    fn document(&mut self) -> Result<Node<'a>, Stop> {
        if self.text.starts_with(super::sniff::BOM) {
            self.problems.add(
                Problem::new("byte_order_mark", "the document begins with a byte order mark")
                    .at_pointer("")
                    .expected("UTF-8 without one, as JSON asks"),
            );
            self.at = super::sniff::BOM.len_utf8();
        }
        self.space();
        let node = self.value()?;
        self.space();
        if self.at < self.text.len() {
            return Err(self.broken("there is more after the end of the document"));
        }
        Ok(node)
    }

    fn value(&mut self) -> Result<Node<'a>, Stop> {
        self.nodes += 1;
        if self.nodes > FREE_NODES + self.text.len() / BYTES_PER_NODE {
            return Err(self.broken("the document has more values than results of its size have"));
        }
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => self.string().map(Node::Text),
            Some(b'0'..=b'9') => self.number(),
            Some(b'-') if self.byte(self.at + 1).is_some_and(|b| b.is_ascii_digit()) => {
                self.number()
            }
            Some(b'-' | b'+' | b'a'..=b'z' | b'A'..=b'Z') => self.word(),
            Some(_) => Err(self.broken("a value cannot begin here")),
            None => Err(self.broken("the document ends where a value should stand")),
        }
    }

    fn object(&mut self) -> Result<Node<'a>, Stop> {
        /// From here on a set finds equal keys, so that a huge object takes no quadratic time.
        const MANY: usize = 32;
        let depth = self.descend()?;
        self.space();
        if self.take(b'}') {
            return Ok(Node::Object(vec![]));
        }
        let mut fields: Vec<(Cow<'a, str>, Node<'a>)> = Vec::with_capacity(self.widths[depth]);
        let mut seen: HashSet<Cow<'a, str>> = HashSet::new();
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.broken("a field's name in double quotes should stand here"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.broken("a colon should stand here"));
            }
            self.space();
            self.path.push(Step::Key(key.clone()));
            let node = self.value()?;
            let twice = if fields.len() < MANY {
                fields.iter().any(|(other, _)| *other == key)
            } else {
                if seen.is_empty() {
                    seen.extend(fields.iter().map(|(other, _)| other.clone()));
                }
                !seen.insert(key.clone())
            };
            if twice {
                let problem = Problem::new(
                    "duplicate_field",
                    format!("the field {} stands twice", quoted(&key)),
                )
                .expected("each field once");
                self.problem(problem);
            } else {
                fields.push((key, node));
            }
            self.path.pop();
            self.space();
            if self.take(b'}') {
                self.widths[depth] = fields.len();
                return Ok(Node::Object(fields));
            }
            if !self.take(b',') {
                return Err(self.broken("a comma or the object's end should stand here"));
            }
        }
    }

    fn list(&mut self) -> Result<Node<'a>, Stop> {
        self.descend()?;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            self.space();
            self.path.push(Step::Index(items.len()));
            let item = self.value()?;
            items.push(item);
            self.path.pop();
            self.space();
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            if !self.take(b',') {
                return Err(self.broken("a comma or the list's end should stand here"));
            }
        }
    }

    /// Steps over an opening bracket; the path's length is the depth that it gives.
    fn descend(&mut self) -> Result<usize, Stop> {
        let depth = self.path.len();
        if depth >= MAX_DEPTH {
            return Err(self.broken("the document is nested more than 64 deep"));
        }
        self.at += 1;
        Ok(depth)
    }

    fn number(&mut self) -> Result<Node<'a>, Stop> {
        let start = self.at;
        self.take(b'-');
        if self.take(b'0') {
            if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(self.broken("a number does not begin with a superfluous 0"));
            }
        } else {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Node::Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.broken("a digit should stand here")) } else { Ok(()) }
    }

    /// `true`, `false` and `null`, and the words that other tools write in their place.
    fn word(&mut self) -> Result<Node<'a>, Stop> {
        let start = self.at;
        self.at += 1;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let problem = match word {
            "true" => return Ok(Node::Bool(true)),
            "false" => return Ok(Node::Bool(false)),
            "null" => return Ok(Node::Null),
            "None" | "True" | "False" | "undefined" => {
                Problem::new("not_json", format!("`{word}` is not a word of JSON"))
                    .expected("`null`, `true` or `false`")
            }
            _ if is_not_finite(word) && self.not_finite => return Ok(Node::NotFinite(word)),
            _ if is_not_finite(word) => not_finite(word),
            _ => {
                self.at = start;
                return Err(self.broken("a value cannot begin here"));
            }
        };
        self.problem(problem);
        Ok(Node::Unreadable)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
                }
                Some(b'\\') => break,
                Some(0..0x20) => return Err(self.broken("a text has a bare control character")),
                Some(_) => self.at += 1,
                None => return Err(self.broken("the document ends inside a text")),
            }
        }
        let mut text = self.text[start..self.at].to_owned();
        let mut plain = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    text.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => {
                    text.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    text.push(self.escape()?);
                    plain = self.at;
                }
                Some(0..0x20) => return Err(self.broken("a text has a bare control character")),
                Some(_) => self.at += 1,
                None => return Err(self.broken("the document ends inside a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.broken("no such escape in a text")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Stop> {
        let first = self.four_hex()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.four_hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        self.problem(
            Problem::new("lone_surrogate", format!("`\\u{first:04x}` is half a character"))
                .expected("a pair of surrogates, or the character itself in UTF-8"),
        );
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_hex(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.broken("four hex digits should stand after `\\u`"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn peek(&self) -> Option<u8> {
        self.byte(self.at)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => push_key(&mut pointer, key),
                Step::Index(i) => {
                    let _ = write!(pointer, "/{i}");
                }
            }
        }
        pointer
    }

    fn problem(&mut self, problem: Problem) {
        let pointer = self.pointer();
        self.problems.add(problem.at_pointer(pointer));
    }

    fn broken(&mut self, what: &str) -> Stop {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.split(|&b| b == b'\n').count();
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        // Bytes that continue a character (0b10xx_xxxx) take no column of their own.
        let column = before[line_start..].iter().filter(|&&b| b & 0xc0 != 0x80).count() + 1;
        self.problem(
            Problem::new("syntax", format!("{what} (line {line}, column {column})"))
                .expected("a JSON document"),
        );
        Stop
    }
}

/// Whether a word is some tool's way to write a number that is none.
pub(super) fn is_not_finite(word: &str) -> bool {
    let word = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
    matches!(
        word.as_str(),
        "nan" | "inf" | "infinity" | "1.#inf" | "1.#ind" | "1.#qnan" | "na" | "n/a" | "#n/a"
    )
}

pub(super) fn not_finite(word: &str) -> Problem {
    Problem::new(
        "not_finite",
        format!("{} is not a number here; write null and say why in `undefined`", quoted(word)),
    )
    .expected("a finite number, or null")
}

#[cfg(test)]
mod tests;
