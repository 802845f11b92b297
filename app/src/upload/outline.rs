//! The fields of a JSON text as far as they tell what it is: a quick look that needs no tree and
//! works on a broken file too.

use std::collections::BTreeSet;

/// Deepest field that is looked at.
const DEEP: usize = 6;

/// Most fields that are looked at.
const MANY: usize = 4_000;

/// Paths of fields, such as `metrics/[]/config/type`; of a list its first two items only.
pub(super) struct Outline {
    paths: BTreeSet<String>,
    /// Fields with a number, among those of the root.
    numbers: BTreeSet<String>,
    root: Option<u8>,
}

impl Outline {
    pub fn of(text: &str) -> Self {
        let mut outline = Self { paths: BTreeSet::new(), numbers: BTreeSet::new(), root: None };
        let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
        scanner.space();
        outline.root = scanner.peek();
        outline.scan(&mut scanner);
        outline
    }

    pub fn is_list(&self) -> bool {
        self.root == Some(b'[')
    }

    pub fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Names of fields directly under a path; the empty path is the root.
    pub fn under<'o>(&'o self, path: &'o str) -> impl Iterator<Item = &'o str> {
        let start = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.paths.range(start.clone()..).map_while(move |found| {
            let name = found.strip_prefix(start.as_str())?;
            Some(name)
        })
    }

    /// Whether every field of the root is a number, and there is one.
    pub fn is_flat(&self) -> bool {
        self.root == Some(b'{') && !self.paths.is_empty() && self.numbers.len() == self.paths.len()
    }

    fn scan(&mut self, scanner: &mut Scanner) {
        // What encloses the place: a list with how many items it had, or an object.
        let mut open: Vec<Option<usize>> = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let mut key: Option<String> = None;
        while let Some(byte) = scanner.peek() {
            let is_seen = open.len() <= DEEP && open.iter().flatten().all(|items| *items < 2);
            match byte {
                b'{' | b'[' => {
                    if !open.is_empty() {
                        path.push(key.take().unwrap_or_else(|| "[]".to_owned()));
                    }
                    open.push((byte == b'[').then_some(0));
                    scanner.at += 1;
                }
                b'}' | b']' => {
                    open.pop();
                    path.pop();
                    key = None;
                    scanner.at += 1;
                }
                b',' => {
                    if let Some(Some(items)) = open.last_mut() {
                        *items += 1;
                    }
                    key = None;
                    scanner.at += 1;
                }
                b'"' => {
                    let text = scanner.string();
                    scanner.space();
                    if scanner.peek() == Some(b':') && matches!(open.last(), Some(None)) {
                        scanner.at += 1;
                        scanner.space();
                        if is_seen && self.paths.len() < MANY {
                            path.push(text.to_owned());
                            let whole = path.join("/");
                            path.pop();
                            let word = scanner.peek();
                            if open.len() == 1
                                && word.is_some_and(|b| {
                                    matches!(b, b'0'..=b'9' | b'-' | b'N' | b'I' | b'n')
                                })
                            {
                                self.numbers.insert(whole.clone());
                            }
                            self.paths.insert(whole);
                        }
                        key = Some(text.to_owned());
                    }
                }
                _ => scanner.at += 1,
            }
            if self.paths.len() >= MANY {
                return;
            }
        }
    }
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// What is between quotes, escapes as they are.
    fn string(&mut self) -> &'t str {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return std::str::from_utf8(&self.bytes[start..self.at - 1])
                        .unwrap_or_default();
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.bytes.len();
        ""
    }
}
