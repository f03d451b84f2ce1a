//! Frames on the graphics card: their three planes are uploaded as they are, and a shader makes colours of them.
//!
//! OpenGL rather than Vulkan and its like: it is there everywhere, and without a graphics card it takes less memory.

mod plane_textures;
mod program;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::{CreationContext, NativeOptions, Renderer};
use egui::{PaintCallback, Rect, Ui, vec2};
use egui_glow::CallbackFn;
use maru_core::frame::VideoFrame;

use self::plane_textures::PlaneTextures;
use self::program::Program;
use super::widgets::tile_grid::fit;
use crate::media::FrameSlot;
use crate::session::PeerKey;

/// Whose frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Drawn as in a mirror.
    Own,
    Peer(PeerKey),
}

/// What the window has to be opened with for [`Videos`] to draw in it.
pub(super) fn native_options() -> NativeOptions {
    NativeOptions { renderer: Renderer::Glow, ..NativeOptions::default() }
}

/// The frames that are drawn, each from its newest.
pub(crate) struct Videos {
    /// `None`: nothing can be drawn, names are shown instead.
    graphics: Option<Arc<Mutex<Graphics>>>,
    drawn: Vec<Source>,
}

/// Lives with the window's OpenGL context; used only while that paints.
struct Graphics {
    program: Program,
    textures: HashMap<Source, PlaneTextures>,
    forgotten: Vec<PlaneTextures>,
}

impl Videos {
    pub(super) fn new(creation: &CreationContext<'_>) -> Self {
        let program = match creation.gl.as_deref().map(Program::new) {
            Some(Ok(program)) => program,
            Some(Err(error)) => {
                tracing::error!(error, "pictures cannot be drawn");
                return Self::undrawn();
            }
            None => return Self::undrawn(),
        };
        let graphics = Graphics { program, textures: HashMap::new(), forgotten: Vec::new() };
        Self { graphics: Some(Arc::new(Mutex::new(graphics))), drawn: Vec::new() }
    }

    /// For where nothing can be drawn: names stand in for the frames.
    pub(super) fn undrawn() -> Self {
        Self { graphics: None, drawn: Vec::new() }
    }

    /// Draws the newest frame of `slot` as large as it fits into `rect`. `false`: there is none.
    pub(crate) fn draw(&mut self, ui: &Ui, rect: Rect, source: Source, slot: &FrameSlot) -> bool {
        // Before the frame: should a newer one come in between, it is uploaded once more instead of never.
        let generation = slot.generation();
        let (Some(graphics), Some(frame)) = (&self.graphics, slot.get()) else { return false };
        self.drawn.push(source);
        let graphics = Arc::clone(graphics);
        let rect = fit(vec2(frame.image.width as f32, frame.image.height as f32), rect);
        let paint = move |_: egui::PaintCallbackInfo, painter: &egui_glow::Painter| {
            let mut graphics = graphics.lock().unwrap_or_else(PoisonError::into_inner);
            graphics.paint(painter.gl(), source, &frame, generation);
        };
        ui.painter().add(PaintCallback { rect, callback: Arc::new(CallbackFn::new(paint)) });
        true
    }

    /// After everything has been drawn: lets go of what was not.
    pub(super) fn forget_undrawn(&mut self) {
        let drawn = std::mem::take(&mut self.drawn);
        let Some(graphics) = &self.graphics else { return };
        let mut graphics = graphics.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<Source> = graphics.textures.keys().filter(|source| !drawn.contains(source)).copied().collect();
        for source in gone {
            let textures = graphics.textures.remove(&source);
            graphics.forgotten.extend(textures);
        }
    }
}

impl Graphics {
    fn paint(&mut self, gl: &glow::Context, source: Source, frame: &VideoFrame, generation: u64) {
        for textures in self.forgotten.drain(..) {
            textures.delete(gl);
        }
        let textures = match self.textures.entry(source) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match PlaneTextures::new(gl) {
                Ok(textures) => new.insert(textures),
                Err(error) => return tracing::error!(error, "there is no room for a picture on the graphics card"),
            },
        };
        textures.upload(gl, &frame.image, generation);
        self.program.draw(gl, textures, frame.image.height, source == Source::Own);
    }
}
