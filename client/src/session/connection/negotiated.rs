//! What was negotiated for the streams of a connection, for those who send and those who receive: the same numbers hold
//! both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use maru_core::fec::BlockPlace;
use rtc::rtp::header::Header;

/// Payload types are 0 to 127.
const NO_TYPE: u8 = u8::MAX;

/// Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Negotiated(Arc<Numbers>);

#[derive(Debug)]
struct Numbers {
    /// Of the header extension for [`BlockPlace`]. 0: none.
    block_extension: AtomicU8,
    opus: AtomicU8,
    red: AtomicU8,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { block_extension: AtomicU8::new(0), opus: AtomicU8::new(NO_TYPE), red: AtomicU8::new(NO_TYPE) }
    }
}

/// The payload types of audio that is sent with copies ([`maru_core::red`]), and of Opus within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RedTypes {
    pub(super) red: u8,
    pub(super) opus: u8,
}

impl Negotiated {
    pub(super) fn set_block_extension(&self, id: Option<u8>) {
        self.0.block_extension.store(id.unwrap_or(0), Ordering::Release);
    }

    pub(super) fn block_extension(&self) -> Option<u8> {
        Some(self.0.block_extension.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    pub(super) fn block_place(&self, header: &Header) -> Option<BlockPlace> {
        BlockPlace::parse(&header.get_extension(self.block_extension()?)?)
    }

    pub(super) fn set_red(&self, types: Option<RedTypes>) {
        let RedTypes { red, opus } = types.unwrap_or(RedTypes { red: NO_TYPE, opus: NO_TYPE });
        self.0.opus.store(opus, Ordering::Release);
        self.0.red.store(red, Ordering::Release);
    }

    /// `None`: the peer takes no copies.
    pub(super) fn red(&self) -> Option<RedTypes> {
        let red = self.0.red.load(Ordering::Acquire);
        (red != NO_TYPE).then(|| RedTypes { red, opus: self.0.opus.load(Ordering::Acquire) })
    }
}
