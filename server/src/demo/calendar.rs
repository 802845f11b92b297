//! When the demo's story happens: part before the present quarter, part within it, so that the
//! quarter's key results have a past to be measured against, whatever day it is.

use time::macros::time;
use time::{Date, Duration, Month, OffsetDateTime};

#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    now: OffsetDateTime,
    quarter: OffsetDateTime,
}

impl Calendar {
    pub(super) fn of(now: OffsetDateTime) -> Self {
        let month = match now.month() {
            Month::January | Month::February | Month::March => Month::January,
            Month::April | Month::May | Month::June => Month::April,
            Month::July | Month::August | Month::September => Month::July,
            Month::October | Month::November | Month::December => Month::October,
        };
        let first = Date::from_calendar_date(now.year(), month, 1).unwrap_or(now.date());
        Self { now, quarter: first.midnight().assume_utc() }
    }

    /// That many days before the quarter began, in the morning.
    pub(super) fn before_the_quarter(&self, days: i64) -> OffsetDateTime {
        (self.quarter - Duration::days(days)).replace_time(time!(09:00))
    }

    /// When this share, between 0 and 1, of what has passed of the quarter had passed.
    pub(super) fn in_the_quarter(&self, share: f64) -> OffsetDateTime {
        self.quarter + (self.now - self.quarter) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_story_stays_in_order_on_any_day_of_the_quarter() {
        for now in [
            datetime!(2026-10-01 00:05 UTC),
            datetime!(2026-11-23 12:00 UTC),
            datetime!(2026-12-31 23:59 UTC),
        ] {
            let calendar = Calendar::of(now);
            let moments = [
                calendar.before_the_quarter(220),
                calendar.before_the_quarter(1),
                calendar.in_the_quarter(0.0),
                calendar.in_the_quarter(0.5),
                calendar.in_the_quarter(1.0),
            ];
            assert!(moments.is_sorted(), "{now}: {moments:?}");
            assert_eq!(calendar.in_the_quarter(0.0), datetime!(2026-10-01 00:00 UTC));
            assert_eq!(calendar.in_the_quarter(1.0), now);
        }
    }
}
