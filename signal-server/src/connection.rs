//! One client's socket, from the handshake to the end. What it reads goes to the hub, what it writes comes from there.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use maru_protocol::{MAX_FRAME_BYTES, MAX_SERVER_FRAME_BYTES, PeerId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::hub::Hub;
use crate::rooms::{Breach, Input};
use crate::send_queue::{Frames, Outgoing, QueueReader};
use crate::{Config, http};

/// Each connection holds such a buffer for its whole life. The default is 128 KiB.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Serves one client until its connection is closed.
pub(crate) async fn serve(mut tcp: TcpStream, id: PeerId, mut queue: QueueReader, hub: Arc<Hub>, config: Arc<Config>) {
    // Otherwise a small message waits for the acknowledgement of the previous one. Fails only on a dead socket.
    let _ = tcp.set_nodelay(true);
    let head = tokio::select! {
        head = http::read_head(&mut tcp) => Some(head),
        _ = &mut queue.closed => None,
    };
    let limit = config.close_timeout;
    match head {
        Some(Ok(Some(head))) => match head.upgrade() {
            Some(response) => {
                if matches!(timeout(limit, tcp.write_all(&response)).await, Ok(Ok(()))) {
                    let config = Some(web_socket_config());
                    let socket = WebSocketStream::from_partially_read(&mut tcp, head.rest, Role::Server, config).await;
                    exchange(socket, &id, queue, &hub, limit).await;
                }
            }
            None => http::respond(&mut tcp, head.response(), limit).await,
        },
        Some(Ok(None)) => http::respond(&mut tcp, http::NOT_A_HANDSHAKE, limit).await,
        None => http::respond(&mut tcp, http::TIMED_OUT, limit).await,
        Some(Err(_)) => {}
    }
    hub.handle(Input::Disconnected(&id));
    linger(tcp, limit).await;
}

/// Closes our direction, then discards what still arrives, for at most `limit`. Closing a socket with unread bytes would
/// reset the connection, and the client could lose our last message.
pub(crate) async fn linger(mut tcp: TcpStream, limit: Duration) {
    let drained = async {
        tcp.shutdown().await?;
        let mut unread = [0; 2048];
        while tcp.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // The socket is closed afterwards in any case.
    let _ = timeout(limit, drained).await;
}

/// Reads and writes messages until one side closes the WebSocket.
async fn exchange(
    socket: WebSocketStream<&mut TcpStream>,
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
    hub.handle(Input::Disconnected(id));
    if !written {
        // The hub has closed the queue: `writing` ends once the queue is empty. A client that does not accept the rest
        // within `close_timeout` is disconnected.
        let _ = timeout(close_timeout, writing).await;
    }
}

async fn read(mut stream: SplitStream<WebSocketStream<&mut TcpStream>>, id: &PeerId, hub: &Hub) {
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

async fn write(mut sink: SplitSink<WebSocketStream<&mut TcpStream>, Message>, mut frames: Frames) {
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
