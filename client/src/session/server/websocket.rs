//! A signal server over a WebSocket (RFC 6455).

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use maru_core::call::EndReason;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{Received, ServerSocket};

/// Larger than any frame that a server of ours sends.
const MAX_FRAME_BYTES: usize = 256 * 1024;
/// The library's own 128 KiB would be allocated for each connection.
const READ_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct WebSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl WebSocket {
    /// # Errors
    /// [`EndReason::NoServer`], [`EndReason::BadUrl`] or [`EndReason::NotAServer`].
    pub(super) async fn connect(url: &str) -> Result<Self, EndReason> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let connected = tokio_tungstenite::connect_async_with_config(url, Some(config), true).await;
        connected.map(|(socket, _)| Self(socket)).map_err(|error| connect_failure(url, &error))
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
    match error {
        Error::Io(error) => EndReason::NoServer { url, reason: error.to_string() },
        Error::Url(error) => EndReason::BadUrl { url, reason: error.to_string() },
        Error::Http(response) => EndReason::NotAServer { url, reason: format!("it answered {}", response.status()) },
        error => EndReason::NotAServer { url, reason: error.to_string() },
    }
}
