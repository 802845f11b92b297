//! The metrics core: from rows to rates per slice, with honest uncertainty.
//!
//! Pure by design: no database, no web, no clock, no randomness. What a file looks like stands in
//! [`read`]; everything else is arithmetic on counts.
//!
//! The vocabulary: a [`Slice`] is a conjunction of attribute=group pairs, a metric is a row of the
//! [`catalogue`], an [`Estimate`] is a metric on a slice with its n and interval, and a
//! [`RunDocument`] holds all estimates of one model version on one dataset from one instrument.

#![warn(missing_docs)]

pub mod catalogue;
pub mod estimate;
pub mod problem;
pub mod run;
pub mod slice;

pub use estimate::{Estimate, Interval, State};
pub use problem::{Place, Problem};
pub use run::{DatasetRef, Instrument, RunDocument};
pub use slice::Slice;
