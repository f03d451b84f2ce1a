//! Cameras on Linux, through V4L2. `nokhwa` opens no camera whose rate is not a whole number, and waits for a frame
//! without a timeout.

mod formats;

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use v4l::Device;
use v4l::buffer::{Flags as BufferFlags, Type};
use v4l::capability::Flags as Capabilities;
use v4l::io::traits::{CaptureStream, Stream};
use v4l::prelude::MmapStream;

use super::Node;
use super::automatic::Traits;
use super::error::CameraError;
use super::format::Format;
use super::watch::STALLED_AFTER;
use crate::media::thread::catch_panic;

const CLASS: &str = "/sys/class/video4linux";
/// One is read, one is filled, and two cover a late thread.
const BUFFERS: u32 = 4;
/// `poll(2)`: there is data to read.
const POLLIN: i16 = 1;
// errno(3), those that `io::ErrorKind` does not have.
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const ENODEV: i32 = 19;
const ENOSPC: i32 = 28;

/// The number of `/dev/videoN`.
pub(super) type Address = usize;

/// The cameras that are there now, by number. A webcam also has a node for metadata, which is not listed.
pub(super) fn nodes() -> Vec<Node<Address>> {
    let entries = fs::read_dir(CLASS).into_iter().flatten().flatten();
    let node = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()?;
        node(&entry.path(), number)
    };
    let mut nodes: Vec<Node<Address>> = entries.filter_map(node).collect();
    nodes.sort_by_key(|node| node.address);
    nodes
}

/// `None`: it delivers no frames. `folder`: what the kernel tells about it.
fn node(folder: &Path, number: usize) -> Option<Node<Address>> {
    let text = |file: &str| Some(String::from_utf8_lossy(&fs::read(folder.join(file)).ok()?).trim().to_owned());
    let name = text("name")?;
    // The library panics at a driver whose name is not UTF-8.
    let probed = catch_panic(|| {
        let device = Device::new(number)?;
        Ok::<_, io::Error>((device.query_caps()?, formats::is_colourless(&device)))
    });
    let Ok(Ok((capabilities, is_colourless))) = probed else { return None };
    if !capabilities.capabilities.contains(Capabilities::VIDEO_CAPTURE | Capabilities::STREAMING) {
        return None;
    }
    let bus = capabilities.bus.trim_matches('\0');
    // A device with several sensors has several nodes.
    let id = match text("index").as_deref() {
        None | Some("0") => bus.to_owned(),
        Some(index) => format!("{bus}.{index}"),
    };
    // The name of a USB interface is longer than the 31 characters of the other.
    let names = std::iter::once(name.clone()).chain(text("device/interface")).collect();
    Some(Node { name, id, traits: Traits { names, is_colourless }, address: number })
}

/// An open camera whose stream runs.
pub(super) struct Camera {
    /// `None` only while it is dropped.
    stream: Option<MmapStream<'static>>,
    format: Format,
}

impl Camera {
    /// Opens the camera in its best format and waits for its first frame, up to [`STALLED_AFTER`].
    ///
    /// # Errors
    /// It is busy, gone, delivers no frame, or has no format that can be used.
    pub(super) fn open(number: &Address) -> Result<Self, CameraError> {
        let device = Device::new(*number).map_err(|error| open_error(&error))?;
        let format = formats::set_best(&device)?;
        let stream = MmapStream::with_buffers(&device, Type::VideoCapture, BUFFERS);
        let mut stream = stream.map_err(|error| open_error(&error))?;
        stream.set_timeout(STALLED_AFTER);
        let mut camera = Self { stream: Some(stream), format };
        // Starts the stream, where drivers find the camera busy or the bus full.
        camera.dequeue().map_err(|error| open_error(&error))?;
        Ok(camera)
    }

    /// The format of all frames.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Waits for the next frame. `None`: no intact frame came within `timeout`.
    ///
    /// # Errors
    /// The camera is gone or fails.
    pub(super) fn frame(&mut self, timeout: Duration) -> Result<Option<Cow<'_, [u8]>>, CameraError> {
        let Some(stream) = &self.stream else { return Err(CameraError::Gone) };
        // Polled here: the stream's own wait, when it times out, leaves it unable to continue.
        match stream.handle().poll(POLLIN, timeout.as_millis() as i32) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(read_error(&error)),
        }
        let frame = self.dequeue().map_err(|error| read_error(&error))?;
        Ok(frame.map(Cow::Borrowed))
    }

    /// `None`: the driver says that the frame is broken.
    fn dequeue(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotFound.into()) };
        let (buffer, metadata) = CaptureStream::next(stream)?;
        let frame = buffer.get(..metadata.bytesused as usize);
        Ok(frame.filter(|_| !metadata.flags.contains(BufferFlags::ERROR)))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        // v4l's stream panics, twice, if it is dropped and the driver refuses to stop for another reason than ENODEV.
        if let Err(error) = stream.stop()
            && error.raw_os_error() != Some(ENODEV)
        {
            tracing::warn!(%error, "a camera does not stop: its buffers stay allocated");
            #[expect(clippy::mem_forget, reason = "dropping it would panic")]
            std::mem::forget(stream);
        }
    }
}

fn open_error(error: &io::Error) -> CameraError {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::ResourceBusy, _) => CameraError::Busy,
        (io::ErrorKind::TimedOut, _) => CameraError::Stalled,
        (io::ErrorKind::NotFound, _) | (_, Some(ENODEV | ENXIO)) => CameraError::Gone,
        (_, Some(ENOSPC)) => CameraError::Unusable("the USB bus has too little bandwidth left for it".into()),
        _ => CameraError::Unusable(error.to_string()),
    }
}

/// As [`open_error`], but EIO means gone: the error of a stream whose camera is unplugged.
fn read_error(error: &io::Error) -> CameraError {
    if error.raw_os_error() == Some(EIO) { CameraError::Gone } else { open_error(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_a_type() {
        let of = |code| open_error(&io::Error::from_raw_os_error(code));
        const EBUSY: i32 = 16;
        const EACCES: i32 = 13;
        const ENOENT: i32 = 2;
        assert_eq!(of(EBUSY), CameraError::Busy);
        assert_eq!([of(ENOENT), of(ENXIO), of(ENODEV)], [CameraError::Gone, CameraError::Gone, CameraError::Gone]);
        assert_eq!(open_error(&io::ErrorKind::TimedOut.into()), CameraError::Stalled);
        assert!(matches!(of(EACCES), CameraError::Unusable(reason) if reason.contains("ermission")));
        assert!(matches!(of(ENOSPC), CameraError::Unusable(reason) if reason.contains("USB")));
        assert!(matches!(of(EIO), CameraError::Unusable(_)), "a camera that does not open may still be there");
        assert_eq!(read_error(&io::Error::from_raw_os_error(EIO)), CameraError::Gone);
        assert_eq!(read_error(&io::Error::from_raw_os_error(EBUSY)), CameraError::Busy);
    }
}
