//! Draws frames with OpenGL. The three planes of a frame are uploaded as they are, and a shader converts them to RGB.
//!
//! OpenGL rather than Vulkan: it is available everywhere, and in software it takes less memory.

mod plane_textures;
mod program;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::f32::consts::FRAC_PI_2;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::{CreationContext, NativeOptions, Renderer};
use egui::{Color32, Mesh, PaintCallback, Painter, Rect, Ui, Vec2, vec2};
use egui_glow::CallbackFn;
use maru_core::frame::VideoFrame;

use self::plane_textures::PlaneTextures;
use self::program::{Place, Program};
use super::theme::ROUNDING;
use super::widgets::framing::Framing;
use crate::media::FrameSlot;
use crate::session::ParticipantId;

/// Whose video it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Mirrored.
    Own,
    Peer(ParticipantId),
}

/// What is drawn into a tile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub(crate) source: Source,
    pub(crate) slot: &'a FrameSlot,
    /// Nothing is cut off, whatever the shape.
    pub(crate) whole: bool,
    /// The colour behind it, which is seen at its round corners.
    pub(crate) behind: Color32,
}

/// Width and height of a frame, in its pixels.
pub(crate) fn shape(frame: &VideoFrame) -> Vec2 {
    vec2(frame.image.width as f32, frame.image.height as f32)
}

/// Paints what is outside of the round corners of `rect`.
fn round_corners(painter: &Painter, rect: Rect, behind: Color32) {
    const STEPS: u32 = 6;
    for (corner, inward) in [
        (rect.left_top(), vec2(1.0, 1.0)),
        (rect.right_top(), vec2(-1.0, 1.0)),
        (rect.right_bottom(), vec2(-1.0, -1.0)),
        (rect.left_bottom(), vec2(1.0, -1.0)),
    ] {
        let center = corner + inward * ROUNDING;
        let mut mesh = Mesh::default();
        mesh.colored_vertex(corner, behind);
        for step in 0..=STEPS {
            let (sin, cos) = (FRAC_PI_2 * step as f32 / STEPS as f32).sin_cos();
            mesh.colored_vertex(center - inward * vec2(cos, sin) * ROUNDING, behind);
        }
        for step in 1..=STEPS {
            mesh.add_triangle(0, step, step + 1);
        }
        painter.add(mesh);
    }
}

/// The options of a window that [`Videos`] can draw in.
pub(super) fn native_options() -> NativeOptions {
    NativeOptions { renderer: Renderer::Glow, ..NativeOptions::default() }
}

/// Draws the newest frame of each source.
pub(crate) struct Videos {
    /// `None`: there is no OpenGL, and names are shown instead.
    graphics: Option<Arc<Mutex<Graphics>>>,
    drawn: Vec<Source>,
}

/// Used only in paint callbacks, where the window's OpenGL context is current.
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
                tracing::error!(error, "video cannot be drawn");
                return Self::undrawn();
            }
            None => return Self::undrawn(),
        };
        let graphics = Graphics { program, textures: HashMap::new(), forgotten: Vec::new() };
        Self { graphics: Some(Arc::new(Mutex::new(graphics))), drawn: Vec::new() }
    }

    /// Without OpenGL: draws nothing.
    pub(super) fn undrawn() -> Self {
        Self { graphics: None, drawn: Vec::new() }
    }

    /// Draws the newest frame of `slot` into `rect`. `false`: there is no frame.
    pub(crate) fn draw(&mut self, ui: &Ui, rect: Rect, picture: Picture<'_>) -> bool {
        let Picture { source, slot, whole, behind } = picture;
        // Read before the frame: a newer frame in between is then uploaded twice instead of never.
        let generation = slot.generation();
        let (Some(graphics), Some(frame)) = (&self.graphics, slot.get()) else { return false };
        self.drawn.push(source);
        let graphics = Arc::clone(graphics);
        let Framing { rect, shown } = Framing::of(shape(&frame), rect, whole);
        let place = Place { mirrored: source == Source::Own, shown };
        let paint = move |_: egui::PaintCallbackInfo, painter: &egui_glow::Painter| {
            let mut graphics = graphics.lock().unwrap_or_else(PoisonError::into_inner);
            graphics.paint(painter.gl(), source, &frame, generation, place);
        };
        ui.painter().add(PaintCallback { rect, callback: Arc::new(CallbackFn::new(paint)) });
        round_corners(ui.painter(), rect, behind);
        true
    }

    /// Call after each pass: frees the textures of sources that were not drawn.
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
    fn paint(&mut self, gl: &glow::Context, source: Source, frame: &VideoFrame, generation: u64, place: Place) {
        for textures in self.forgotten.drain(..) {
            textures.delete(gl);
        }
        let textures = match self.textures.entry(source) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match PlaneTextures::new(gl) {
                Ok(textures) => new.insert(textures),
                Err(error) => return tracing::error!(error, "the textures of a frame cannot be created"),
            },
        };
        textures.upload(gl, &frame.image, generation);
        self.program.draw(gl, textures, frame.image.height, place);
    }
}
