//! The link to the signal server: connects, registers, keeps alive, and registers again by itself when it was lost.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use maru_protocol::signal::{ClientMessage, ErrorCode, ServerMessage};
use maru_protocol::{InstanceId, Nickname, RoomName, VERSION};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::finder::{FindError, Finder, Found};
use super::{EndReason, ServerChoice};

/// How long connecting and registering may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the server is asked whether it lives, and how long it may stay silent.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const SILENCE_LIMIT: Duration = Duration::from_secs(11);
const RETRY_FIRST: Duration = Duration::from_millis(300);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Servers found on the LAN that take no registration, one after the other, before the person is told.
const MAX_WRONG_TURNS: u32 = 8;
/// Larger than any frame that a server of ours sends.
const MAX_FRAME_BYTES: usize = 256 * 1024;

/// Who registers, and where.
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) room: RoomName,
    pub(super) name: Nickname,
    pub(super) instance: InstanceId,
    pub(super) server: ServerChoice,
    pub(super) addresses: Vec<IpAddr>,
}

#[derive(Debug)]
pub(super) enum SignalingEvent {
    Searching,
    Connecting {
        url: String,
    },
    /// Registered. `message` is always a [`ServerMessage::Welcome`].
    Welcome {
        server: String,
        own_server: bool,
        message: ServerMessage,
    },
    Message(ServerMessage),
    /// The server is gone; another registration is tried from now on.
    Lost,
    /// The call cannot begin. The last event.
    Refused(EndReason),
}

/// Both ends are bounded. Dropping it closes the connection after what was queued has been sent.
pub(super) struct Signaling {
    pub(super) outgoing: mpsc::Sender<ClientMessage>,
    pub(super) events: mpsc::Receiver<SignalingEvent>,
}

