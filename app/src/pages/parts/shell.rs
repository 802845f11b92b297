//! The frame round every page: head, navigation, breadcrumb, notice and account.

use hydration_context::SsrSharedContext;
use leptos::prelude::*;
use std::sync::Arc;

/// What the frame shows round a page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The page's name, for the tab.
    pub title: String,
    /// The navigation entry that the page belongs to.
    pub section: Option<Section>,
    /// Who is signed in; without anyone the frame is the narrow one of the log-in page.
    pub viewer: Option<Viewer>,
    /// Where the page lies, outermost first; empty for a page of the first level.
    pub crumbs: Vec<Crumb>,
    /// What the last action did.
    pub notice: Option<Notice>,
    /// Whether the narrow frame has room to read.
    pub wide: bool,
    /// Whether the page has islands, and so needs their loader.
    pub islands: bool,
}

/// The person who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub name: String,
    pub email: String,
    pub may_administer: bool,
}

/// One step of the way to a page.
#[derive(Clone, Debug)]
pub struct Crumb {
    pub label: String,
    /// `None` for the page itself.
    pub href: Option<String>,
}

impl Crumb {
    /// A step that leads somewhere.
    pub fn to(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: Some(href.into()) }
    }

    /// The page itself.
    pub fn here(label: impl Into<String>) -> Self {
        Self { label: label.into(), href: None }
    }
}

macro_rules! sections {
    ($($name:ident $label:literal $href:literal)+) => {
        /// An entry of the main navigation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Section {
            $($name),+
        }

        impl Section {
            /// Every entry, in the order of the navigation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }

            fn href(self) -> &'static str {
                match self { $(Self::$name => $href),+ }
            }
        }
    };
}

sections! {
    Home "Home" "/"
    Overview "Overview" "/overview"
    Models "Models" "/models"
    Launches "Launches" "/launches"
    Findings "Findings" "/findings"
    Mitigations "Mitigations" "/mitigations"
    Okrs "OKRs" "/okrs"
    Policies "Policies" "/policies"
    Datasets "Datasets" "/datasets"
    Attributes "Attributes" "/attributes"
    Teams "Teams" "/teams"
    People "People" "/people"
    Audit "Audit log" "/audit"
}

impl Section {
    fn shown_to(self, viewer: &Viewer) -> bool {
        self != Self::People || viewer.may_administer
    }
}

/// What the last action did, in a sentence.
#[derive(Clone, Debug)]
pub struct Notice {
    pub kind: NoticeKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Good,
    Bad,
    Info,
}

impl NoticeKind {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "notice good",
            Self::Bad => "notice bad",
            Self::Info => "notice",
        }
    }

    /// Bad news interrupts a screen reader, the rest waits its turn.
    fn role(self) -> &'static str {
        if self == Self::Bad { "alert" } else { "status" }
    }
}

/// The complete HTML document of a page, whose body brings its own `h1`.
///
/// The body is a closure because components and islands need the owner that is made here:
/// `document(frame, || view! { <ModelPage model=model /> })`.
pub fn document<V: IntoView + 'static>(frame: Frame, body: impl FnOnce() -> V) -> String {
    let html = fragment(|| {
        // Erased, as all parts are: nested view types grow until the compiler gives up.
        let body = body().into_any();
        let title = if frame.title.is_empty() {
            "Evenhand".to_owned()
        } else {
            format!("{} · Evenhand", frame.title)
        };
        let islands = frame
            .islands
            .then(|| view! { <script type="module" src="/assets/islands.js"></script> });
        view! {
            <html lang="en">
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <title>{title}</title>
                    <link rel="icon" href="/assets/favicon.svg" type="image/svg+xml" />
                    <link rel="stylesheet" href="/assets/main.css" />
                    {islands}
                </head>
                {match frame.viewer.clone() {
                    Some(viewer) => wide(frame, viewer, body).into_any(),
                    None => narrow(frame, body).into_any(),
                }}
            </html>
        }
    });
    format!("<!DOCTYPE html>{html}")
}

/// The HTML of a part of a page.
pub fn fragment<V: IntoView + 'static>(body: impl FnOnce() -> V) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let html = owner.with(|| body().into_any().to_html());
    owner.unset_with_forced_cleanup();
    html
}

fn wide(frame: Frame, viewer: Viewer, body: AnyView) -> impl IntoView {
    let entries = Section::ALL
        .iter()
        .filter(|section| section.shown_to(&viewer))
        .map(|section| {
            let current = (frame.section == Some(*section)).then_some("page");
            view! {
                <li>
                    <a href=section.href() aria-current=current>
                        {section.label()}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <body class="app">
            <a class="skip" href="#main">
                "Skip to content"
            </a>
            <header class="side">
                <Brand />
                <nav aria-label="Main">
                    <ul>{entries}</ul>
                </nav>
                <div class="account">
                    <a href="/account" title="Your account">
                        <b>{viewer.name}</b>
                        <span>{viewer.email}</span>
                    </a>
                    <form method="post" action="/logout">
                        <button>"Log out"</button>
                    </form>
                </div>
            </header>
            <main id="main" tabindex="-1">
                {breadcrumb(frame.crumbs)}
                {frame.notice.map(notice)}
                {body}
            </main>
        </body>
    }
}

fn narrow(frame: Frame, body: AnyView) -> impl IntoView {
    let class = if frame.wide { "narrow wide" } else { "narrow" };
    view! {
        <body class=class>
            <header>
                <Brand />
            </header>
            <main id="main" tabindex="-1">
                {frame.notice.map(notice)}
                {body}
            </main>
        </body>
    }
}

#[component]
fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/">
            <svg viewBox="0 0 18 18" aria-hidden="true">
                <rect x="1" y="4" width="16" height="3.5" rx="1.75" fill="currentColor" />
                <rect x="1" y="10.5" width="16" height="3.5" rx="1.75" fill="currentColor" />
            </svg>
            "evenhand"
        </a>
    }
    .into_any()
}

fn breadcrumb(crumbs: Vec<Crumb>) -> impl IntoView {
    (!crumbs.is_empty()).then(|| {
        let steps = crumbs
            .into_iter()
            .map(|crumb| match crumb.href {
                Some(href) => view! { <li><a href=href>{crumb.label}</a></li> }.into_any(),
                None => view! { <li aria-current="page">{crumb.label}</li> }.into_any(),
            })
            .collect_view();
        view! {
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>{steps}</ol>
            </nav>
        }
    })
}

fn notice(notice: Notice) -> impl IntoView {
    view! {
        <p class=notice.kind.class() role=notice.kind.role()>
            {notice.text}
        </p>
    }
}
