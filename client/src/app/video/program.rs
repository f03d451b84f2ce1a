//! The shader that converts planes to RGB.

use egui::Vec2;
use egui_glow::ShaderVersion;
use glow::{Context, HasContext, NativeProgram, NativeUniformLocation, NativeVertexArray};

use super::plane_textures::PlaneTextures;

/// One triangle that covers the viewport. Its corners follow from `gl_VertexID`, so no vertices are uploaded. `shown` is the
/// part of the picture's width and height that is not cut off.
const VERTEX: &str = "
uniform float mirrored;
uniform vec2 shown;
out vec2 place;
void main() {
    vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
    vec2 uncut = vec2(mix(corner.x, 1.0 - corner.x, mirrored), 1.0 - corner.y);
    place = (uncut - 0.5) * shown + 0.5;
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}";

/// Limited range (16 to 235, chroma 16 to 240) to R'G'B'. The factors of chroma are a uniform: ITU-R BT.601 or BT.709. Nothing
/// else is done for each pixel: round corners here cost a fifth of a core in software.
const FRAGMENT: &str = "
uniform sampler2D luma;
uniform sampler2D blue;
uniform sampler2D red;
uniform vec4 chroma;
in vec2 place;
out vec4 colour;
void main() {
    float y = (texture(luma, place).r - 16.0 / 255.0) * (255.0 / 219.0);
    float u = texture(blue, place).r - 128.0 / 255.0;
    float v = texture(red, place).r - 128.0 / 255.0;
    colour = vec4(y + chroma.x * v, y - chroma.y * u - chroma.z * v, y + chroma.w * u, 1.0);
}";

/// Factors: added to red (V), subtracted from green (U, V), added to blue (U).
const BT601: [f32; 4] = [1.596_03, 0.391_76, 0.812_97, 2.017_23];
const BT709: [f32; 4] = [1.792_74, 0.213_25, 0.532_91, 2.112_40];
const BT709_FROM_LINES: u32 = 720;

pub(super) struct Program {
    program: NativeProgram,
    no_vertices: NativeVertexArray,
    mirrored: Option<NativeUniformLocation>,
    shown: Option<NativeUniformLocation>,
    chroma: Option<NativeUniformLocation>,
}

/// How a picture fills its viewport.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) mirrored: bool,
    /// The part of the picture's width and height that is shown, 0 to 1: the middle.
    pub(super) shown: Vec2,
}

impl Program {
    /// # Errors
    /// OpenGL is older than 3.0 (OpenGL ES 3.0), or its compiler does not take the shader.
    pub(super) fn new(gl: &Context) -> Result<Self, String> {
        let version = ShaderVersion::get(gl);
        if !version.is_new_shader_interface() {
            return Err("OpenGL 3.0 or OpenGL ES 3.0 is needed".into());
        }
        let heading = format!("{}\nprecision mediump float;\n", version.version_declaration());
        // SAFETY: calls of OpenGL with its context current; glow passes the strings on only for the call.
        unsafe {
            let program = gl.create_program()?;
            for (kind, source) in [(glow::VERTEX_SHADER, VERTEX), (glow::FRAGMENT_SHADER, FRAGMENT)] {
                let shader = gl.create_shader(kind)?;
                gl.shader_source(shader, &format!("{heading}{source}"));
                gl.compile_shader(shader);
                if !gl.get_shader_compile_status(shader) {
                    return Err(gl.get_shader_info_log(shader));
                }
                gl.attach_shader(program, shader);
                gl.delete_shader(shader);
            }
            gl.link_program(program);
            if !gl.get_program_link_status(program) {
                return Err(gl.get_program_info_log(program));
            }
            gl.use_program(Some(program));
            for (unit, name) in ["luma", "blue", "red"].into_iter().enumerate() {
                gl.uniform_1_i32(gl.get_uniform_location(program, name).as_ref(), unit as i32);
            }
            Ok(Self {
                program,
                no_vertices: gl.create_vertex_array()?,
                mirrored: gl.get_uniform_location(program, "mirrored"),
                shown: gl.get_uniform_location(program, "shown"),
                chroma: gl.get_uniform_location(program, "chroma"),
            })
        }
    }

    /// Fills the current viewport.
    pub(super) fn draw(&self, gl: &Context, textures: &PlaneTextures, lines: u32, place: Place) {
        let chroma = if lines >= BT709_FROM_LINES { BT709 } else { BT601 };
        textures.bind(gl);
        // SAFETY: calls of OpenGL with its context current; the vertex array is empty, so no memory is read.
        unsafe {
            gl.use_program(Some(self.program));
            gl.uniform_1_f32(self.mirrored.as_ref(), if place.mirrored { 1.0 } else { 0.0 });
            gl.uniform_2_f32(self.shown.as_ref(), place.shown.x, place.shown.y);
            gl.uniform_4_f32_slice(self.chroma.as_ref(), &chroma);
            gl.disable(glow::BLEND);
            gl.bind_vertex_array(Some(self.no_vertices));
            gl.draw_arrays(glow::TRIANGLES, 0, 3);
            gl.bind_vertex_array(None);
            gl.enable(glow::BLEND);
        }
    }
}
