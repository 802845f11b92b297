//! Where a request comes from.

use crate::auth::login::Visit;
use crate::error::Error;
use crate::state::App;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const AGENT_LENGTH: usize = 200;

impl FromRequestParts<App> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
            .unwrap_or_default();
        Ok(Self {
            address: client(peer, &parts.headers, &app.config.trusted_proxies),
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_LENGTH).collect(),
        })
    }
}

/// The address of whoever asks: the peer, or, when that is a trusted proxy, the last address of
/// `X-Forwarded-For` that no trusted proxy has. What stands further left, anybody can write.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for hop in forwarded.into_iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        client = hop.to_canonical();
        if !trusted.contains(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &["192.0.2.1"]), "203.0.113.9");
    }

    #[test]
    fn behind_a_trusted_proxy_the_last_address_it_did_not_add_itself_counts() {
        assert_eq!(seen("192.0.2.1", &["10.9.9.9, 203.0.113.9"], &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(
            seen("192.0.2.1", &["10.9.9.9", "203.0.113.9, 192.0.2.2"], &["192.0.2.1", "192.0.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(seen("::ffff:192.0.2.1", &["203.0.113.9"], &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(seen("192.0.2.1", &["rubbish"], &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &[], &["192.0.2.1"]), "192.0.2.1");
    }
}
