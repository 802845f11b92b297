//! The metrics core: from rows to rates per slice, with honest uncertainty.
//!
//! Pure by design: no database, no web, no clock, no randomness. Files are read by
//! `evaluate` (feature `read`) alone; everything else is arithmetic on counts.
//!
//! The vocabulary: a [`Slice`] is a conjunction of attribute=group pairs, a metric is a row of the
//! [`catalogue`], an [`Estimate`] is a metric on a slice with its n and interval, and a
//! [`RunDocument`] holds all estimates of one model version on one dataset from one instrument.

#![warn(missing_docs)]

pub mod auc;
pub mod bootstrap;
pub mod catalogue;
#[cfg(feature = "read")]
pub mod counted;
pub mod counts;
pub mod disparity;
pub mod estimate;
#[cfg(feature = "read")]
pub mod evaluate;
pub mod exact;
mod hypergeometric;
pub mod interval;
pub mod monitor;
pub mod multiclass;
pub mod multiplicity;
pub mod paired;
pub mod power;
pub mod problem;
pub mod random;
pub mod ranking;
pub mod rates;
pub mod ratio;
#[cfg(feature = "read")]
mod read;
pub mod requested;
pub mod run;
pub mod scores;
pub mod significance;
pub mod slice;
pub mod spec;
#[cfg(feature = "read")]
pub mod sql;
pub mod trend;

pub use disparity::Disparity;
pub use estimate::{Estimate, Interval, State};
pub use problem::{Place, Problem};
pub use run::{DatasetRef, Instrument, RunDocument};
pub use slice::Slice;
pub use spec::Spec;
