//! STUN and TURN servers on the command line.

use maru_protocol::signal::IceServer;
use percent_encoding::percent_decode_str;

/// Why a text is not the URL of a STUN or TURN server. Each message says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IceUrlError {
    #[error("it must start with stun:, stuns:, turn: or turns:")]
    Scheme,
    #[error("a TURN server needs a user and a credential: turn:USER:CREDENTIAL@HOST:PORT")]
    NoCredential,
    #[error("a STUN server takes no user and no credential: stun:HOST:PORT")]
    Credential,
    #[error("the host is missing, or has a character that no host has; an IPv6 address goes in brackets")]
    Host,
    #[error("the port must be a number from 1 to 65535")]
    Port,
    #[error("after the question mark only transport=udp or transport=tcp is allowed, and only for TURN")]
    Query,
    #[error("a percent sign in user or credential must be followed by two hex digits")]
    Percent,
}

/// Reads `stun:HOST[:PORT]` (RFC 7064) or `turn:USER:CREDENTIAL@HOST[:PORT][?transport=udp|tcp]` (RFC 7065, plus user
/// and credential), and the same with `stuns` and `turns` (over TLS).
///
/// User and credential are percent-encoded (RFC 3986, 2.1): write `%25` for a percent sign and `%40` for an at sign. The
/// user may contain colons, as in `expiry:name`; in the credential write `%3A`.
///
/// # Errors
/// The text has another form.
pub fn parse_ice_url(text: &str) -> Result<IceServer, IceUrlError> {
    let (scheme, rest) = text.split_once(':').ok_or(IceUrlError::Scheme)?;
    let is_turn = match scheme {
        "stun" | "stuns" => false,
        "turn" | "turns" => true,
        _ => return Err(IceUrlError::Scheme),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    if query.is_some_and(|query| !is_turn || !matches!(query, "transport=udp" | "transport=tcp")) {
        return Err(IceUrlError::Query);
    }
    let (user_info, address) = match rest.rsplit_once('@') {
        Some((user_info, address)) => (Some(user_info), address),
        None => (None, rest),
    };
    check_address(address)?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let urls = vec![format!("{scheme}:{address}{query}")];
    match (is_turn, user_info) {
        (false, None) => Ok(IceServer { urls, username: None, credential: None }),
        (false, Some(_)) => Err(IceUrlError::Credential),
        (true, None) => Err(IceUrlError::NoCredential),
        (true, Some(user_info)) => {
            let (user, credential) = user_info.rsplit_once(':').ok_or(IceUrlError::NoCredential)?;
            if user.is_empty() || credential.is_empty() {
                return Err(IceUrlError::NoCredential);
            }
            Ok(IceServer { urls, username: Some(unescape(user)?), credential: Some(unescape(credential)?) })
        }
    }
}

fn check_address(address: &str) -> Result<(), IceUrlError> {
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(IceUrlError::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| IceUrlError::Host)?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(IceUrlError::Host),
        }
    } else {
        let (host, port) = match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        };
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !host.chars().all(allowed) {
            return Err(IceUrlError::Host);
        }
        (host, port)
    };
    if host.is_empty() {
        return Err(IceUrlError::Host);
    }
    match port {
        None => Ok(()),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(())
        }
        Some(_) => Err(IceUrlError::Port),
    }
}

fn unescape(text: &str) -> Result<String, IceUrlError> {
    // The crate leaves an incomplete escape as it is.
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return Err(IceUrlError::Percent);
    }
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| IceUrlError::Percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(url: &str, user: &str, credential: &str) -> IceServer {
        IceServer { urls: vec![url.into()], username: Some(user.into()), credential: Some(credential.into()) }
    }

    #[test]
    fn stun_servers_have_a_host_and_perhaps_a_port() {
        for url in ["stun:stun.example.org", "stuns:stun.example.org:5349", "stun:[2001:db8::1]:3478", "stun:10.0.0.1"]
        {
            let expected = IceServer { urls: vec![url.into()], username: None, credential: None };
            assert_eq!(parse_ice_url(url), Ok(expected));
        }
    }

    #[test]
    fn turn_servers_have_a_user_and_a_credential() {
        assert_eq!(
            parse_ice_url("turn:maru:secret@turn.example.org:3478?transport=udp"),
            Ok(turn("turn:turn.example.org:3478?transport=udp", "maru", "secret"))
        );
        assert_eq!(
            parse_ice_url("turns:1767225600:maru:a+/b=@[::1]"),
            Ok(turn("turns:[::1]", "1767225600:maru", "a+/b="))
        );
        assert_eq!(parse_ice_url("turn:a%40b:c%3Ad%25@h"), Ok(turn("turn:h", "a@b", "c:d%")));
    }

    #[test]
    fn each_mistake_has_an_error() {
        for (url, error) in [
            ("", IceUrlError::Scheme),
            ("stun.example.org:3478", IceUrlError::Scheme),
            ("http://example.org", IceUrlError::Scheme),
            ("stun:", IceUrlError::Host),
            ("stun://example.org", IceUrlError::Host),
            ("stun:exa mple", IceUrlError::Host),
            ("stun:[::1", IceUrlError::Host),
            ("stun:[nonsense]:1", IceUrlError::Host),
            ("stun:host:0", IceUrlError::Port),
            ("stun:host:65536", IceUrlError::Port),
            ("stun:host:+1", IceUrlError::Port),
            ("stun:host:", IceUrlError::Port),
            ("stun:a:b@host", IceUrlError::Credential),
            ("stun:host?transport=udp", IceUrlError::Query),
            ("turn:host", IceUrlError::NoCredential),
            ("turn:user@host", IceUrlError::NoCredential),
            ("turn::secret@host", IceUrlError::NoCredential),
            ("turn:user:@host", IceUrlError::NoCredential),
            ("turn:user:secret@host?transport=sctp", IceUrlError::Query),
            ("turn:user:50%@host", IceUrlError::Percent),
            ("turn:user:%4@host", IceUrlError::Percent),
            ("turn:user:%%41@host", IceUrlError::Percent),
            ("turn:user:%ff@host", IceUrlError::Percent),
        ] {
            assert_eq!(parse_ice_url(url), Err(error), "{url}");
        }
    }
}
