//! One client's socket, from the handshake to the end. What it reads goes to the hub, what it writes comes from there.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use maru_protocol::{MAX_FRAME_BYTES, MAX_SERVER_FRAME_BYTES, PeerId};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::http::{Socket, Upgraded};
use crate::hub::Hub;
use crate::rooms::{Breach, Input};
use crate::send_queue::{Frames, Outgoing, QueueReader};
use crate::{Config, http};

/// Each connection holds such a buffer for its whole life. The default is 128 KiB.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Serves one client until its connection is closed.
pub(crate) async fn serve(socket: impl Socket, hub: Arc<Hub>, config: Arc<Config>) {
    let limit = config.close_timeout;
    let (mut socket, upgraded) = http::serve(socket, &hub, &config).await;
    if let Some(Upgraded { caller, rest }) = upgraded {
        let config = Some(web_socket_config());
        let web_socket = WebSocketStream::from_partially_read(&mut socket, rest, Role::Server, config).await;
        exchange(web_socket, &caller.id, caller.queue, &hub, limit).await;
    }
    http::linger(socket, limit).await;
}

/// Reads and writes messages until one side closes the WebSocket.
async fn exchange(
    socket: WebSocketStream<impl Socket>,
    id: &PeerId,
    queue: QueueReader,
    hub: &Hub,
    close_timeout: Duration,
) {
    let (sink, stream) = socket.split();
    let mut writing = pin!(write(sink, queue.frames));
    let written = tokio::select! {
        () = &mut writing => true,
        () = read(stream, id, hub) => false,
        _ = queue.closed => false,
    };
    hub.disconnect(id);
    if !written {
        // The hub has closed the queue: `writing` ends once the queue is empty. A client that does not accept the rest
        // within `close_timeout` is disconnected.
        let _ = timeout(close_timeout, writing).await;
    }
}

async fn read(mut stream: SplitStream<WebSocketStream<impl Socket>>, id: &PeerId, hub: &Hub) {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => hub.handle(Input::Text(id, &text)),
            Ok(Message::Binary(_)) => hub.handle(Input::Broken(id, Breach::Binary)),
            Ok(Message::Ping(_) | Message::Pong(_)) => hub.handle(Input::Control(id)),
            // Asking for the next message sends the answer to a close frame, and then ends the stream.
            Ok(Message::Close(_) | Message::Frame(_)) => {}
            Err(Error::Capacity(_)) => hub.handle(Input::Broken(id, Breach::Oversized)),
            Err(Error::Utf8(_)) => hub.handle(Input::Broken(id, Breach::NotUtf8)),
            Err(Error::Io(_)) => return,
            Err(_) => hub.handle(Input::Broken(id, Breach::Framing)),
        }
    }
}

async fn write(mut sink: SplitSink<WebSocketStream<impl Socket>, Message>, mut frames: Frames) {
    while let Some(frame) = frames.next().await {
        let message = match frame {
            Outgoing::Text(text) => Message::Text(text),
            Outgoing::Ping => Message::Ping(Bytes::new()),
            Outgoing::Close(code) => {
                Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() }))
            }
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

fn web_socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .write_buffer_size(0)
        // Room for the largest message, and for the pongs to a client that sends pings and reads nothing.
        .max_write_buffer_size(2 * MAX_SERVER_FRAME_BYTES)
}
