//! A display of our own (Xvfb), a keyboard (xdotool) and what is on the screen.

use std::io::BufReader;
use std::process::{Command, Stdio};

use super::xvfb::Xvfb;

/// A display that no one else uses; ends with the value.
pub struct Display(Xvfb);

/// A frame of the whole screen, one byte of brightness for each pixel.
pub struct Screen {
    pub width: usize,
    pub luma: Vec<u8>,
}

impl Display {
    pub fn start() -> Self {
        Self(Xvfb::start(&["-screen", "0", "1280x800x24"]))
    }

    /// A command that opens its windows here, drawn in software as on a machine without a GPU.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.0.name).env_remove("WAYLAND_DISPLAY").env("LIBGL_ALWAYS_SOFTWARE", "1");
        command
    }

    /// Runs xdotool, which waits where it is told to (`search --sync`).
    pub fn xdotool(&self, arguments: &[&str]) {
        let status = self.command("xdotool").args(arguments).stdout(Stdio::null()).status();
        assert!(status.expect("xdotool is installed by ./test").success(), "xdotool {arguments:?}");
    }

    pub fn press(&self, key: &str) {
        self.xdotool(&["key", "--clearmodifiers", key]);
    }

    pub fn types(&self, text: &str) {
        self.xdotool(&["type", "--delay", "20", text]);
    }

    /// What is on the screen, as a PNG file at `path` and as brightness.
    pub fn shoot(&self, path: &std::path::Path) -> Screen {
        let shot = self.command("import").args(["-window", "root"]).arg(path).status();
        assert!(shot.expect("imagemagick is installed by ./test").success());
        let decoder = png::Decoder::new(BufReader::new(std::fs::File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().expect("a screenshot fits into memory")];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        // The second of red, green and blue stands for brightness; grey frames have one value only.
        let (step, green) = match info.color_type {
            png::ColorType::Rgb => (3, 1),
            png::ColorType::Rgba => (4, 1),
            png::ColorType::Grayscale => (1, 0),
            other => panic!("a screenshot in {other:?}"),
        };
        let luma = pixels[..info.buffer_size()].chunks_exact(step).map(|pixel| pixel[green]).collect();
        Screen { width: info.width as usize, luma }
    }
}

impl Screen {
    /// The frame number of the largest test pattern on the screen, with the width of that frame in pixels.
    ///
    /// Their barcode has 19 cells, each a twentieth of the frame's width: white, black, 16 bits of the number (least
    /// significant first), parity. A number counts if it stands in at least three rows in the same place. Large digits may
    /// look like small barcodes: hence the largest, and of equals the leftmost.
    pub fn frame_number(&self) -> Option<(u16, usize)> {
        let mut seen: Vec<(usize, usize, u16, u32)> = Vec::new();
        for row in self.luma.chunks_exact(self.width) {
            for (x, cell) in first_cells(row) {
                let Some(number) = read_cells(row, x, cell) else { continue };
                let place = seen.iter_mut().find(|s| s.0.abs_diff(x) <= 1 && s.1.abs_diff(cell) <= 1 && s.2 == number);
                match place {
                    Some(place) => place.3 += 1,
                    None => seen.push((x, cell, number, 1)),
                }
            }
        }
        let clear = seen.into_iter().filter(|seen| seen.3 >= 3);
        let (_, cell, number, _) = clear.max_by_key(|seen| (seen.1, std::cmp::Reverse(seen.0)))?;
        Some((number, cell * 20))
    }
}

const BRIGHT: u8 = 128;

/// Where a run of bright pixels begins after a dark one, and how long it is.
fn first_cells(row: &[u8]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = None;
    for (x, &luma) in row.iter().enumerate() {
        match (luma > BRIGHT, start) {
            (true, None) => start = Some(x),
            (false, Some(from)) => {
                runs.push((from, x - from));
                start = None;
            }
            _ => {}
        }
    }
    runs.into_iter().filter(|(_, length)| (4..200).contains(length)).collect()
}

fn read_cells(row: &[u8], x: usize, cell: usize) -> Option<u16> {
    // The first cell's edges are blurred by half a pixel each: a width is right if all 19 cells are clear with it.
    (cell.saturating_sub(1)..=cell + 1).flat_map(|c| [c as f32, c as f32 + 0.5]).find_map(|cell| {
        let bit = |index: usize| {
            let at = x as f32 + (index as f32 + 0.5) * cell;
            let luma = *row.get(at as usize)?;
            // Between black (16) and white (235) there is nothing in a barcode.
            if !(60..=180).contains(&luma) { Some(luma > BRIGHT) } else { None }
        };
        let number = (0..16).try_fold(0u16, |number, index| Some(number | u16::from(bit(index + 2)?) << index))?;
        let sound = bit(0)? && !bit(1)? && bit(18)? == (number.count_ones() % 2 == 1);
        sound.then_some(number)
    })
}
