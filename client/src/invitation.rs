//! The link with which someone without the app joins a room: the guest page of the call's server.

use std::net::IpAddr;

use maru_protocol::RoomName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_tungstenite::tungstenite::http::Uri;

/// All but the unreserved characters (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A link to the guest page of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// An `https` or `http` URL.
    pub link: String,
    /// Whether browsers let the page use camera and microphone: over HTTPS, and on this machine.
    pub with_camera: bool,
}

impl Invitation {
    /// To `room` on `server`, a WebSocket URL. If its host is a loopback address, the link has the first other address
    /// of `addresses` (those of this machine) instead. `None`: `server` is not a WebSocket URL.
    pub fn new(server: &str, room: &RoomName, addresses: &[IpAddr]) -> Option<Self> {
        let uri: Uri = server.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "wss" => true,
            "ws" => false,
            _ => return None,
        };
        let is_loopback = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let mut host = uri.host()?.to_owned();
        if is_loopback(&host)
            && let Some(address) = addresses.iter().find(|address| !address.is_loopback())
        {
            host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        }
        let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = if is_encrypted { "https" } else { "http" };
        let path = uri.path().trim_end_matches('/');
        let room = utf8_percent_encode(room.as_str(), ESCAPED);
        Some(Self {
            link: format!("{scheme}://{host}{port}{path}/r/{room}"),
            with_camera: is_encrypted || host == "localhost" || is_loopback(&host),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(server: &str, room: &str, addresses: &[&str]) -> (String, bool) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let invitation = Invitation::new(server, &room.parse().expect("a room"), &addresses).expect("an invitation");
        (invitation.link, invitation.with_camera)
    }

    #[test]
    fn the_link_leads_to_the_page_beside_the_websocket() {
        let https = |link: &str| (link.to_owned(), true);
        assert_eq!(link("wss://call.example.org", "family", &[]), https("https://call.example.org/r/family"));
        assert_eq!(
            link("wss://example.org:8443/maru/", "a b/c", &[]),
            https("https://example.org:8443/maru/r/a%20b%2Fc")
        );
        assert_eq!(link("wss://example.org/", "가족", &[]), https("https://example.org/r/%EA%B0%80%EC%A1%B1"));
    }

    #[test]
    fn a_link_without_https_allows_the_camera_only_on_this_machine() {
        assert_eq!(link("ws://10.0.0.7:4460", "x", &["10.0.0.9"]), ("http://10.0.0.7:4460/r/x".to_owned(), false));
        assert_eq!(link("ws://127.0.0.1:4460", "x", &["127.0.0.1"]), ("http://127.0.0.1:4460/r/x".to_owned(), true));
        assert_eq!(link("ws://localhost:4460", "x", &["10.0.0.9"]), ("http://localhost:4460/r/x".to_owned(), true));
    }

    #[test]
    fn the_link_to_a_loopback_server_has_an_address_that_others_can_reach() {
        assert_eq!(link("ws://127.0.0.1:4460", "x", &["10.0.0.9"]), ("http://10.0.0.9:4460/r/x".to_owned(), false));
        assert_eq!(
            link("ws://127.0.0.1:4460", "x", &["2001:db8::5"]),
            ("http://[2001:db8::5]:4460/r/x".to_owned(), false)
        );
    }

    #[test]
    fn there_is_no_link_to_an_invalid_url() {
        assert_eq!(Invitation::new("nonsense", &"x".parse().expect("a room"), &[]), None);
    }
}
