//! Whole journeys in a real browser, and what must hold on every page of the demo.

#![expect(clippy::unwrap_used, reason = "all of it is tests")]

mod desk;
mod journey;
mod pages;
mod preview;
mod refusals;
