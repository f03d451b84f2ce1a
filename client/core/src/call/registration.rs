//! The registration at a signal server: found, connected to, kept alive, and made again when it was lost.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use maru_protocol::signal::{ClientMessage, ErrorCode, IceServer, PeerInfo, ServerMessage};
use maru_protocol::{InstanceId, Nickname, RoomName};

use super::action::{Action, Event};
use crate::time::Timestamp;

/// How long connecting and joining may take together.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long finding a server may take. A search of the LAN takes 300 ms, and starting a server a moment.
const FIND_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the server is asked for a sign of life, and how long it may be silent.
const PING_INTERVAL: Duration = Duration::from_secs(4);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(11);
/// Pauses between two attempts double from the first to the longest. Each is drawn from half of it upwards, so that not
/// all clients of a server come back in one instant.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the server may be gone before a person is told: it is restarted, or another computer takes its part.
const LOSS_GRACE: Duration = Duration::from_secs(3);
/// How long the server may take for a sign of life, or for an attempt that is under way, after our network has changed.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Servers found on the LAN that take no registration, one after the other, before the person is told.
const MAX_AVOIDED: u32 = 8;

/// Where a signal server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub url: String,
    /// It runs in this process.
    pub is_own: bool,
}

/// Why a call ended, or never began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The person left.
    Left,
    BadUrl {
        url: String,
        reason: String,
    },
    /// Nobody answers at the URL.
    NoServer {
        url: String,
        reason: String,
    },
    /// The server's certificate is not valid, or of an authority that this machine does not trust.
    BadCertificate {
        url: String,
        reason: String,
    },
    /// Something answers, but not a signal server that we understand.
    NotAServer {
        url: String,
        reason: String,
    },
    OtherVersion {
        server: String,
    },
    RoomFull {
        capacity: Option<usize>,
    },
    ServerFull,
    Internal {
        reason: String,
    },
}

/// Who joins what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub room: RoomName,
    pub name: Nickname,
    /// What [`Action::Join`] proves.
    pub instance: InstanceId,
}

/// What a message of the server means for the call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// Registered, for the first time or again.
    Welcome {
        present: Vec<PeerInfo>,
        ice_servers: Vec<IceServer>,
    },
    Message(ServerMessage),
    /// Our instance registered through another connection: we stay out.
    Replaced,
    /// The call cannot begin.
    Refused(EndReason),
}

#[derive(Debug)]
pub(super) struct Registration {
    identity: Identity,
    /// Servers are looked for on the LAN, and there may be several.
    is_on_lan: bool,
    state: State,
    has_joined: bool,
    pause: Duration,
    random: Rng,
    is_lost: bool,
    /// When a person is told that the server is gone.
    tell_loss_at: Option<Timestamp>,
    avoided: u32,
}

#[derive(Debug)]
enum State {
    New,
    Finding {
        deadline: Timestamp,
    },
    /// The server's challenge is waited for: it comes as soon as there is a connection.
    Connecting {
        server: Server,
        deadline: Timestamp,
    },
    /// `join` was sent.
    Joining {
        server: Server,
        deadline: Timestamp,
    },
    Registered {
        ping_at: Timestamp,
        /// Without a sign of life until then it is gone.
        silent_at: Timestamp,
    },
    Pausing {
        until: Timestamp,
    },
    Ended,
}

impl Registration {
    pub(super) fn new(identity: Identity, is_on_lan: bool) -> Self {
        Self {
            random: Rng::with_seed(seed(&identity.instance)),
            identity,
            is_on_lan,
            state: State::New,
            has_joined: false,
            pause: FIRST_PAUSE,
            is_lost: false,
            tell_loss_at: None,
            avoided: 0,
        }
    }

    pub(super) fn start(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        self.find(now, out);
    }

    pub(super) fn is_registered(&self) -> bool {
        matches!(self.state, State::Registered { .. })
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.state_timeout().into_iter().chain(self.tell_loss_at).min()
    }

