//! A generated sentence: words with a few of them stressed, the same on a page and in a description.

use leptos::prelude::*;

/// Words, some of them stressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<(bool, String)>);

impl Sentence {
    /// Goes on with these words.
    #[must_use]
    pub fn say(mut self, words: impl Into<String>) -> Self {
        self.0.push((false, words.into()));
        self
    }

    /// Goes on with these words, stressed.
    #[must_use]
    pub fn stress(mut self, words: impl Into<String>) -> Self {
        self.0.push((true, words.into()));
        self
    }

    /// The words alone.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, words)| words.as_str()).collect()
    }

    /// The words as they stand on a page.
    pub fn view(self) -> AnyView {
        let words = self.0.into_iter().map(|(stressed, words)| {
            if stressed { view! { <b>{words}</b> }.into_any() } else { words.into_any() }
        });
        words.collect_view().into_any()
    }
}
