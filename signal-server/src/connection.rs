//! One client's socket: from the handshake to the last byte. Decides nothing: what it reads goes to the hub, what it
//! writes comes from there.

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
use crate::outbox::{Outgoing, Outgoings, Queue};
use crate::rooms::{Breach, Input};
use crate::{Config, http};

/// The default of 128 KiB would be held by every connection for as long as it lives.
const READ_BUFFER_BYTES: usize = 4 * 1024;

pub(crate) async fn serve(
    mut tcp: TcpStream,
    id: PeerId,
    mut outgoings: Outgoings,
    hub: Arc<Hub>,
    config: Arc<Config>,
) {
    // Without it small messages wait for the acknowledgement of the last one. It fails only on a socket that is dead.
    let _ = tcp.set_nodelay(true);
    let asked = tokio::select! {
        asked = http::read_head(&mut tcp) => Some(asked),
        _ = &mut outgoings.closed => None,
    };
    let limit = config.close_timeout;
    match asked {
        Some(Ok(Some(head))) => match head.upgrade() {
            Some(response) => upgrade(&mut tcp, &response, head.rest, &id, outgoings, &hub, limit).await,
            None => http::answer(&mut tcp, head.answer(), limit).await,
        },
        Some(Ok(None)) => http::answer(&mut tcp, http::NOT_A_HANDSHAKE, limit).await,
        None => http::answer(&mut tcp, http::TOO_LATE, limit).await,
        Some(Err(_)) => {}
    }
    hub.handle(Input::Disconnected(&id));
    linger(tcp, limit).await;
}

/// `response`: the answer to the handshake. `read`: what the client has sent after its handshake.
async fn upgrade(
    tcp: &mut TcpStream,
    response: &[u8],
    read: Vec<u8>,
    id: &PeerId,
    outgoings: Outgoings,
    hub: &Hub,
    close_timeout: Duration,
) {
    if let Ok(Ok(())) = timeout(close_timeout, tcp.write_all(response)).await {
        let socket = WebSocketStream::from_partially_read(tcp, read, Role::Server, Some(web_socket_config())).await;
        converse(socket, id, outgoings, hub, close_timeout).await;
    }
}

/// Closes our direction and reads what still comes, for a while. Closing a socket with unread bytes in it would reset
/// the connection, and the client might never see why.
pub(crate) async fn linger(mut tcp: TcpStream, limit: Duration) {
    let drained = async {
        tcp.shutdown().await?;
        let mut unread = [0; 2048];
        while tcp.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // However it ends, the socket is closed now.
    let _ = timeout(limit, drained).await;
}

async fn converse(
    socket: WebSocketStream<&mut TcpStream>,
    id: &PeerId,
    outgoings: Outgoings,
    hub: &Hub,
    close_timeout: Duration,
) {
    let (sink, stream) = socket.split();
    let mut writing = pin!(write(sink, outgoings.queue));
    let written = tokio::select! {
        () = &mut writing => true,
        () = read(stream, id, hub) => false,
        _ = outgoings.closed => false,
    };
    hub.handle(Input::Disconnected(id));
    if !written {
        // The hub has closed the queue: this ends when everything is written, or when the client does not take it.
        let _ = timeout(close_timeout, writing).await;
    }
}

async fn read(mut stream: SplitStream<WebSocketStream<&mut TcpStream>>, id: &PeerId, hub: &Hub) {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => hub.handle(Input::Text(id, &text)),
            Ok(Message::Binary(_)) => hub.handle(Input::Broken(id, Breach::Binary)),
            Ok(Message::Ping(_) | Message::Pong(_)) => hub.handle(Input::Control(id)),
            // The answer is written by asking for the next message, which is the end.
            Ok(Message::Close(_) | Message::Frame(_)) => {}
            Err(Error::Capacity(_)) => hub.handle(Input::Broken(id, Breach::Oversized)),
            Err(Error::Utf8(_)) => hub.handle(Input::Broken(id, Breach::NotUtf8)),
            Err(Error::Io(_)) => return,
            Err(_) => hub.handle(Input::Broken(id, Breach::Framing)),
        }
    }
}

async fn write(mut sink: SplitSink<WebSocketStream<&mut TcpStream>, Message>, mut queue: Queue) {
    while let Some(outgoing) = queue.next().await {
        let message = match outgoing {
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
        // The largest message, and the pongs of a client that sends pings and reads nothing.
        .max_write_buffer_size(2 * MAX_SERVER_FRAME_BYTES)
}
