//! Why something cannot be shared.

use thiserror::Error;

/// Why there is no list, or no picture.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScreenError {
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The window was closed, or the screen unplugged: the capture has ended.
    #[error("What was shared is gone: the window was closed or the screen unplugged. Choose something else to share.")]
    Gone,
    #[error("The display {display} cannot be opened: {reason}. Check DISPLAY, and whether you may use that display.")]
    Connect { display: String, reason: String },
    /// Of the X server.
    #[error("The X server lacks the extension {name}, without which nothing can be shared. Enable it in its settings.")]
    MissingExtension { name: &'static str },
    #[error("Only screens with 24 or 32 bits of colour can be shared; this one has {depth}. Change its colour depth.")]
    Depth { depth: u8 },
    /// In pixels.
    #[error("{width}x{height} is too large to be shared. Share a part of it, or make it smaller.")]
    TooLarge { width: u32, height: u32 },
    /// A request failed although the target is there.
    #[error("The X server refused a picture: {reason}. Try again, or choose something else to share.")]
    Refused { reason: String },
    /// It hangs, was ended, or talks nonsense.
    #[error("The X server does not answer: {reason}. Share again once the screen reacts.")]
    Lost { reason: String },
    #[error("No memory can be shared with the X server: {reason}. Close other programs and try again.")]
    Memory { reason: String },
}

/// Why nothing can be shared on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unsupported {
    #[error("There is no screen here: DISPLAY is not set. Start Maru within a desktop session.")]
    NoDisplay,
    #[error("Screens cannot be shared in a Wayland session yet. Choose an X11 session (\"Xorg\") when you log in.")]
    Wayland,
    #[error("Screens cannot be shared on this system yet.")]
    System,
}
