//! Everything that can be set, and its default.

use std::time::Duration;

use maru_protocol::signal::IceServer;

/// The limits of a server. The defaults are meant for a small public server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Peers in one room, at most 256.
    pub room_capacity: usize,
    /// Sockets, whether they have joined a room or not. The next one is answered with HTTP status 503.
    pub max_connections: usize,
    /// Rooms with anyone in them. Whoever would open the next one is told `server-full`.
    pub max_rooms: usize,
    /// Handed to every client in `welcome`.
    pub ice_servers: Vec<IceServer>,
    /// From the TCP connection to `join`, the WebSocket handshake included.
    pub join_timeout: Duration,
    /// Between two pings to the same client. [`Config::silence_timeout`] follows from it.
    pub ping_interval: Duration,
    /// How long a client that is being closed may take for what is still to be sent, and again for closing its side.
    pub close_timeout: Duration,
    /// Frames that a client may send at once, WebSocket pings and pongs included.
    pub burst_frames: u32,
    pub frames_per_second: u32,
    /// Bytes that a client may send at once.
    pub burst_bytes: u32,
    pub bytes_per_second: u32,
    /// Frames that may wait for a client that reads slowly. One more, and it is cut off.
    pub queue_frames: usize,
    /// The same in bytes.
    pub queue_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            room_capacity: 8,
            max_connections: 2_000,
            max_rooms: 1_000,
            ice_servers: Vec::new(),
            join_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(8),
            close_timeout: Duration::from_secs(2),
            burst_frames: 200,
            frames_per_second: 50,
            burst_bytes: 1024 * 1024,
            bytes_per_second: 128 * 1024,
            queue_frames: 256,
            queue_bytes: 512 * 1024,
        }
    }
}

impl Config {
    /// After this much silence a client counts as lost: two pings went out, and the second one had a quarter of an
    /// interval to be answered. 18 s by default, so that the others know within 20 s.
    pub fn silence_timeout(&self) -> Duration {
        self.ping_interval * 9 / 4
    }

    /// How often timeouts are checked ([`Input::Tick`](crate::rooms::Input::Tick)).
    pub fn tick_interval(&self) -> Duration {
        (self.ping_interval / 16).clamp(Duration::from_millis(5), Duration::from_millis(500))
    }
}
