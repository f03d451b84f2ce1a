//! STUN and TURN servers. Their names are resolved here: the stack would block its driver.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use maru_protocol::signal::IceServer;
use webrtc::peer_connection::RTCIceServer;
use webrtc::runtime::Runtime;

/// A call does not wait longer for a name server: on the local network it works without STUN.
const LOOKUP_LIMIT: Duration = Duration::from_secs(1);
/// A signal server may name so many; each costs a request on each of our sockets.
const MAX_URLS: usize = 16;

/// `servers` with addresses instead of names. A server that cannot be used is skipped with a warning.
pub(super) async fn resolve(runtime: &Arc<dyn Runtime>, servers: &[IceServer]) -> Vec<RTCIceServer> {
    let urls = servers.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url))).take(MAX_URLS);
    let resolved = join_all(urls.map(|(server, url)| async move {
        let Some(url) = parse(url) else {
            tracing::warn!(%url, "this STUN or TURN server is not used: only stun: and turn: over UDP are");
            return None;
        };
        let Some(address) = look_up(runtime, &url).await else {
            tracing::warn!(host = %url.host, "no address is found for this STUN or TURN server");
            return None;
        };
        Some(RTCIceServer {
            urls: vec![format!("{}:{address}", url.scheme)],
            username: server.username.clone().unwrap_or_default(),
            credential: server.credential.clone().unwrap_or_default(),
        })
    }))
    .await;
    resolved.into_iter().flatten().collect()
}

/// A STUN or TURN URL (RFC 7064, RFC 7065) over UDP.
#[derive(Debug, PartialEq, Eq)]
struct ServerUrl {
    scheme: &'static str,
    host: String,
    port: u16,
}

fn parse(url: &str) -> Option<ServerUrl> {
    let (scheme, rest) = url.split_once(':')?;
    let scheme = ["stun", "turn"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, "transport=udp"));
    if !query.eq_ignore_ascii_case("transport=udp") {
        return None;
    }
    let (host, port) = match address.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((v6, "")) => (v6, None),
        Some((v6, port)) => (v6, Some(port.strip_prefix(':')?)),
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(3478), |port| port.parse().ok())?;
    let plausible = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    (!host.is_empty() && host.len() <= 253 && host.chars().all(plausible)).then(|| ServerUrl {
        scheme,
        host: host.to_owned(),
        port,
    })
}

async fn look_up(runtime: &Arc<dyn Runtime>, url: &ServerUrl) -> Option<SocketAddr> {
    if let Ok(ip) = url.host.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, url.port));
    }
    let name = format!("{}:{}", url.host, url.port);
    let addresses = tokio::select! {
        addresses = runtime.resolve_host(&name) => addresses.ok()?,
        () = runtime.sleep(LOOKUP_LIMIT) => return None,
    };
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(scheme: &'static str, host: &str, port: u16) -> Option<ServerUrl> {
        Some(ServerUrl { scheme, host: host.into(), port })
    }

    #[test]
    fn urls_of_stun_and_turn_over_udp_are_parsed() {
        assert_eq!(parse("stun:stun.example.org"), url("stun", "stun.example.org", 3478));
        assert_eq!(parse("STUN:192.0.2.1:5000"), url("stun", "192.0.2.1", 5000));
        assert_eq!(parse("turn:[2001:db8::1]:3479?transport=udp"), url("turn", "2001:db8::1", 3479));
        assert_eq!(parse("turn:[2001:db8::1]"), url("turn", "2001:db8::1", 3478));
    }

    #[test]
    fn other_urls_are_rejected() {
        for bad in [
            "",
            "stun",
            "stun:",
            "http://example.org",
            "stuns:example.org",
            "turns:example.org",
            "turn:example.org?transport=tcp",
            "turn:example.org:70000",
            "turn:exa mple.org",
            "turn:[2001:db8::1]x",
            "stun://example.org",
        ] {
            let parsed = parse(bad);
            assert!(parsed.is_none(), "{bad}: {parsed:?}");
        }
    }
}
