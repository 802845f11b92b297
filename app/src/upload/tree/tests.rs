//! Tests of the strict JSON tree.

use super::*;
use serde_json::Value;

fn problems_of(text: &str) -> Vec<Problem> {
    let mut problems = Problems::default();
    let node = parse(text, &mut problems);
    problems.settle(node.map(|_| ())).unwrap_err()
}

fn tree(text: &str) -> Node<'_> {
    let mut problems = Problems::default();
    let node = parse(text, &mut problems);
    problems.settle(node).unwrap()
}

fn places(text: &str) -> Vec<String> {
    problems_of(text)
        .iter()
        .map(|problem| format!("{} {}", problem.code, problem.place.as_ref().unwrap()))
        .collect()
}

#[test]
fn every_nan_infinity_and_python_word_is_named_with_its_place() {
    assert_eq!(
        places(r#"{"a": [1, NaN, -Infinity], "b/c": {"~": None}}"#),
        ["not_finite /a/1", "not_finite /a/2", "not_json /b~1c/~0"]
    );
}

#[test]
fn a_key_that_stands_twice_is_named_even_in_a_huge_object() {
    let mut text = String::from("{");
    for i in 0..100_000 {
        let _ = write!(text, "\"k{i}\": {i}, ");
    }
    text.push_str("\"k7\": 0, \"k99999\": 1}");
    assert_eq!(places(&text), ["duplicate_field /k7", "duplicate_field /k99999"]);
    assert_eq!(places(r#"{"a": 1, "\u0061": 2}"#), ["duplicate_field /a"]);
}

#[test]
fn a_million_brackets_are_refused_without_descending_into_them() {
    let problems = problems_of(&"[".repeat(1_000_000));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("nested more than 64 deep"));
    assert!(matches!(tree(&format!("{}{}", "[".repeat(64), "]".repeat(64))), Node::List(_)));
}

#[test]
fn a_document_of_nothing_but_brackets_is_refused_before_it_fills_the_memory() {
    let problems = problems_of(&format!("[{}]", vec!["[]"; 100_000].join(",")));
    assert!(problems[0].message.contains("more values than results of its size have"));
    let tersest = r#"{"slice":{},"metric":"f1","value":0,"n":1}"#;
    tree(&format!("[{}]", vec![tersest; 10_000].join(",")));
}

#[test]
fn broken_syntax_is_placed_by_line_and_column() {
    let problems = problems_of("{\n  \"é\": [1,\n 2 3]}");
    assert_eq!(
        problems[0].message,
        "a comma or the list's end should stand here (line 3, column 4)"
    );
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\" 1}",
        "01",
        "1.",
        "+1",
        "-",
        "\"a",
        "\"\n\"",
        "[1] 2",
        "\"\\x\"",
        "\"\\u12\"",
        "tru",
        "{a: 1}",
        "'a'",
        "// x",
    ] {
        assert_eq!(problems_of(text).len(), 1, "{text}");
    }
}

#[test]
fn surrogate_pairs_are_one_character_and_halves_are_refused() {
    assert_eq!(tree(r#""\ud83d\ude00""#), Node::Text("😀".into()));
    assert_eq!(places(r#"["\ud83d", "\ude00", "\ud83dx", "\ud83d\u0041"]"#).len(), 4);
}

fn same(node: &Node, value: &Value) -> bool {
    match (node, value) {
        (Node::Null, Value::Null) => true,
        (Node::Bool(a), Value::Bool(b)) => a == b,
        (Node::Number(a), Value::Number(b)) => a.parse::<f64>().ok() == b.as_f64(),
        (Node::Text(a), Value::String(b)) => a == b,
        (Node::List(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Node::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| same(v, &b[k.as_ref()]))
        }
        _ => false,
    }
}

#[test]
fn what_serde_json_reads_is_read_the_same() {
    let text =
        r#" {"a": [1, -2.5e3, 0, "x\"\\\/\b\f\n\r\té", true, false, null], "b": {}, "": []} "#;
    assert!(same(&tree(text), &serde_json::from_str(text).unwrap()));
}
