//! How large anything on the wire may be.

/// Longest room name, in Unicode scalar values after NFC and trimming.
pub const MAX_ROOM_CHARS: usize = 64;

/// Longest nickname, in Unicode scalar values after NFC and trimming.
pub const MAX_NAME_CHARS: usize = 32;

/// Largest text frame from a client to the server.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Largest text frame from the server to a client. Larger than [`MAX_FRAME_BYTES`], because the server writes what it
/// passes on in its own way, and because a `welcome` lists a whole room.
pub const MAX_SERVER_FRAME_BYTES: usize = 128 * 1024;

/// Largest session description.
pub const MAX_SDP_BYTES: usize = 32 * 1024;

/// Largest ICE candidate, and largest of each of the texts beside it.
pub const MAX_CANDIDATE_BYTES: usize = 2 * 1024;

/// Largest text message on the DataChannel.
pub const MAX_PEER_MESSAGE_BYTES: usize = 64 * 1024;

/// Longest chat text, in Unicode scalar values.
pub const MAX_CHAT_CHARS: usize = 4_000;
