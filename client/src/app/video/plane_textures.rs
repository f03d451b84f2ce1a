//! The planes of one frame as three textures with one byte per pixel.

use glow::{Context, HasContext, NativeTexture, PixelUnpackData};
use maru_core::frame::I420;

pub(super) struct PlaneTextures {
    /// Y, U, V.
    planes: [NativeTexture; 3],
    size: (u32, u32),
    /// Of the frame that was uploaded.
    generation: Option<u64>,
}

impl PlaneTextures {
    pub(super) fn new(gl: &Context) -> Result<Self, String> {
        // SAFETY: calls of OpenGL with its context current, as in a paint callback; no pointer is passed.
        let plane = || unsafe {
            let texture = gl.create_texture()?;
            gl.bind_texture(glow::TEXTURE_2D, Some(texture));
            for (name, value) in [
                (glow::TEXTURE_MIN_FILTER, glow::LINEAR),
                (glow::TEXTURE_MAG_FILTER, glow::LINEAR),
                (glow::TEXTURE_WRAP_S, glow::CLAMP_TO_EDGE),
                (glow::TEXTURE_WRAP_T, glow::CLAMP_TO_EDGE),
            ] {
                gl.tex_parameter_i32(glow::TEXTURE_2D, name, value as i32);
            }
            Ok::<_, String>(texture)
        };
        Ok(Self { planes: [plane()?, plane()?, plane()?], size: (0, 0), generation: None })
    }

    /// Uploads `image`, unless this generation is uploaded already.
    pub(super) fn upload(&mut self, gl: &Context, image: &I420, generation: u64) {
        if self.generation == Some(generation) && self.size == (image.width, image.height) {
            return;
        }
        let same_size = self.size == (image.width, image.height);
        let chroma = (image.chroma_width(), image.chroma_height());
        let planes = [(&image.y, (image.width, image.height)), (&image.u, chroma), (&image.v, chroma)];
        for (texture, (bytes, (width, height))) in self.planes.iter().zip(planes) {
            // OpenGL reads width * height bytes without a check.
            if bytes.len() < width as usize * height as usize {
                return tracing::error!("a plane has fewer bytes than its size needs");
            }
            let (width, height) = (width as i32, height as i32);
            // SAFETY: the slice has at least width * height bytes, rows follow each other without padding
            // (UNPACK_ALIGNMENT 1), and glow passes it on only for the call.
            unsafe {
                gl.bind_texture(glow::TEXTURE_2D, Some(*texture));
                gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 1);
                let data = PixelUnpackData::Slice(Some(bytes));
                let (format, kind) = (glow::RED, glow::UNSIGNED_BYTE);
                if same_size {
                    gl.tex_sub_image_2d(glow::TEXTURE_2D, 0, 0, 0, width, height, format, kind, data);
                } else {
                    gl.tex_image_2d(glow::TEXTURE_2D, 0, glow::R8 as i32, width, height, 0, format, kind, data);
                }
            }
        }
        self.size = (image.width, image.height);
        self.generation = Some(generation);
    }

    /// Binds Y, U and V to the texture units 0, 1 and 2.
    pub(super) fn bind(&self, gl: &Context) {
        for (unit, texture) in self.planes.iter().enumerate() {
            // SAFETY: no pointer is passed.
            unsafe {
                gl.active_texture(glow::TEXTURE0 + unit as u32);
                gl.bind_texture(glow::TEXTURE_2D, Some(*texture));
            }
        }
        // SAFETY: as above. The window's own painter expects the first unit.
        unsafe { gl.active_texture(glow::TEXTURE0) };
    }

    pub(super) fn delete(self, gl: &Context) {
        for texture in self.planes {
            // SAFETY: the texture is ours, and nothing uses it any more.
            unsafe { gl.delete_texture(texture) };
        }
    }
}
