//! Charts: from data to SVG that carries classes in place of colours, so that it follows the theme.
//!
//! plotters draws; `ink` names what is drawn and turns plotters' colours into classes. Nothing
//! here loads or decides anything.

pub mod bound;
pub mod gap;
mod ink;
mod layout;
mod scale;
pub mod trend;

pub use gap::{GapChart, GapMark};
pub use trend::{Mark, Series, TrendChart};

use crate::islands::chart_reader::Reading;

/// A drawn chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The SVG element, for a page that has the stylesheet.
    pub svg: String,
    /// Width and height of its view box.
    pub size: (u16, u16),
    /// Where each point is and what it says, for reading by pointer and keyboard.
    pub readings: Vec<Reading>,
}

impl Chart {
    /// The same as a file of its own, with the light theme's colours inside.
    pub fn standalone(&self) -> String {
        ink::standalone(&self.svg)
    }
}

/// Where a series changes its meaning: what comes before does not compare with what comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Index of the first point after it.
    pub before: usize,
    /// What changed.
    pub reason: String,
}
