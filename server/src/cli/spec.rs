//! `--spec`: a file, standard input, or the spec itself.

use super::Failure;
use super::output::{REFUSED, refused};
use metrics::Spec;
use std::io::Read;

/// Reads a spec from a TOML or JSON file, from standard input (`-`), or from JSON given in place.
pub fn read_spec(given: &str) -> Result<Spec, Failure> {
    let unreadable = |error: std::io::Error| Failure {
        message: format!("the spec {given} cannot be read: {error}"),
        code: REFUSED,
    };
    let (name, text) = if given.trim_start().starts_with('{') {
        ("--spec".to_owned(), given.to_owned())
    } else if given == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        ("standard input".to_owned(), text)
    } else {
        (given.to_owned(), std::fs::read_to_string(given).map_err(unreadable)?)
    };
    Spec::parse(&text).map_err(|problems| refused(&name, &problems))
}
