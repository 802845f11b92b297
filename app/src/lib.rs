//! What Evenhand is about and what it looks like: domain types and the rules that decide, uploads,
//! pages and charts. Nothing here knows SQL or HTTP.

pub mod domain;
pub mod form;
pub mod islands;
pub mod number;
pub mod upload;

#[cfg(feature = "pages")]
pub mod charts;
#[cfg(feature = "pages")]
pub mod pages;
#[cfg(feature = "reader")]
pub mod reader;

/// Brings the islands of the current page to life.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
