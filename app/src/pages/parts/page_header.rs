//! What a page is made of: its header, the sentence that sums it up, panels and empty states.

use leptos::prelude::*;

/// The page's `h1`, with actions at the right.
#[component]
pub fn PageHeader(
    #[prop(into)] title: String,
    /// What qualifies the title, in a few words.
    #[prop(into, optional)]
    subtitle: String,
    /// Links and buttons; a form belongs into a panel.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let actions = children.map(|children| view! { <div class="actions">{children()}</div> });
    let subtitle = (!subtitle.is_empty()).then(|| view! { <p class="subtitle">{subtitle}</p> });
    view! {
        <header class="page">
            <h1>{title}</h1>
            {subtitle}
            {actions}
        </header>
    }
    .into_any()
}

/// The sentence before everything else: what this page says today.
#[component]
pub fn Lede(children: Children) -> impl IntoView {
    view! { <p class="lede">{children()}</p> }.into_any()
}

/// A titled part of a page.
#[component]
pub fn Panel(
    #[prop(into)] title: String,
    /// What one needs to know to read it, at the right of the title.
    #[prop(into, optional)]
    note: String,
    /// Makes it a target of links.
    #[prop(into, optional)]
    id: Option<String>,
    children: Children,
) -> impl IntoView {
    let note = (!note.is_empty()).then(|| view! { <p class="note">{note}</p> });
    view! {
        <section class="panel" id=id>
            <header>
                <h2>{title}</h2>
                {note}
            </header>
            {children()}
        </section>
    }
    .into_any()
}

/// Where a list would stand if there were anything: what to do next, with the command to copy.
#[component]
pub fn EmptyState(
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    /// The command line that does it.
    #[prop(optional, into)]
    command: Option<String>,
    /// The link or button that does it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let command = command.map(|command| {
        view! { <pre class="command" tabindex="0" aria-label="Command to copy"><code>{command}</code></pre> }
    });
    view! {
        <section class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {command}
            {children.map(|children| children())}
        </section>
    }
    .into_any()
}
