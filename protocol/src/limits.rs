//! Limits on everything that is sent.

/// Longest room name, in Unicode scalar values after NFC and trimming.
pub const MAX_ROOM_CHARS: usize = 64;

/// Longest nickname, in Unicode scalar values after NFC and trimming.
pub const MAX_NAME_CHARS: usize = 32;

/// Largest text message from a client to the server.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Largest text message from the server to a client. Larger than [`MAX_FRAME_BYTES`]: the server encodes a signal anew,
/// which may escape more characters, and `welcome` lists every peer of a room.
pub const MAX_SERVER_FRAME_BYTES: usize = 128 * 1024;

/// Largest `ext`: a `welcome` to a room of 64 fits into [`MAX_SERVER_FRAME_BYTES`] with 64 of them.
pub const MAX_EXT_BYTES: usize = 512;

/// Largest session description (SDP).
pub const MAX_SDP_BYTES: usize = 32 * 1024;

/// Largest text of an ICE candidate, and largest of each text beside it.
pub const MAX_CANDIDATE_BYTES: usize = 2 * 1024;

/// Largest text message on the DataChannel.
pub const MAX_PEER_MESSAGE_BYTES: usize = 64 * 1024;

/// Most streams in a `hello` or `subscribe`.
pub const MAX_STREAMS: usize = 64;

/// Longest chat text, in Unicode scalar values.
pub const MAX_CHAT_CHARS: usize = 4_000;
