//! API tokens: `eh_`, 30 random base-62 characters, `_`, and a checksum of what stands before it,
//! so that a mistyped token is refused without asking the database and a leaked one can be found.

use super::Actor;
use super::actor::Through;
use crate::audit::sha256_hex;
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::tokens::Token;
use app::domain::TokenId;

const PREFIX: &str = "eh_";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How often a token's last use is written, in microseconds.
const USED_EVERY: i64 = 60_000_000;

/// A new token. It is shown once; [`hash`] is what is stored.
pub fn generate() -> String {
    let mut token = PREFIX.to_owned();
    while token.len() < PREFIX.len() + RANDOM {
        for byte in crate::clock::random::<64>() {
            // 248 is the greatest multiple of 62 below 256: no character is likelier than another.
            if byte < 248 && token.len() < PREFIX.len() + RANDOM {
                token.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    let checksum = checksum(&token);
    token.push('_');
    token.push_str(&checksum);
    token
}

/// Whether a text has the form and the checksum of a token.
pub fn is_well_formed(token: &str) -> bool {
    token.len() == PREFIX.len() + RANDOM + 1 + CHECKSUM
        && token.is_ascii()
        && token.starts_with(PREFIX)
        && token
            .rsplit_once('_')
            .is_some_and(|(body, sum)| sum.len() == CHECKSUM && sum == checksum(body))
}

/// What is stored of a token.
pub fn hash(token: &str) -> String {
    sha256_hex(token)
}

/// Its last four characters, by which its owner knows it again.
pub fn hint(token: &str) -> &str {
    &token[token.len() - 4..]
}

/// The actor that a token stands for.
///
/// # Errors
/// [`Error::BadToken`] when it is not one of ours, has expired or was revoked, or when its
/// person is disabled.
pub async fn actor(app: &App, token: &str) -> Result<Actor> {
    if !is_well_formed(token) {
        return Err(Error::BadToken);
    }
    let token = app.store.token_by_hash(&hash(token)).await?;
    stands_for(app, token, micros(app.clock.now())).await
}

/// The same of a token that was looked at before, at a moment when it was used: it may have expired
/// since, but may not have been revoked.
///
/// # Errors
/// As [`actor`].
pub async fn actor_by_id(app: &App, id: TokenId, used_at: i64) -> Result<Actor> {
    stands_for(app, app.store.token(id).await?, used_at).await
}

async fn stands_for(app: &App, token: Option<Token>, now: i64) -> Result<Actor> {
    let token = token
        .filter(|token| token.revoked_at.is_none() && token.expires_at > now)
        .ok_or(Error::BadToken)?;
    let through = Through::Token {
        id: token.id,
        scopes: token.scopes(),
        team: token.team(),
        shared: token.shared,
    };
    let actor = Actor::of(app, token.person_id, through).await?.ok_or(Error::BadToken)?;
    if token.used_at.is_none_or(|used| now - used >= USED_EVERY) {
        app.store.token_used(token.id, now).await?;
    }
    Ok(actor)
}

/// CRC-32 (ISO-HDLC) as six base-62 characters.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_new_token_is_well_formed_and_a_mistyped_one_is_not() {
        let token = generate();
        assert_eq!(token.len(), 40);
        assert!(is_well_formed(&token), "{token}");
        for at in 3..token.len() {
            let mut typed = token.clone().into_bytes();
            typed[at] = if typed[at] == b'x' { b'y' } else { b'x' };
            let typed = String::from_utf8(typed).unwrap();
            assert!(!is_well_formed(&typed), "{typed}");
        }
        for bad in ["", "eh_", "ghp_x", &token[1..], &format!("{token}0"), "éééééééééééééééééééé"]
        {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(generate(), generate());
    }
}
