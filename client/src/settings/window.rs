//! The window's size and place, in logical points.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowPlace {
    pub width: u32,
    pub height: u32,
    /// Of the upper left corner. `None` where the system does not tell it (Wayland).
    pub position: Option<[i32; 2]>,
}
