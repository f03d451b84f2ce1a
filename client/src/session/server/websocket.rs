//! A signal server over a WebSocket (RFC 6455).

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use maru_core::call::EndReason;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::uri::InvalidUri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::dial::dial;
use super::{Received, ServerSocket};

/// Larger than any frame that a server of ours sends.
const MAX_FRAME_BYTES: usize = 256 * 1024;
/// The library's own 128 KiB would be allocated for each connection.
const READ_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct WebSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl WebSocket {
    /// # Errors
    /// [`EndReason::NoServer`], [`EndReason::BadUrl`], [`EndReason::BadCertificate`] or [`EndReason::NotAServer`].
    pub(super) async fn connect(url: &str) -> Result<Self, EndReason> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let bad_url = |reason: String| EndReason::BadUrl { url: url.to_owned(), reason };
        let uri: Uri = url.parse().map_err(|error: InvalidUri| bad_url(error.to_string()))?;
        let host = uri.host().ok_or_else(|| bad_url("it names no host".into()))?;
        // An IPv6 address is in brackets (RFC 3986, 3.2.2).
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
        let failed = |error: Error| connect_failure(url, &error);
        let stream = dial(host, port).await.map_err(|error| failed(error.into()))?;
        let connected = tokio_tungstenite::client_async_tls_with_config(url, stream, Some(config), None).await;
        connected.map(|(socket, _)| Self(socket)).map_err(failed)
    }
}

#[async_trait]
impl ServerSocket for WebSocket {
    async fn send(&mut self, text: String) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    async fn receive(&mut self) -> Received {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Received::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(_))) | None => Received::Closed { reason: "it closed the connection".into() },
            Some(Ok(_)) => Received::Alive,
            Some(Err(error)) => Received::Closed { reason: error.to_string() },
        }
    }

    async fn close(&mut self) {
        // An error means that it is closed already.
        let _ = self.0.close(None).await;
    }
}

fn connect_failure(url: &str, error: &Error) -> EndReason {
    let url = url.to_owned();
    if let Some(reason) = certificate_problem(error) {
        return EndReason::BadCertificate { url, reason };
    }
    match error {
        Error::Io(error) => EndReason::NoServer { url, reason: error.to_string() },
        Error::Url(error) => EndReason::BadUrl { url, reason: error.to_string() },
        Error::Http(response) => EndReason::NotAServer { url, reason: format!("it answered {}", response.status()) },
        error => EndReason::NotAServer { url, reason: error.to_string() },
    }
}

/// What is wrong with the server's certificate, if that is why TLS failed.
fn certificate_problem(error: &Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // An `io::Error` is transparent: its source is that of the error within.
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let within = within.map(|within| within as &(dyn std::error::Error + 'static));
        if let Some(rustls::Error::InvalidCertificate(problem)) = within.unwrap_or(error).downcast_ref() {
            return Some(problem.to_string());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_no_silent_server() {
        let untrusted = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = Error::Io(io::Error::new(io::ErrorKind::InvalidData, untrusted));
        let reason = connect_failure("wss://example.org", &error);
        assert!(
            matches!(&reason, EndReason::BadCertificate { reason, .. } if reason.contains("UnknownIssuer")),
            "{reason:?}"
        );
    }

    #[test]
    fn other_errors_say_nothing_about_the_certificate() {
        let alert = rustls::Error::General("no".into());
        let others = [io::Error::from(io::ErrorKind::ConnectionRefused), io::Error::other(alert)];
        for error in others {
            let reason = connect_failure("wss://example.org", &Error::Io(error));
            assert!(matches!(reason, EndReason::NoServer { .. }), "{reason:?}");
        }
    }
}
