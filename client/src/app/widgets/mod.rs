//! The parts of screens and panels. They draw what they are given and do not know the state.

pub(crate) mod appeared;
pub(crate) mod avatar;
pub(crate) mod field;
pub(crate) mod framing;
pub(crate) mod icon_button;
pub(crate) mod icons;
pub(crate) mod meter;
pub(crate) mod picker;
pub(crate) mod switches;
pub(crate) mod tile;
pub(crate) mod tile_grid;
