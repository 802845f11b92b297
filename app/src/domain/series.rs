//! Series: one metric on one slice, by which the estimates of two runs are paired.

use metrics::{Estimate, Slice};
use std::collections::HashMap;

/// Things of which each is about one series, by that series; of two about one, the first.
pub struct BySeries<'a, T>(HashMap<(&'a str, &'a Slice), &'a T>);

impl<'a, T> BySeries<'a, T> {
    /// Indexes things by what `about` says of them.
    pub fn of(
        things: impl IntoIterator<Item = &'a T>,
        about: impl Fn(&'a T) -> (&'a str, &'a Slice),
    ) -> Self {
        let mut by_series = HashMap::new();
        for thing in things {
            by_series.entry(about(thing)).or_insert(thing);
        }
        Self(by_series)
    }

    pub fn get(&self, metric: &str, slice: &Slice) -> Option<&'a T> {
        self.0.get(&(metric, slice)).copied()
    }
}

impl<'a> BySeries<'a, Estimate> {
    pub fn of_estimates(estimates: &'a [Estimate]) -> Self {
        Self::of(estimates, |estimate| (&estimate.metric, &estimate.slice))
    }
}
