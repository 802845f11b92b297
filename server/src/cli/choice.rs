//! Arguments that are one of some words: a shell completes them, and whoever writes another is told
//! all of them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::error::Error;

/// One of some words, as a function reads it.
pub fn one_of<T, E, const N: usize>(
    words: [&'static str; N],
    read: fn(&str) -> Result<T, E>,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    PossibleValuesParser::new(words).try_map(move |word| read(&word))
}
