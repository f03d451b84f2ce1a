//! Cameras on other systems than Linux, through `nokhwa`.

use std::borrow::Cow;
use std::time::Duration;

use ::nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use ::nokhwa::{Camera as NokhwaCamera, NokhwaError};

use super::Node;
use super::automatic::Traits;
use super::error::CameraError;
use super::format::{Format, PixelFormat, best, wanted_size};
use crate::media::video::frame_clock::FrameRate;

const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// How `nokhwa` finds a camera.
pub(super) type Address = CameraIndex;

/// The cameras that are there now.
pub(super) fn nodes() -> Vec<Node<Address>> {
    let found = ::nokhwa::query(ApiBackend::Auto).unwrap_or_else(|error| {
        tracing::warn!(%error, "the cameras cannot be listed");
        Vec::new()
    });
    let node = |info: &CameraInfo| Node {
        name: info.human_name(),
        id: info.index().as_string(),
        traits: Traits { names: vec![info.human_name()], is_colourless: false },
        address: info.index().clone(),
    };
    found.iter().map(node).collect()
}

/// An open camera whose stream runs.
pub(super) struct Camera {
    camera: NokhwaCamera,
    format: Format,
}

impl Camera {
    /// Opens the camera in its best format.
    ///
    /// # Errors
    /// It is busy, or cannot be used.
    pub(super) fn open(address: &Address) -> Result<Self, CameraError> {
        let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
        let mut camera = NokhwaCamera::new(address.clone(), any).map_err(|error| open_error(&error))?;
        let listed = camera.compatible_camera_formats().map_err(|error| open_error(&error))?;
        let listed: Vec<Format> = listed.into_iter().map(from_nokhwa).collect();
        if let Some(best) = best(&listed, wanted_size()) {
            let exactly = RequestedFormat::with_formats(RequestedFormatType::Exact(to_nokhwa(best)), &FORMATS);
            if let Err(error) = camera.set_camera_requset(exactly) {
                tracing::info!(%error, "a camera keeps its own format");
            }
        }
        // The format that the driver made of it.
        let format = from_nokhwa(camera.refresh_camera_format().map_err(|error| open_error(&error))?);
        camera.open_stream().map_err(|error| open_error(&error))?;
        Ok(Self { camera, format })
    }

    /// The format of all frames.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Waits for the next frame. `nokhwa` has no timeout: `_timeout` is ignored, and the result never `None`.
    ///
    /// # Errors
    /// The camera is gone.
    pub(super) fn frame(&mut self, _timeout: Duration) -> Result<Option<Cow<'_, [u8]>>, CameraError> {
        let frame = self.camera.frame_raw().inspect_err(|error| tracing::warn!(%error, "a camera is lost"));
        frame.map(Some).map_err(|_| CameraError::Gone)
    }
}

fn from_nokhwa(format: CameraFormat) -> Format {
    let pixels = match format.format() {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::GRAY => PixelFormat::Grey,
        FrameFormat::RAWRGB => PixelFormat::Rgb,
        FrameFormat::RAWBGR => PixelFormat::Bgr,
    };
    let rate = FrameRate { numerator: format.frame_rate(), denominator: 1 };
    Format { width: format.width(), height: format.height(), pixels, rate }
}

fn to_nokhwa(format: Format) -> CameraFormat {
    let pixels = match format.pixels {
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Yuyv => FrameFormat::YUYV,
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Grey => FrameFormat::GRAY,
        PixelFormat::Rgb => FrameFormat::RAWRGB,
        PixelFormat::Bgr => FrameFormat::RAWBGR,
    };
    // All rates come from `from_nokhwa`: the denominator is 1.
    CameraFormat::new(Resolution::new(format.width, format.height), pixels, format.rate.numerator)
}

/// `nokhwa` gives the reason as text only. On macOS a camera of another program is "already in use".
fn open_error(error: &NokhwaError) -> CameraError {
    let text = error.to_string();
    if text.to_lowercase().contains("in use") { CameraError::Busy } else { CameraError::Unusable(text) }
}
