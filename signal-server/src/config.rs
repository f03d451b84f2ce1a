//! The settings of a server and their defaults.

use std::time::Duration;

use maru_protocol::signal::IceServer;

/// The settings of a server. The defaults suit a small public server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Most peers in one room. At most 256.
    pub room_capacity: usize,
    /// Most clients at the same time, in a room or not. Further ones receive HTTP status 503. As many sockets more may
    /// be open for handshakes and the guest page.
    pub max_connections: usize,
    /// Most rooms at the same time. A client whose `join` would open another one receives `server-full`.
    pub max_rooms: usize,
    /// STUN and TURN servers. Every client receives them in `welcome`.
    pub ice_servers: Vec<IceServer>,
    /// Longest time from the WebSocket handshake to `join`. Also the longest time for a request to arrive, the handshake
    /// included; a connection that only fetches pages is closed after three times as long.
    pub join_timeout: Duration,
    /// Time between two pings to a client. [`Config::silence_timeout`] follows from it.
    pub ping_interval: Duration,
    /// Longest time for a client that is being disconnected to read the rest of its send queue, and again to close its
    /// side of the connection.
    pub close_timeout: Duration,
    /// Most frames that a client may send at once, WebSocket pings and pongs included.
    pub burst_frames: u32,
    /// Frames that a client may send per second in the long run.
    pub frames_per_second: u32,
    /// Most bytes that a client may send at once.
    pub burst_bytes: u32,
    /// Bytes that a client may send per second in the long run.
    pub bytes_per_second: u32,
    /// Most frames in a client's send queue. A client whose queue is full is disconnected.
    pub queue_frames: usize,
    /// Most bytes in a client's send queue.
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
    /// A client that sends nothing for this long is disconnected. It leaves time for two pings, and a quarter of
    /// [`Config::ping_interval`] to answer the second one. 18 s by default, so that the others know within 20 s.
    pub fn silence_timeout(&self) -> Duration {
        self.ping_interval * 9 / 4
    }

    /// How often timeouts are checked ([`Input::Tick`](crate::rooms::Input::Tick)).
    pub fn tick_interval(&self) -> Duration {
        (self.ping_interval / 16).clamp(Duration::from_millis(5), Duration::from_millis(500))
    }
}