    fn state_timeout(&self) -> Option<Timestamp> {
        match &self.state {
            State::Finding { deadline } | State::Connecting { deadline, .. } | State::Joining { deadline, .. } => {
                Some(*deadline)
            }
            State::Registered { ping_at, silent_at, .. } => Some((*ping_at).min(*silent_at)),
            State::Pausing { until } => Some(*until),
            State::New | State::Ended => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut VecDeque<Action>) -> Option<News> {
        if self.tell_loss_at.is_some_and(|at| at <= now) {
            self.tell_loss_at = None;
            out.push_back(Action::Tell(Event::ServerLost));
        }
        if self.state_timeout().is_none_or(|at| at > now) {
            return None;
        }
        match &mut self.state {
            State::Finding { .. } => {
                out.push_back(Action::DisconnectServer);
                self.failed(now, EndReason::Internal { reason: "no server was found".into() }, out)
            }
            State::Connecting { server, .. } | State::Joining { server, .. } => {
                let reason = format!("no answer within {} s", JOIN_TIMEOUT.as_secs());
                let reason = EndReason::NoServer { url: server.url.clone(), reason };
                out.push_back(Action::DisconnectServer);
                self.failed(now, reason, out)
            }
            State::Registered { ping_at, silent_at, .. } => {
                if *silent_at <= now {
                    out.push_back(Action::DisconnectServer);
                    self.lost(now);
                } else {
                    *ping_at = now + PING_INTERVAL;
                    out.push_back(Action::SendToServer(ClientMessage::Ping));
                }
                None
            }
            State::Pausing { .. } => {
                self.find(now, out);
                None
            }
            State::New | State::Ended => None,
        }
    }

    pub(super) fn found(&mut self, now: Timestamp, server: Server, out: &mut VecDeque<Action>) {
        if !matches!(self.state, State::Finding { .. }) {
            return;
        }
        if !self.has_joined {
            out.push_back(Action::Tell(Event::Connecting { url: server.url.clone() }));
        }
        out.push_back(Action::ConnectServer(server.clone()));
        self.state = State::Connecting { server, deadline: now + JOIN_TIMEOUT };
    }

    /// Finding or connecting failed, or the connection ended.
    pub(super) fn handle_failure(
        &mut self,
        now: Timestamp,
        reason: EndReason,
        out: &mut VecDeque<Action>,
    ) -> Option<News> {
        match self.state {
            State::Finding { .. } | State::Connecting { .. } | State::Joining { .. } => self.failed(now, reason, out),
            State::Registered { .. } => {
                self.lost(now);
                None
            }
            State::New | State::Pausing { .. } | State::Ended => None,
        }
    }

    /// A better server was found on the LAN: everyone moves there.
    pub(super) fn better_found(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        if matches!(self.state, State::Connecting { .. } | State::Joining { .. } | State::Registered { .. }) {
            out.push_back(Action::DisconnectServer);
            self.find(now, out);
        }
    }

    /// The network works again, or the machine has other addresses now. `is_lost`: one is gone, and the connection to the
    /// server may be, too.
    pub(super) fn network_changed(&mut self, now: Timestamp, is_lost: bool, out: &mut VecDeque<Action>) {
        match &mut self.state {
            State::Registered { silent_at, .. } if !is_lost => {
                *silent_at = (*silent_at).min(now + PROBE_TIMEOUT);
                out.push_back(Action::SendToServer(ClientMessage::Ping));
            }
            State::Connecting { .. } | State::Joining { .. } if !self.has_joined => {}
            // Begun without a network, an attempt is repeated by the system later and later.
            State::Connecting { deadline, .. } | State::Joining { deadline, .. } if !is_lost => {
                *deadline = (*deadline).min(now + PROBE_TIMEOUT);
            }
            State::Registered { .. } | State::Connecting { .. } | State::Joining { .. } => {
                out.push_back(Action::DisconnectServer);
                self.find(now, out);
            }
            State::Pausing { .. } => {
                self.pause = FIRST_PAUSE;
                self.find(now, out);
            }
            _ => {}
        }
    }

    /// A sign of life without a message.
    pub(super) fn handle_alive(&mut self, now: Timestamp) {
        if let State::Registered { silent_at, .. } = &mut self.state {
            *silent_at = now + SILENCE_TIMEOUT;
        }
    }

    pub(super) fn text(&mut self, now: Timestamp, text: &str, out: &mut VecDeque<Action>) -> Option<News> {
        self.handle_alive(now);
        let message = ServerMessage::decode(text);
        match &self.state {
            State::Connecting { server, deadline } => {
                let (server, deadline) = (server.clone(), *deadline);
                if let Ok(ServerMessage::Challenge { id }) = message {
                    let Identity { room, name, .. } = self.identity.clone();
                    out.push_back(Action::Join { challenge: id, room, name });
                    self.state = State::Joining { server, deadline };
                    return None;
                }
                self.handle_refusal(now, server, message, out)
            }
            State::Joining { server, .. } => {
                let server = server.clone();
                if let Ok(ServerMessage::Welcome { peers, ice_servers, .. }) = message {
                    tracing::debug!(present = peers.len(), "registered");
                    self.welcomed(now, server, peers.len(), out);
                    return Some(News::Welcome { present: peers, ice_servers });
                }
                self.handle_refusal(now, server, message, out)
            }
            State::Registered { .. } => match message {
                Ok(ServerMessage::Pong) => None,
                Ok(ServerMessage::Error { code: ErrorCode::ShuttingDown, .. }) => {
                    out.push_back(Action::DisconnectServer);
                    self.lost(now);
                    None
                }
                // The same client is there through another connection: coming back would replace it in turn.
                Ok(ServerMessage::Error { code: ErrorCode::Replaced, .. }) => {
                    out.push_back(Action::DisconnectServer);
                    self.state = State::Ended;
                    self.tell_loss_at = None;
                    Some(News::Replaced)
                }
                Ok(message) => Some(News::Message(message)),
                Err(error) => {
                    tracing::warn!(%error, "the server sent something that is not understood");
                    None
                }
            },
            _ => None,
        }
    }

    /// Sends a message for the room. Dropped while we are not registered: its ids belong to a lost registration.
    pub(super) fn send(&self, message: ClientMessage, out: &mut VecDeque<Action>) {
        if self.is_registered() {
            out.push_back(Action::SendToServer(message));
        }
    }

    pub(super) fn rename(&mut self, name: Nickname, out: &mut VecDeque<Action>) {
        self.identity.name = name.clone();
        self.send(ClientMessage::Rename { name }, out);
    }

    pub(super) fn leave(&mut self, out: &mut VecDeque<Action>) {
        self.send(ClientMessage::Leave, out);
        out.push_back(Action::DisconnectServer);
        self.state = State::Ended;
        self.tell_loss_at = None;
    }

    /// What came instead of a challenge or a welcome. Messages that are no error are ignored.
    fn handle_refusal(
        &mut self,
        now: Timestamp,
        server: Server,
        message: Result<ServerMessage, maru_protocol::WireError>,
        out: &mut VecDeque<Action>,
    ) -> Option<News> {
        let not_a_server = |reason: String| EndReason::NotAServer { url: server.url.clone(), reason };
        let refusal = match message {
            Ok(ServerMessage::Error { code, message, capacity }) => match code {
                ErrorCode::RoomFull => EndReason::RoomFull { capacity },
                ErrorCode::ServerFull => EndReason::ServerFull,
                ErrorCode::UnsupportedVersion => EndReason::OtherVersion { server: server.url.clone() },
                _ => not_a_server(message),
            },
            Ok(_) => return None,
            Err(error) => not_a_server(error.to_string()),
        };
        out.push_back(Action::DisconnectServer);
        self.failed(now, refusal, out)
    }

    fn welcomed(&mut self, now: Timestamp, server: Server, present: usize, out: &mut VecDeque<Action>) {
        self.pause = FIRST_PAUSE;
        self.avoided = 0;
        let is_first = !std::mem::replace(&mut self.has_joined, true);
        out.push_back(Action::Tell(if is_first {
            Event::Joined { server, present }
        } else {
            Event::ServerBack { server }
        }));
        self.is_lost = false;
        self.tell_loss_at = None;
        self.state = State::Registered { ping_at: now + PING_INTERVAL, silent_at: now + SILENCE_TIMEOUT };
    }

    fn find(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        if self.is_on_lan && !self.has_joined {
            out.push_back(Action::Tell(Event::Searching));
        }
        out.push_back(Action::FindServer);
        self.state = State::Finding { deadline: now + FIND_TIMEOUT };
    }

    /// Registering failed. Before the first success that ends the call, except on a LAN, where another server may
    /// be found. Later it is tried again for as long as the call lasts.
    fn failed(&mut self, now: Timestamp, reason: EndReason, out: &mut VecDeque<Action>) -> Option<News> {
        let server = match std::mem::replace(&mut self.state, State::Ended) {
            State::Connecting { server, .. } | State::Joining { server, .. } => Some(server),
            _ => None,
        };
        if let Some(server) = server.filter(|_| self.is_on_lan && is_about_the_server(&reason)) {
            tracing::info!(?reason, "another server is looked for");
            out.push_back(Action::AvoidServer(server));
            if !self.has_joined && self.avoided < MAX_AVOIDED {
                self.avoided += 1;
                self.find(now, out);
                return None;
            }
        }
        if !self.has_joined {
            return Some(News::Refused(reason));
        }
        self.lost(now);
        None
    }

    /// A person is told once, and only if we are not registered again soon: the call goes on.
    fn lost(&mut self, now: Timestamp) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.tell_loss_at = Some(now + LOSS_GRACE);
        }
        let pause = self.pause.mul_f64(0.5 + self.random.f64() / 2.0);
        self.state = State::Pausing { until: now + pause };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// The same pauses each time for the same instance.
fn seed(instance: &InstanceId) -> u64 {
    instance.as_str().bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Whether another server may help.
fn is_about_the_server(reason: &EndReason) -> bool {
    matches!(reason, EndReason::NoServer { .. } | EndReason::NotAServer { .. } | EndReason::OtherVersion { .. })
}
