//! How many requests a token may make: so many a minute, over all servers.
//!
//! The count stands in the database, but few requests write there: a server takes a share of the
//! minute's requests at once and hands it out. What it took and did not hand out is lost with the
//! minute, so with several servers a token may be told to wait somewhat early, and never late.

use crate::clock::micros;
use crate::error::Result;
use crate::state::App;
use app::domain::TokenId;
use axum::http::{HeaderMap, HeaderValue};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a token may have, as the IETF's draft of rate-limit headers says it.
pub const POLICY: &str = "RateLimit-Policy";
/// What it has left.
pub const LEFT: &str = "RateLimit";

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Into how many shares a minute's requests are cut, of which a server takes one at a time.
const SHARES: i64 = 20;

/// Where a token stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a minute.
    pub limit: u64,
    /// Requests that are left; `None`: this one was too many.
    pub left: Option<u64>,
    /// Seconds until there are all of them again.
    pub resets_in: u64,
}

impl Allowance {
    pub fn write(self, headers: &mut HeaderMap) {
        let Self { limit, left, resets_in } = self;
        let left = left.unwrap_or_default();
        for (name, value) in [
            (POLICY, format!("\"token\";q={limit};w=60")),
            (LEFT, format!("\"token\";r={left};t={resets_in}")),
        ] {
            if let (Ok(name), Ok(value)) =
                (name.parse::<axum::http::HeaderName>(), HeaderValue::from_str(&value))
            {
                headers.insert(name, value);
            }
        }
    }
}

/// What this server has taken for each token.
#[derive(Debug, Default)]
pub struct Shares(Mutex<HashMap<TokenId, Share>>);

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    minute: i64,
    /// What this server can still hand out.
    here: i64,
    /// What all servers have taken, as far as this one knows.
    taken: i64,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
enum Handed {
    Out {
        left: i64,
    },
    /// Another share must be taken first.
    NoneHere,
    /// There is no more in this minute.
    NoneLeft,
}

impl Shares {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, Share>> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is forgotten is counted as handed out.
        if shares.len() > 10_000 {
            shares.clear();
        }
        shares
    }

    fn hand_out(&self, token: TokenId, minute: i64, limit: i64) -> Handed {
        let mut shares = self.lock();
        match shares.get_mut(&token).filter(|share| share.minute == minute) {
            Some(share) if share.here > 0 => {
                share.here -= 1;
                Handed::Out { left: (limit - share.taken).max(0) + share.here }
            }
            Some(share) if share.taken >= limit => Handed::NoneLeft,
            _ => Handed::NoneHere,
        }
    }

    /// Notes that a share was taken, which made it so many in all.
    fn add(&self, token: TokenId, minute: i64, (some, taken): (i64, i64), limit: i64) {
        let mut shares = self.lock();
        let share = shares.entry(token).or_default();
        if share.minute != minute {
            *share = Share { minute, ..Share::default() };
        }
        // The last share may be cut short.
        share.here += (some - (taken - limit).max(0)).max(0);
        share.taken = share.taken.max(taken.min(limit));
    }
}

impl App {
    /// Counts a request of a token; `None` where nothing is limited.
    pub async fn count_request(&self, token: TokenId) -> Result<Option<Allowance>> {
        let limit = self.config.rate_limit;
        if limit == 0 {
            return Ok(None);
        }
        let now = micros(self.clock.now());
        let minute = now.div_euclid(MINUTE);
        let until = (minute + 1) * MINUTE - now;
        let allowance = |left: Option<i64>| Allowance {
            limit: u64::from(limit),
            left: left.map(|left| u64::try_from(left).unwrap_or_default()),
            resets_in: u64::try_from((until + SECOND - 1) / SECOND).unwrap_or(1),
        };
        let limit = i64::from(limit);
        loop {
            match self.shares.hand_out(token, minute, limit) {
                Handed::Out { left } => return Ok(Some(allowance(Some(left)))),
                Handed::NoneLeft => return Ok(Some(allowance(None))),
                Handed::NoneHere => {}
            }
            // Ends: each round takes more, and all that is to be had is soon taken.
            let some = (limit / SHARES).max(1);
            let taken = self.store.take_requests(token, minute, some).await?;
            self.shares.add(token, minute, (some, taken), limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_hand_out_no_more_than_the_limit() {
        let token = TokenId(uuid::Uuid::from_u128(1));
        let (one, other) = (Shares::default(), Shares::default());
        let (limit, some) = (10, 3);
        let (mut database, mut handed_out) = (0, 0);
        for round in 0..40 {
            let server = if round % 3 == 0 { &other } else { &one };
            loop {
                match server.hand_out(token, 7, limit) {
                    Handed::Out { .. } => break handed_out += 1,
                    Handed::NoneLeft => break,
                    Handed::NoneHere => {
                        database += some;
                        server.add(token, 7, (some, database), limit);
                    }
                }
            }
        }
        assert_eq!(handed_out, 10);
        assert_eq!(one.hand_out(token, 8, limit), Handed::NoneHere, "another minute begins anew");
    }
}
