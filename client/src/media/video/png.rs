//! Saves a frame as a PNG file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use maru_core::convert::i420_to_rgb;
use maru_core::frame::I420;

/// Writes `image` to a new file at `path`.
///
/// # Errors
/// The file cannot be written, or the frame has no pixels.
pub fn save_png(image: &I420, path: &Path) -> io::Result<()> {
    let rgb = i420_to_rgb(image).map_err(io::Error::other)?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn a_saved_file_can_be_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("frame.png");
        let mut image = I420::black(6, 4);
        image.y.fill(235);
        save_png(&image, &path).expect("saved");
        let decoder = png::Decoder::new(BufReader::new(File::open(&path).expect("the file")));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; 6 * 4 * 3];
        let info = reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!((info.width, info.height), (6, 4));
        assert!(pixels.iter().all(|value| *value >= 254), "{pixels:?}");
        assert!(save_png(&I420::black(0, 0), &path).is_err());
    }
}
