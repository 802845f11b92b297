//! What a list needs: filters, sortable headers, a region that scrolls, and "showing x of y".

use super::link::Link;
use super::number;
use leptos::prelude::*;

/// Filters as a form that only asks: the choices end in the URL.
#[component]
pub fn FilterBar(
    /// The list's own path.
    #[prop(into)]
    action: String,
    /// Parameters to keep that have no field here, such as the sort order.
    #[prop(optional)]
    hidden: Vec<(String, String)>,
    /// Whether any filter is set, so that there is something to clear.
    #[prop(optional)]
    active: bool,
    /// The word on the button.
    #[prop(into, default = "Filter".to_owned())]
    label: String,
    children: Children,
) -> impl IntoView {
    let hidden = hidden
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let clear = active.then(|| view! { <a class="button" href=action.clone()>"Clear"</a> });
    view! {
        <form class="pick" method="get" action=action.clone() role="search">
            {hidden}
            {children()}
            <button>{label}</button>
            {clear}
        </form>
    }
    .into_any()
}

/// How a column is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorted {
    #[default]
    No,
    Ascending,
    Descending,
}

impl Sorted {
    fn aria(self) -> &'static str {
        match self {
            Self::No => "none",
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

/// A column header that sorts by its column.
#[component]
pub fn SortHeader(
    #[prop(into)] label: String,
    /// Where the list stands sorted by this column, or the other way round if it is already.
    #[prop(into)]
    href: String,
    #[prop(optional)] sorted: Sorted,
    /// Numbers stand right.
    #[prop(optional)]
    numeric: bool,
    /// What stands beside the label, such as a link to a definition.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let class = if numeric { "num" } else { "" };
    view! {
        <th scope="col" class=class aria-sort=sorted.aria()>
            <a class="sort" href=href>
                {label}
            </a>
            {children.map(|children| children())}
        </th>
    }
    .into_any()
}

/// What a wide table scrolls in, so that the page does not; reachable by keyboard.
#[component]
pub fn Scroll(
    /// What is inside, for a screen reader.
    #[prop(into)]
    label: String,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=label>
            {children()}
        </div>
    }
    .into_any()
}

/// "Showing 51–100 of 312", with links to the pages before and after.
#[component]
pub fn Pages(
    /// Number of the first row that is shown, from 1.
    first: u64,
    /// Number of the last row that is shown; below `first` when there is none.
    last: u64,
    /// Rows in the whole list.
    total: u64,
    #[prop(optional_no_strip)] previous: Option<Link>,
    #[prop(optional_no_strip)] next: Option<Link>,
) -> impl IntoView {
    let showing = if last < first {
        format!("showing 0 of {}", number::count(total))
    } else {
        format!(
            "showing {}–{} of {}",
            number::count(first),
            number::count(last),
            number::count(total)
        )
    };
    let step = |link: Option<Link>, label: &'static str, rel: &'static str| {
        link.map(|link| view! { <a class="button" rel=rel href=link.to_string()>{label}</a> })
    };
    view! {
        <nav class="pages" aria-label="Pages">
            <span>{showing}</span>
            <span class="links">
                {step(previous, "Previous", "prev")} {step(next, "Next", "next")}
            </span>
        </nav>
    }
    .into_any()
}
