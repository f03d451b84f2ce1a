//! What goes into [`Rooms`](super::Rooms) and what comes out.

use maru_protocol::PeerId;
use maru_protocol::signal::ServerMessage;

/// Something that happened on a connection. Inputs for an id that is not connected change nothing.
#[derive(Debug)]
pub enum Input<'a> {
    /// A client has connected. The caller chooses its id, which must be new, and random where clients are strangers:
    /// it is the challenge that the client signs, and the address that the others in a room send to.
    Connected(PeerId),
    /// A text message from the client.
    Text(&'a PeerId, &'a str),
    /// A WebSocket ping or pong from the client (RFC 6455, 5.5.2 and 5.5.3): it is alive.
    Control(&'a PeerId),
    /// The client broke the protocol, and nothing more can be read from it.
    Broken(&'a PeerId, Breach),
    /// The client's send queue is full: it reads too slowly.
    Overflowed(&'a PeerId),
    /// The connection has ended.
    Disconnected(&'a PeerId),
    /// Time has passed: timeouts are checked. Expected every [`Config::tick_interval`](crate::Config::tick_interval).
    Tick,
    /// The server stops: every connection is closed, and so is each that connects afterwards.
    ShutDown,
}

/// How a client broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// A binary message.
    Binary,
    /// A message of more than [`MAX_FRAME_BYTES`](maru_protocol::MAX_FRAME_BYTES) bytes.
    Oversized,
    /// A text message that is not UTF-8.
    NotUtf8,
    /// A frame that RFC 6455 does not allow.
    Framing,
}

/// What the caller is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send the message to each of these clients. [`Input::Overflowed`] reports those whose send queue is full.
    Send(Vec<PeerId>, ServerMessage),
    /// Send a WebSocket ping (RFC 6455, 5.5.2).
    Ping(PeerId),
    /// Close the connection, after everything that was to be sent before. The id is not connected any more.
    Close(PeerId, Goodbye),
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// With a WebSocket close frame of this status code (RFC 6455, 7.4).
    Code(u16),
    /// Without a close frame: the client does not read, or is gone.
    Cut,
}

/// Status codes of RFC 6455, 7.4.1, and 1013 of the registry that it founded.
impl Goodbye {
    pub(super) const NORMAL: Self = Self::Code(1000);
    pub(super) const GOING_AWAY: Self = Self::Code(1001);
    pub(super) const PROTOCOL_ERROR: Self = Self::Code(1002);
    pub(super) const UNSUPPORTED_DATA: Self = Self::Code(1003);
    pub(super) const INVALID_DATA: Self = Self::Code(1007);
    pub(super) const POLICY_VIOLATION: Self = Self::Code(1008);
    pub(super) const TOO_BIG: Self = Self::Code(1009);
    pub(super) const TRY_AGAIN_LATER: Self = Self::Code(1013);
}
