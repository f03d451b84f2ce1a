//! A server on a free port of loopback, and clients. Every wait has a time limit.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use maru_protocol::signal::{ClientMessage, ErrorCode, LeaveReason, PeerInfo, ServerMessage};
use maru_protocol::{OwnKey, PeerId, VERSION};
use signal_server::{Config, run_counted};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Reached only when a test fails.
const TOO_LONG: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) registrations: watch::Receiver<usize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let (count, registrations) = watch::channel(0);
        let task = tokio::spawn(run_counted(listener, config, count, stopped));
        Self { address, registrations, stop, task }
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address).await
    }

    pub(crate) async fn join(&self, room: &str, name: &str) -> Client {
        let mut client = self.client().await;
        client.join(room, name).await;
        client
    }

    /// Waits until `number` clients are in a room.
    pub(crate) async fn until_registered(&mut self, number: usize) {
        soon(self.registrations.wait_for(|known| *known == number)).await.unwrap();
    }

    /// Tells the server to stop. The future completes when it has.
    pub(crate) fn stop(self) -> impl Future<Output = ()> {
        self.stop.send(()).unwrap();
        async { soon(self.task).await.unwrap().unwrap() }
    }
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) id: PeerId,
    pub(crate) peers: Vec<PeerInfo>,
    pub(crate) key: Arc<OwnKey>,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Self {
        let (socket, _) = soon(connect_async(format!("ws://{address}/"))).await.unwrap();
        let key = Arc::new(OwnKey::generate().unwrap());
        let mut client = Self { socket, id: PeerId::from_bits(0), peers: Vec::new(), key };
        match client.next().await {
            ServerMessage::Challenge { id } => client.id = id,
            other => panic!("{other:?}"),
        }
        client
    }

    pub(crate) async fn join(&mut self, room: &str, name: &str) {
        self.ask_to_join(room, name).await;
        match self.next().await {
            ServerMessage::Welcome { peers, .. } => self.peers = peers,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ask_to_join(&mut self, room: &str, name: &str) {
        let (room, name) = (room.parse().unwrap(), name.parse().unwrap());
        let proof = self.key.prove(&self.id).unwrap();
        self.send(&ClientMessage::Join { version: VERSION, room, name, proof, ext: None }).await;
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.send_text(&message.encode().unwrap()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        soon(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// The next message, WebSocket pings aside.
    pub(crate) async fn next(&mut self) -> ServerMessage {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return ServerMessage::decode(&text).unwrap(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn expect_error(&mut self, expected: ErrorCode) {
        match self.next().await {
            ServerMessage::Error { code, .. } if code == expected => {}
            other => panic!("{other:?} is not {expected:?}"),
        }
    }

    pub(crate) async fn expect_joined(&mut self, peer: &Self) {
        match self.next().await {
            ServerMessage::PeerJoined { peer: joined } => assert_eq!(joined.id, peer.id),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn expect_left(&mut self, id: &PeerId, reason: LeaveReason) {
        assert_eq!(self.next().await, ServerMessage::PeerLeft { id: id.clone(), reason });
    }

    /// The server closes the connection with `code`.
    pub(crate) async fn expect_close(&mut self, code: u16) {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return assert_eq!(u16::from(frame.code), code),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the connection has ended, with or without a close frame.
    pub(crate) async fn until_closed(&mut self) {
        while let Some(message) = soon(self.socket.next()).await {
            if matches!(message, Err(Error::Io(_) | Error::Protocol(_))) {
                return;
            }
        }
    }

    /// Fails if the connection does not work or if the server has sent anything else before.
    pub(crate) async fn expect_nothing_but_pong(&mut self) {
        self.send(&ClientMessage::Ping).await;
        assert_eq!(self.next().await, ServerMessage::Pong);
    }
}

pub(crate) async fn soon<F: Future<Output: Debug>>(future: F) -> F::Output {
    timeout(TOO_LONG, future).await.expect("it took too long")
}
