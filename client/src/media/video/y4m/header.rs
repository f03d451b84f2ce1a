//! The first line of a file.

use crate::media::video::frame_clock::FrameRate;

const SIGNATURE: &str = "YUV4MPEG2";
/// They differ in the position of chroma samples, which is ignored: half a pixel.
const CHROMA: [&str; 5] = ["420", "420jpeg", "420mpeg2", "420paldv", "420p8"];
const MAX_SIDE: u32 = 8192;
const MAX_FPS: u32 = 240;

/// What all frames of a file have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rate: FrameRate,
}

impl Header {
    /// Size of one frame in bytes, without its marker.
    pub(super) fn frame_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 3 / 2
    }
}

/// Parses the line without its line feed.
///
/// # Errors
/// What is wrong, as a sentence.
pub(super) fn parse(line: &[u8]) -> Result<Header, String> {
    let line = std::str::from_utf8(line).map_err(|_| "the first line is not text".to_owned())?;
    let mut words = line.split(' ');
    if words.next() != Some(SIGNATURE) {
        return Err(format!("the file does not begin with {SIGNATURE}: this is no Y4M file"));
    }
    let (mut width, mut height, mut rate) = (None, None, None);
    for word in words.filter(|word| !word.is_empty()) {
        // `None`: the word begins with a character of several bytes, which no known tag does.
        let Some((tag, value)) = word.split_at_checked(1) else { continue };
        match tag {
            "W" => width = Some(side(value, "width")?),
            "H" => height = Some(side(value, "height")?),
            "F" => rate = Some(frame_rate(value)?),
            "C" if !CHROMA.contains(&value) => {
                return Err(format!("colour format C{value}; only 4:2:0 with 8 bits (C420) can be played"));
            }
            _ => {}
        }
    }
    let rate = rate.unwrap_or(FrameRate { numerator: 30, denominator: 1 });
    Ok(Header { width: width.ok_or("there is no width (W)")?, height: height.ok_or("there is no height (H)")?, rate })
}

fn side(value: &str, what: &str) -> Result<u32, String> {
    match value.parse::<u32>() {
        Ok(side) if side % 2 == 0 && (2..=MAX_SIDE).contains(&side) => Ok(side),
        _ => Err(format!("a {what} of {value:?}; it has to be an even number from 2 to {MAX_SIDE}")),
    }
}

fn frame_rate(value: &str) -> Result<FrameRate, String> {
    let parts = value.split_once(':').and_then(|(n, d)| Some((n.parse::<u32>().ok()?, d.parse::<u32>().ok()?)));
    match parts {
        // 0:0 means unknown.
        Some((0, 0)) => Ok(FrameRate { numerator: 30, denominator: 1 }),
        Some((numerator @ 1.., denominator @ 1..)) if numerator / denominator <= MAX_FPS => {
            Ok(FrameRate { numerator, denominator })
        }
        _ => Err(format!("a frame rate of {value:?}; it has to be a fraction such as 30:1, at most {MAX_FPS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_headers() {
        let rate = FrameRate { numerator: 30_000, denominator: 1001 };
        let line = b"YUV4MPEG2 W1280 H720 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED";
        assert_eq!(parse(line), Ok(Header { width: 1280, height: 720, rate }));
        let rate = FrameRate { numerator: 30, denominator: 1 };
        assert_eq!(parse(b"YUV4MPEG2 H2 W4"), Ok(Header { width: 4, height: 2, rate }));
        assert_eq!(parse(b"YUV4MPEG2 W4 H2 F0:0 C420mpeg2"), Ok(Header { width: 4, height: 2, rate }));
    }

    #[test]
    fn bad_headers_say_why() {
        for (line, reason) in [
            (&b"RIFF"[..], "no Y4M file"),
            (b"", "no Y4M file"),
            (b"\xff\xfe", "not text"),
            (b"YUV4MPEG2 H2", "no width"),
            (b"YUV4MPEG2 W2", "no height"),
            (b"YUV4MPEG2 W3 H2", "width of \"3\""),
            (b"YUV4MPEG2 W0 H2", "width of \"0\""),
            (b"YUV4MPEG2 W2 H99999999999", "height"),
            (b"YUV4MPEG2 W2 H2 F30", "frame rate"),
            (b"YUV4MPEG2 W2 H2 F1:0", "frame rate"),
            (b"YUV4MPEG2 W2 H2 F1000:1", "frame rate"),
            (b"YUV4MPEG2 W2 H2 C444", "C444"),
            (b"YUV4MPEG2 W2 H2 C420p10", "C420p10"),
        ] {
            let error = parse(line).expect_err("a bad header");
            assert!(error.contains(reason), "{error}");
        }
        assert!(parse("YUV4MPEG2 W2 H2 é".as_bytes()).is_ok(), "an unknown word is no error");
    }
}
