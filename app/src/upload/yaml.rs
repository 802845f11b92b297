//! YAML as far as model cards need it: mappings, lists and scalars as a tree. Anchors, aliases and
//! tags are refused, for they make large things of small ones.

use super::name::quoted;
use super::problems::Problems;
use super::tree::Node;
use metrics::Problem;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use std::borrow::Cow;

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A mapping or list that is not at its end yet.
enum Open<'a> {
    List(Vec<Node<'a>>),
    Mapping { fields: Vec<(Cow<'a, str>, Node<'a>)>, key: Option<Cow<'a, str>> },
}

/// The tree of a YAML document, the first of the text; `line` is where the text begins in its file.
pub(super) fn parse<'a>(text: &'a str, line: usize, problems: &mut Problems) -> Option<Node<'a>> {
    let mut open: Vec<Open<'a>> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, Span { start, .. }) = match event {
            Ok(event) => event,
            Err(error) => {
                let what = error.info().to_owned();
                tell(line, *error.marker(), "syntax", what, "a YAML document", problems);
                return None;
            }
        };
        let (node, anchored) = match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => continue,
            Event::StreamEnd | Event::DocumentEnd => break,
            Event::Alias(_) => (None, true),
            Event::Scalar(text, style, anchor, tag) => {
                (Some(scalar(text, style)), anchor > 0 || tag.is_some())
            }
            Event::SequenceStart(anchor, tag) => {
                open.push(Open::List(Vec::new()));
                (None, anchor > 0 || tag.is_some())
            }
            Event::MappingStart(anchor, tag) => {
                open.push(Open::Mapping { fields: Vec::new(), key: None });
                (None, anchor > 0 || tag.is_some())
            }
            Event::SequenceEnd | Event::MappingEnd => (open.pop().map(closed), false),
        };
        if anchored {
            let what = "an anchor, an alias or a tag".to_owned();
            tell(line, start, "not_plain", what, "plain values, written out", problems);
            return None;
        }
        if open.len() > MAX_DEPTH {
            let what = "the document is nested more than 64 deep".to_owned();
            tell(line, start, "syntax", what, "a YAML document", problems);
            return None;
        }
        let Some(node) = node else { continue };
        match open.last_mut() {
            None => return Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Mapping { fields, key }) => match key.take() {
                None => match node {
                    Node::Text(text) => *key = Some(text),
                    Node::Null => *key = Some(Cow::Borrowed("")),
                    _ => {
                        let what = "a key that is no text".to_owned();
                        tell(line, start, "syntax", what, "a field's name", problems);
                        return None;
                    }
                },
                Some(key) if fields.iter().any(|(other, _)| *other == key) => {
                    let what = format!("the field {} stands twice", quoted(&key));
                    tell(line, start, "duplicate_field", what, "each field once", problems);
                }
                Some(key) => fields.push((key, node)),
            },
        }
    }
    tell(
        line,
        Marker::new(0, 1, 0),
        "empty",
        "the document is empty".to_owned(),
        "a YAML document",
        problems,
    );
    None
}

fn closed(open: Open) -> Node {
    match open {
        Open::List(items) => Node::List(items),
        Open::Mapping { fields, .. } => Node::Object(fields),
    }
}

/// A scalar by the core schema; a number stays its text.
fn scalar(text: Cow<str>, style: ScalarStyle) -> Node {
    if style != ScalarStyle::Plain {
        return Node::Text(text);
    }
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" => Node::Bool(true),
        "false" | "False" | "FALSE" => Node::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Node::NotFinite("NaN"),
        ".inf" | ".Inf" | ".INF" | "+.inf" => Node::NotFinite("Infinity"),
        "-.inf" | "-.Inf" | "-.INF" => Node::NotFinite("-Infinity"),
        _ => Node::Text(text),
    }
}

fn tell(
    first: usize,
    marker: Marker,
    code: &str,
    what: String,
    expected: &str,
    problems: &mut Problems,
) {
    let line = u64::try_from(first + marker.line().saturating_sub(1)).ok();
    let column = (marker.col() + 1).to_string();
    problems.add(Problem::new(code, what).at_cell(line, Some(&column)).expected(expected));
}
