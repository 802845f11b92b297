//! Ways through the JSON of other tools: a node and where it stands. Fields that nobody asks for
//! are passed by, for tools add some with every version.

use super::object::{count_of, number_of, wrong_type};
use super::problems::Problems;
use super::sheet::plain_number;
use super::tree::{self, Node, push_key};
use metrics::{Place, Problem};
use std::fmt::Write;

#[derive(Clone)]
pub(super) struct Spot<'n> {
    node: &'n Node<'n>,
    pointer: String,
}

/// A number as a tool reports it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reported {
    Is(f64),
    /// There is none, and this is what stands in its place.
    None(String),
}

impl<'n> Spot<'n> {
    pub fn root(node: &'n Node<'n>) -> Self {
        Self { node, pointer: String::new() }
    }

    pub fn place(&self) -> Place {
        Place::Pointer { pointer: self.pointer.clone() }
    }

    /// A field that is there and not `null`.
    pub fn get(&self, field: &str) -> Option<Self> {
        let Node::Object(fields) = self.node else { return None };
        let (_, node) = fields.iter().find(|(key, _)| key == field)?;
        (*node != Node::Null).then(|| self.at_field(field, node))
    }

    /// What stands at the end of a path of fields.
    pub fn find(&self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |spot, field| spot.get(field))
    }

    pub fn fields(&self) -> impl Iterator<Item = (&'n str, Self)> {
        let fields = match self.node {
            Node::Object(fields) => fields.as_slice(),
            _ => &[],
        };
        let spot = self.clone();
        fields.iter().map(move |(key, node)| (key.as_ref(), spot.at_field(key, node)))
    }

    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items = match self.node {
            Node::List(items) => items.as_slice(),
            _ => &[],
        };
        let spot = self.clone();
        items.iter().enumerate().map(move |(i, node)| {
            let mut pointer = spot.pointer.clone();
            let _ = write!(pointer, "/{i}");
            Self { node, pointer }
        })
    }

    fn at_field(&self, key: &str, node: &'n Node<'n>) -> Self {
        let mut pointer = self.pointer.clone();
        push_key(&mut pointer, key);
        Self { node, pointer }
    }

    pub fn is_object(&self) -> bool {
        matches!(self.node, Node::Object(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.node, Node::List(_))
    }

    pub fn is_null(&self) -> bool {
        matches!(self.node, Node::Null)
    }

    pub fn is_number(&self) -> bool {
        matches!(self.node, Node::Number(_) | Node::NotFinite(_))
    }

    pub fn text(&self) -> Option<&'n str> {
        match self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn truth(&self) -> Option<bool> {
        match self.node {
            Node::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A finite number, as it is or in the text in which protocol buffers put theirs.
    pub fn number(&self) -> Option<f64> {
        match self.node {
            Node::Number(text) => number_of(text).ok(),
            Node::Text(text) => plain_number(text),
            _ => None,
        }
    }

    pub fn count(&self) -> Option<u64> {
        match self.node {
            Node::Number(text) => count_of(text).ok(),
            Node::Text(text) => text.parse().ok().filter(|count| *count < 1 << 53),
            _ => None,
        }
    }

    /// A name: text, or a number or truth value as a tool writes it for a group.
    pub fn name(&self) -> Option<String> {
        match self.node {
            Node::Text(text) => Some(text.as_ref().to_owned()),
            Node::Number(text) => Some((*text).to_owned()),
            Node::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// A number that should stand here; `None` after its problem was told.
    pub fn reported(&self, problems: &mut Problems) -> Option<Reported> {
        match self.node {
            Node::Number(text) => match number_of(text) {
                Ok(number) => Some(Reported::Is(number)),
                Err(problem) => {
                    problems.add_at(self.place(), problem);
                    None
                }
            },
            Node::NotFinite(word) => Some(Reported::None(format!("reported as {word}"))),
            Node::Null => Some(Reported::None("reported as null".to_owned())),
            Node::Text(text) if tree::is_not_finite(text) => {
                Some(Reported::None(format!("reported as {text}")))
            }
            Node::Text(text) if plain_number(text).is_some() => {
                plain_number(text).map(Reported::Is)
            }
            _ => {
                self.expected("a number", problems);
                None
            }
        }
    }

    /// Tells that something else should stand here.
    pub fn expected(&self, expected: &str, problems: &mut Problems) {
        if *self.node != Node::Unreadable {
            problems.add_at(self.place(), wrong_type(self.node, expected));
        }
    }

    /// A list that should stand in a field.
    pub fn list(&self, field: &str, problems: &mut Problems) -> Option<Self> {
        self.shaped(field, "a list", Self::is_list, problems)
    }

    /// An object that should stand in a field.
    pub fn object(&self, field: &str, problems: &mut Problems) -> Option<Self> {
        self.shaped(field, "an object", Self::is_object, problems)
    }

    fn shaped(
        &self,
        field: &str,
        expected: &str,
        is: fn(&Self) -> bool,
        problems: &mut Problems,
    ) -> Option<Self> {
        match self.get(field) {
            Some(spot) if is(&spot) => Some(spot),
            Some(spot) => {
                spot.expected(expected, problems);
                None
            }
            None => {
                let mut pointer = self.pointer.clone();
                push_key(&mut pointer, field);
                let problem =
                    Problem::new("missing_field", format!("the field `{field}` is missing"));
                problems.add(problem.expected(expected).at_pointer(pointer));
                None
            }
        }
    }
}
