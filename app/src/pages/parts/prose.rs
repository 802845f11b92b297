//! Free text as somebody wrote it, its paragraphs kept.

use leptos::prelude::*;

/// Paragraphs of text, or what to say where there are none.
#[component]
pub fn Prose(#[prop(into)] text: String, #[prop(into)] none: String) -> impl IntoView {
    if text.trim().is_empty() {
        return view! { <span class="faint">{none}</span> }.into_any();
    }
    view! { <div class="prose">{text}</div> }.into_any()
}
