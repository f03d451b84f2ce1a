//! No set-up on a LAN: finds a signal server by DNS-SD, or runs one in this process.

/// Why the local network cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum LanError {
    #[error("the local network cannot be searched: {0}")]
    Unavailable(String),
}

/// The servers of the local network.
pub struct LanServers {}

impl LanServers {
    pub fn start() -> Result<Self, LanError> {
        Err(LanError::Unavailable("not built yet".into()))
    }
}
