//! A JSON object on its way to a struct: fields are taken by name and type, and what is wrong or
//! left over is told with its pointer.

use super::estimate::Field;
use super::name::{self, quoted};
use super::problems::Problems;
use super::tree::{self, Node, push_key};
use metrics::{Place, Problem};
use std::borrow::Cow;

/// Counts above this are not exact in every reader's JSON.
const MAX_COUNT: u64 = (1 << 53) - 1;

pub(super) struct Object<'a> {
    pointer: String,
    fields: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Object<'a> {
    /// The object at a pointer; its unknown fields are told at once.
    pub fn open(
        node: Node<'a>,
        pointer: String,
        known: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = match node {
            Node::Object(fields) => fields,
            Node::Unreadable => return None,
            node => {
                let problem = wrong_type(&node, "an object");
                problems.add(problem.at_pointer(pointer));
                return None;
            }
        };
        fields.retain(|(key, _)| {
            let is_known = known.contains(&key.as_ref());
            if !is_known {
                let mut at = pointer.clone();
                push_key(&mut at, key);
                let problem =
                    Problem::new("unknown_field", format!("there is no field {}", quoted(key)));
                // A search for the nearest name is dear in an object with a million of them.
                let near = if problems.is_full() {
                    None
                } else {
                    name::nearest(key, known.iter().copied())
                };
                let expected = match near {
                    Some(near) => format!("`{near}`"),
                    None => format!("one of `{}`", known.join("`, `")),
                };
                problems.add(problem.expected(expected).at_pointer(at));
            }
            is_known
        });
        Some(Self { pointer, fields })
    }

    pub fn pointer(&self, field: &str) -> String {
        let mut pointer = self.pointer.clone();
        push_key(&mut pointer, field);
        pointer
    }

    pub fn place(&self, field: &str) -> Place {
        Place::Pointer { pointer: self.pointer(field) }
    }

    /// A field's value; `null` is the same as no field.
    pub fn take(&mut self, field: &str) -> Option<Node<'a>> {
        let at = self.fields.iter().position(|(key, _)| key == field)?;
        match self.fields.swap_remove(at).1 {
            Node::Null => None,
            node => Some(node),
        }
    }

    pub fn text(&mut self, field: &str, problems: &mut Problems) -> Field<String> {
        match self.take(field) {
            None => Field::Absent,
            Some(Node::Text(text)) => Field::Is(text.into_owned()),
            Some(node) => {
                self.wrong_type(field, &node, "text", problems);
                Field::Bad
            }
        }
    }

    pub fn number(&mut self, field: &str, problems: &mut Problems) -> Field<f64> {
        match self.take(field) {
            None => Field::Absent,
            Some(Node::Number(text)) => match number_of(text) {
                Ok(number) => Field::Is(number),
                Err(problem) => {
                    problems.add_at(self.place(field), problem);
                    Field::Bad
                }
            },
            Some(Node::Text(text)) if tree::is_not_finite(&text) => {
                problems.add_at(self.place(field), tree::not_finite(&text));
                Field::Bad
            }
            Some(node) => {
                self.wrong_type(field, &node, "a number", problems);
                Field::Bad
            }
        }
    }

    pub fn count(&mut self, field: &str, problems: &mut Problems) -> Field<u64> {
        match self.take(field) {
            None => Field::Absent,
            Some(Node::Number(text)) => match count_of(text) {
                Ok(count) => Field::Is(count),
                Err(problem) => {
                    problems.add_at(self.place(field), problem);
                    Field::Bad
                }
            },
            Some(node) => {
                self.wrong_type(field, &node, "a whole number, 0 or more", problems);
                Field::Bad
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(
        &mut self,
        field: &str,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let word = self.text(field, problems).get()?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(known, _)| *known).collect();
            let expected = match name::nearest(&word, known.iter().copied()) {
                Some(near) => format!("`{near}`"),
                None => format!("one of `{}`", known.join("`, `")),
            };
            let problem = Problem::new("unknown_word", format!("{} is not known", quoted(&word)));
            problems.add_at(self.place(field), problem.expected(expected));
        }
        found
    }

    pub fn object(
        &mut self,
        field: &str,
        known: &[&str],
        problems: &mut Problems,
    ) -> Field<Object<'a>> {
        match self.take(field) {
            None => Field::Absent,
            Some(node) => match Object::open(node, self.pointer(field), known, problems) {
                Some(object) => Field::Is(object),
                None => Field::Bad,
            },
        }
    }

    /// Tells that a field is missing, unless it was there.
    pub fn require<T>(
        &self,
        field: &str,
        found: &Field<T>,
        expected: &str,
        problems: &mut Problems,
    ) {
        if found.is_absent() {
            self.missing(field, expected, problems);
        }
    }

    pub fn missing(&self, field: &str, expected: &str, problems: &mut Problems) {
        let problem = Problem::new("missing_field", format!("the field `{field}` is missing"));
        problems.add_at(self.place(field), problem.expected(expected));
    }

    pub fn wrong_type(&self, field: &str, node: &Node, expected: &str, problems: &mut Problems) {
        if *node != Node::Unreadable {
            problems.add_at(self.place(field), wrong_type(node, expected));
        }
    }
}

pub(super) fn wrong_type(node: &Node, expected: &str) -> Problem {
    let what = match node {
        Node::NotFinite(_) => "a number that is not finite",
        Node::Null | Node::Unreadable => "null",
        Node::Bool(_) => "a truth value",
        Node::Number(_) => "a number",
        Node::Text(_) => "text",
        Node::List(_) => "a list",
        Node::Object(_) => "an object",
    };
    Problem::new("wrong_type", format!("{what} stands here")).expected(expected)
}

/// A number's value; what is too large for a double is no number.
pub(super) fn number_of(text: &str) -> Result<f64, Problem> {
    match text.parse::<f64>() {
        // Zero has no sign here, so that equal documents have equal digests.
        Ok(number) if number.is_finite() => Ok(number + 0.0),
        _ => Err(Problem::new("not_finite", format!("{} is too large", quoted(text)))
            .expected("a finite number")),
    }
}

/// A number of rows; `28.0` is one too, because tools that keep floats write counts so.
pub(super) fn count_of(text: &str) -> Result<u64, Problem> {
    let whole = || {
        let number = text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && *n >= 0.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0; above 2^53 it is refused below"
        )]
        Some(number as u64)
    };
    match text.parse::<u64>().ok().or_else(whole) {
        Some(count) if count <= MAX_COUNT => Ok(count),
        Some(_) => Err(Problem::new("count_too_large", format!("{} is too large", quoted(text)))
            .expected(format!("a whole number up to {MAX_COUNT}"))),
        None => Err(Problem::new("not_a_count", format!("{} is no count", quoted(text)))
            .expected("a whole number, 0 or more")),
    }
}
