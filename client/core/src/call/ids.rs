//! A person, the connections to that person one after the other, and the streams on a connection: three things, three
//! names.

/// A person in the room, as this process knows them: counts up from 1 and is never used twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u32);

/// Counts the connections between two participants. It travels with every signal, so both sides always mean the same
/// connection, and a new one is never mistaken for an ICE restart of the old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// One connection to one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub participant: ParticipantId,
    pub generation: Generation,
}

/// What a stream on a connection shows or plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamKind {
    Microphone,
    Camera,
}