/// Starts the link on the current tokio runtime.
pub(super) fn start(registration: Registration) -> Signaling {
    let (outgoing, to_send) = mpsc::channel(256);
    let (events_in, events) = mpsc::channel(256);
    tokio::spawn(async move {
        Task { registration, to_send, events: events_in, joined_once: false }.run().await;
    });
    Signaling { outgoing, events }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why one connection ended.
enum Ended {
    /// The call left: nothing more to do.
    Closed,
    Lost,
    /// A better server was found on the LAN.
    Moved,
    /// The server that was found on the LAN took no registration, and another one may be found.
    WrongTurn(EndReason),
    Refused(EndReason),
}

struct Task {
    registration: Registration,
    to_send: mpsc::Receiver<ClientMessage>,
    events: mpsc::Sender<SignalingEvent>,
    joined_once: bool,
}

impl Task {
    async fn run(mut self) {
        let mut finder = match Finder::new(&self.registration.server, &self.registration.addresses) {
            Ok(finder) => finder,
            Err(error) => return self.refuse(error.into()).await,
        };
        let mut retry = RETRY_FIRST;
        let mut wrong_turns = 0;
        loop {
            let ended = self.one_registration(&mut finder, &mut retry).await;
            match ended {
                Ended::Closed => return,
                Ended::Moved => continue,
                // Once a call stands, every trouble with the server is temporary.
                _ if self.joined_once => {}
                Ended::Lost => {}
                Ended::WrongTurn(_) if wrong_turns < MAX_WRONG_TURNS => {
                    wrong_turns += 1;
                    continue;
                }
                Ended::Refused(reason) | Ended::WrongTurn(reason) => return self.refuse(reason).await,
            }
            if self.pause(retry).await.is_err() {
                return;
            }
            retry = (retry * 2).min(RETRY_LONGEST);
        }
    }

    async fn one_registration(&mut self, finder: &mut Finder, retry: &mut Duration) -> Ended {
        if finder.searches() && !self.joined_once && !self.tell(SignalingEvent::Searching).await {
            return Ended::Closed;
        }
        let found = match finder.find().await {
            Ok(found) => found,
            Err(error) => return Ended::Refused(error.into()),
        };
        if !self.joined_once && !self.tell(SignalingEvent::Connecting { url: found.url.clone() }).await {
            return Ended::Closed;
        }
        let registered = timeout(CONNECT_TIMEOUT, self.register(&found)).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", CONNECT_TIMEOUT.as_secs());
            Err(EndReason::NoServer { url: found.url.clone(), reason })
        });
        let (mut socket, welcome) = match registered {
            Ok(registered) => registered,
            Err(reason) if is_about_the_server(&reason) && finder.refused(&found).await => {
                tracing::info!(?reason, "another server is looked for");
                return Ended::WrongTurn(reason);
            }
            Err(reason) => return Ended::Refused(reason),
        };
        self.joined_once = true;
        *retry = RETRY_FIRST;
        let event = SignalingEvent::Welcome { server: found.url.clone(), own_server: found.own, message: welcome };
        if !self.tell(event).await {
            return Ended::Closed;
        }
        let ended = self.serve(&mut socket, finder, &found).await;
        // A goodbye that does not get through in a moment is not worth waiting for.
        let _ = timeout(Duration::from_millis(300), socket.close(None)).await;
        if matches!(ended, Ended::Lost) && !self.tell(SignalingEvent::Lost).await {
            return Ended::Closed;
        }
        ended
    }

    async fn register(&self, found: &Found) -> Result<(Socket, ServerMessage), EndReason> {
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let (mut socket, _) = tokio_tungstenite::connect_async_with_config(found.url.as_str(), Some(config), true)
            .await
            .map_err(|error| connect_failure(&found.url, &error))?;
        let not_a_server = |reason: String| EndReason::NotAServer { url: found.url.clone(), reason };
        let join = ClientMessage::Join {
            version: VERSION,
            room: self.registration.room.clone(),
            name: self.registration.name.clone(),
            instance: self.registration.instance.clone(),
        };
        send(&mut socket, &join).await.map_err(|error| not_a_server(error.to_string()))?;
        loop {
            let text = match socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(_)) | None => return Err(not_a_server("it closed the connection".into())),
                Some(Err(error)) => return Err(not_a_server(error.to_string())),
            };
            return match ServerMessage::decode(&text) {
                Ok(message @ ServerMessage::Welcome { .. }) => Ok((socket, message)),
                Ok(ServerMessage::Error { code, message, capacity }) => Err(match code {
                    ErrorCode::RoomFull => EndReason::RoomFull { capacity },
                    ErrorCode::ServerFull => EndReason::ServerFull,
                    ErrorCode::UnsupportedVersion => EndReason::OtherVersion { server: found.url.clone() },
                    _ => not_a_server(message),
                }),
                Ok(_) => continue,
                Err(error) => Err(not_a_server(error.to_string())),
            };
        }
    }

    async fn serve(&mut self, socket: &mut Socket, finder: &mut Finder, found: &Found) -> Ended {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                message = self.to_send.recv() => {
                    let Some(message) = message else { return Ended::Closed };
                    if let ClientMessage::Rename { name } = &message {
                        self.registration.name = name.clone();
                    }
                    if send(socket, &message).await.is_err() {
                        return Ended::Lost;
                    }
                }
                frame = socket.next() => {
                    heard = Instant::now();
                    let text = match frame {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Ended::Lost,
                        Some(Ok(_)) => continue,
                    };
                    match ServerMessage::decode(&text) {
                        Ok(ServerMessage::Pong) => {}
                        Ok(ServerMessage::Error { code: ErrorCode::ShuttingDown, .. }) => return Ended::Lost,
                        Ok(message) => if !self.tell(SignalingEvent::Message(message)).await {
                            return Ended::Closed;
                        },
                        Err(error) => tracing::warn!(%error, "the server sent something that is not understood"),
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return Ended::Lost;
                    }
                    if send(socket, &ClientMessage::Ping).await.is_err() {
                        return Ended::Lost;
                    }
                }
                () = finder.better_than(&found.url) => {
                    return Ended::Moved;
                }
            }
        }
    }

    /// Waits between two attempts. What was meant for the lost server is thrown away: it names addresses of that
    /// registration. An error: the call left.
    async fn pause(&mut self, duration: Duration) -> Result<(), ()> {
        let deadline = Instant::now() + duration;
        loop {
            match tokio::time::timeout_at(deadline, self.to_send.recv()).await {
                Ok(Some(ClientMessage::Rename { name })) => self.registration.name = name,
                Ok(Some(_)) => {}
                Ok(None) => return Err(()),
                Err(_) => return Ok(()),
            }
        }
    }

    async fn refuse(&self, reason: EndReason) {
        self.tell(SignalingEvent::Refused(reason)).await;
    }

    /// `false`: nobody listens any more.
    async fn tell(&self, event: SignalingEvent) -> bool {
        self.events.send(event).await.is_ok()
    }
}

async fn send(socket: &mut Socket, message: &ClientMessage) -> Result<(), SocketError> {
    match message.encode() {
        Ok(text) => socket.send(Message::text(text)).await,
        Err(error) => {
            tracing::warn!(%error, "a message that no server would take is not sent");
            Ok(())
        }
    }
}

/// Another server may do better.
fn is_about_the_server(reason: &EndReason) -> bool {
    matches!(reason, EndReason::NoServer { .. } | EndReason::NotAServer { .. } | EndReason::OtherVersion { .. })
}

impl From<FindError> for EndReason {
    fn from(error: FindError) -> Self {
        match error {
            FindError::BadUrl { url, reason } => Self::BadUrl { url, reason },
            FindError::Lan(reason) => Self::Internal { reason },
        }
    }
}

fn connect_failure(url: &str, error: &SocketError) -> EndReason {
    let url = url.to_owned();
    match error {
        SocketError::Io(error) => EndReason::NoServer { url, reason: error.to_string() },
        SocketError::Url(error) => EndReason::BadUrl { url, reason: error.to_string() },
        SocketError::Http(response) => {
            EndReason::NotAServer { url, reason: format!("it answered {}", response.status()) }
        }
        error => EndReason::NotAServer { url, reason: error.to_string() },
    }
}
