//! The link with which someone without the app joins a room: the guest page of the call's server.

use std::net::IpAddr;

use maru_protocol::RoomName;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::server_url;

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

/// The first web link in `text`: people paste whole messages. Not what a parenthesis or a comma after it adds.
pub fn find_link(text: &str) -> Option<&str> {
    // Keeps the positions.
    let lower = text.to_ascii_lowercase();
    let start = ["https://", "http://"].iter().filter_map(|scheme| lower.find(scheme)).min()?;
    let link = text.get(start..)?.split_whitespace().next()?;
    Some(link.trim_end_matches([')', '>', ',', '"', '\'', '”']))
}

/// The room of an invitation link, and its server as a WebSocket URL. `None`: the link leads to no room.
pub fn read(link: &str) -> Option<(RoomName, String)> {
    // Some browsers show and copy a path as it is read.
    let uri: Uri = utf8_percent_encode(link, CONTROLS).to_string().parse().ok()?;
    let scheme = match uri.scheme_str()?.to_ascii_lowercase().as_str() {
        "https" => "wss",
        "http" => "ws",
        _ => return None,
    };
    let (base, room) = uri.path().trim_end_matches('/').rsplit_once("/r/")?;
    let room = percent_decode_str(room).decode_utf8().ok()?.parse().ok()?;
    let server = server_url::parse(&format!("{scheme}://{}{base}", uri.authority()?)).ok()?;
    Some((room, server))
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

    #[test]
    fn a_link_is_read_as_it_was_made() {
        for (server, room) in [
            ("wss://call.example.org", "family"),
            ("wss://example.org:8443/maru", "a b/c"),
            ("ws://10.0.0.7:4460", "가족 🎈"),
            ("ws://[2001:db8::5]:4460", "100 %"),
        ] {
            let (link, _) = link(server, room, &[]);
            let (read_room, read_server) = read(&link).expect("an invitation link");
            assert_eq!((read_room.as_str(), &*read_server), (room, server));
        }
    }

    #[test]
    fn links_are_found_in_what_people_paste() {
        let read = |text: &str| find_link(text).and_then(read).map(|(room, server)| (room.to_string(), server));
        let family = Some(("가족".to_owned(), "wss://example.org".to_owned()));
        for text in [
            "HTTPS://example.org/r/가족",
            "  https://example.org/r/%EA%B0%80%EC%A1%B1/?from=mail#top ",
            "화상 통화해요 (https://example.org/r/%ea%b0%80%ec%a1%b1), 3시",
        ] {
            assert_eq!(read(text), family, "{text}");
        }
        assert_eq!(find_link("standup"), None);
        for rubbish in [
            "https://",
            "https://example.org",
            "https://example.org/r/",
            "https://example.org/r/%FF",
            "http:///r/x",
            "https://example.org:99999/r/x",
            "https://me@example.org/r/x",
            "https://example.org/r/%00",
            "https://%/r/x",
        ] {
            let link = find_link(rubbish).expect("looks like a link");
            assert_eq!(super::read(link), None, "{rubbish}");
        }
    }
}
