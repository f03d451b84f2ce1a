use thiserror::Error;

/// Why something could not be done on a connection.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ConnectionError {
    #[error("the connection could not be set up: {0}")]
    Setup(String),
    #[error("the peer's description is longer than {limit} bytes")]
    DescriptionTooLong { limit: usize },
    #[error("the peer's description cannot be used: {0}")]
    BadDescription(String),
    /// The stack may have taken a part of it.
    #[error("the WebRTC stack refuses the peer's description: {0}")]
    Refused(String),
    /// The DTLS certificate is what identifies a peer for the life of a connection.
    #[error("the peer's description names another certificate than before")]
    FingerprintChanged,
    #[error("the peer's candidate cannot be used: {0}")]
    BadCandidate(String),
    #[error("the peer sent more than {limit} candidates")]
    TooManyCandidates { limit: usize },
    /// For this step the negotiation is in the wrong state.
    #[error("the negotiation cannot go on: {0}")]
    Negotiation(String),
    #[error("the chat channel is not open")]
    ChannelNotOpen,
    /// The peer takes text more slowly than it is written: try again later.
    #[error("too much text is waiting for the peer")]
    ChannelFull,
    #[error("the text is longer than {limit} bytes")]
    TextTooLong { limit: usize },
    #[error("the connection is closed")]
    Closed,
}

impl ConnectionError {
    /// Whether the stack may be in a state from which a later step fails, too.
    pub(in crate::session) fn is_spoiled(&self) -> bool {
        matches!(self, Self::Setup(_) | Self::Refused(_) | Self::Negotiation(_) | Self::Closed)
    }
}
