//! The URL of a signal server, as a person types it.

use std::net::Ipv6Addr;

use tokio_tungstenite::tungstenite::http::Uri;

/// Checks a URL such as `wss://host/path` or `ws://host:port`, and gives it without spaces around it and with its scheme in
/// small letters.
///
/// # Errors
/// What is wrong with it, for a developer: the window says how an address looks.
pub fn parse(text: &str) -> Result<String, String> {
    let text = text.trim();
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if !["ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err("it does not begin with ws:// or wss://".into());
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Err("it names no host".into());
    };
    if authority.as_str().contains('@') {
        return Err("it has a user name, which no signal server takes".into());
    }
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if address.is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
        return Err("its IPv6 address is none".into());
    }
    // Without a valid port the standard one would be taken.
    let port = authority.as_str().get(host.len()..).unwrap_or_default();
    let is_port =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse().is_ok_and(|port: u16| port > 0);
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err("its port is not a number from 1 to 65535".into());
    }
    if text.contains('#') {
        return Err("it has a part behind #, which no server sees".into());
    }
    let rest = text.get(scheme.len()..).unwrap_or_default();
    Ok(format!("{}{rest}", scheme.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_websocket_urls_are_accepted() {
        for (typed, url) in [
            (" ws://10.0.0.1:9000 ", "ws://10.0.0.1:9000"),
            ("wss://call.example.org/signal", "wss://call.example.org/signal"),
            ("WSS://Example.org", "wss://Example.org"),
            ("Ws://[::1]:4460/x", "ws://[::1]:4460/x"),
            ("wss://[2001:db8::5]", "wss://[2001:db8::5]"),
        ] {
            assert_eq!(parse(typed).as_deref(), Ok(url));
        }
        for wrong in [
            "",
            "example.org",
            "http://example.org",
            "ws://",
            "ws:// x",
            "wss:/example.org",
            "ws://:4460",
            "wss://user:password@example.org",
            "wss://예시",
        ] {
            assert!(parse(wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn a_port_that_is_none_is_refused() {
        for wrong in [
            "ws://host:99999",
            "ws://host:",
            "ws://host:0",
            "ws://host:4460x",
            "ws://[::1]:70000",
            "ws://host:-1",
            "ws://host:+80",
            "ws://[::1]x:80",
            "ws://[gg]:80",
            "ws://host:80#f",
        ] {
            assert!(parse(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
