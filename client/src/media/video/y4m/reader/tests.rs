use super::*;
use crate::media::video::y4m::Y4mWriter;
use maru_core::test_pattern::TestPattern;
use std::io::Write;
use tempfile::NamedTempFile;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}

/// Header, then frames of 4 by 2 pixels: 12 bytes.
fn clip(frames: &[&[u8]]) -> Vec<u8> {
    [&b"YUV4MPEG2 W4 H2 F25:1 C420jpeg\n"[..], &frames.concat()].concat()
}

#[test]
fn frames_are_read_in_any_order() {
    let frame = |value: u8, marker: &[u8]| [marker, &[value; 8], &[value + 1; 2], &[value + 2; 2]].concat();
    let bytes = clip(&[&frame(10, b"FRAME\n"), &frame(20, b"FRAME Ip XTRA\n"), &frame(30, b"FRAME\n")]);
    let file = file(&bytes);
    let mut reader = Y4mReader::open(file.path()).expect("a good file");
    assert_eq!((reader.frames(), reader.rate().numerator), (3, 25));
    let mut image = I420::black(0, 0);
    for (index, value) in [(0, 10), (1, 20), (2, 30), (0, 10), (2, 30)] {
        reader.read(index, &mut image).expect("a frame");
        assert_eq!((image.width, image.height), (4, 2));
        assert_eq!((&image.y[..], image.u[0], image.v[1]), (&[value; 8][..], value + 1, value + 2));
    }
    let beyond = reader.read(3, &mut image).expect_err("three frames");
    assert_eq!(beyond.place, "frame 3");
}

#[test]
fn a_broken_file_is_refused_with_the_place_and_the_reason() {
    let frame = [&b"FRAME\n"[..], &[9; 12]].concat();
    for (bytes, place, reason) in [
        (b"".to_vec(), "header", "no Y4M file"),
        (vec![0; 5000], "header", "no Y4M file"),
        (b"YUV4MPEG2 W4 H2".to_vec(), "header", "no Y4M file"),
        (b"YUV4MPEG2 W4 H2 C422\nFRAME\n".to_vec(), "header", "C422"),
        (clip(&[]), "byte 31", "no frame"),
        (clip(&[&frame, b"FRAM"]), "frame 1 (byte 49)", "begin with FRAME"),
        (clip(&[&frame, &frame, &[9; 18]]), "frame 2 (byte 67)", "begin with FRAME"),
        (clip(&[&frame, &frame[..17]]), "frame 1 (byte 49)", "after 11 of the 12 bytes"),
        (clip(&[b"FRAMES\n", &[0; 12]]), "frame 0 (byte 31)", "begin with FRAME"),
    ] {
        let file = file(&bytes);
        let error = Y4mReader::open(file.path()).expect_err("a broken file");
        assert_eq!(error.place, place, "{error}");
        assert!(error.reason.contains(reason), "{error}");
        assert!(error.to_string().starts_with(&file.path().display().to_string()), "{error}");
    }
    let missing = Y4mReader::open(Path::new("/nowhere/clip.y4m")).expect_err("no file");
    assert_eq!(missing.place, "opening");
    let directory = Y4mReader::open(&std::env::temp_dir()).expect_err("a directory");
    assert_eq!(directory.place, "opening");
}

#[test]
fn a_long_file_is_opened_without_looking_at_each_frame_and_read_with_care() {
    let frame = [&b"FRAME\n"[..], &[9; 12]].concat();
    let mut bytes = clip(&[&frame.repeat(10_000)]);
    let broken = 31 + 5001 * frame.len();
    bytes[broken] = b'f';
    let file = file(&bytes);
    let mut reader = Y4mReader::open(file.path()).expect("no marker that is looked at is broken");
    assert!(matches!(reader.frames, Frames::Regular { count: 10_000, .. }), "{:?}", reader.frames);
    let mut image = I420::black(0, 0);
    reader.read(9999, &mut image).expect("the last one");
    let error = reader.read(5001, &mut image).expect_err("a broken one");
    assert_eq!((error.place.as_str(), error.reason.contains("FRAME")), ("frame 5001", true));
    assert_eq!(reader.read(10_000, &mut image).expect_err("there is no more").place, "frame 10000");
}

#[test]
fn a_file_cut_off_while_it_plays_is_an_error() {
    // Larger than what is read ahead, so that the second frame is not in memory yet.
    let header = b"YUV4MPEG2 W640 H480 F25:1\n";
    let frame = [&b"FRAME\n"[..], &vec![9; 640 * 480 * 3 / 2]].concat();
    let file = file(&[&header[..], &frame, &frame].concat());
    let mut reader = Y4mReader::open(file.path()).expect("a good file");
    file.as_file().set_len(frame.len() as u64 + 100_000).expect("cut");
    let mut image = I420::black(0, 0);
    reader.read(0, &mut image).expect("the first is still there");
    let error = reader.read(1, &mut image).expect_err("the second is not");
    assert_eq!(error.place, "frame 1");
}

#[test]
fn a_written_file_can_be_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clip.y4m");
    let test = TestPattern::new(64, 48);
    let mut image = I420::black(0, 0);
    let mut writer = Y4mWriter::new(File::create(&path).expect("created"), 64, 48).expect("begun");
    for number in 0..3 {
        test.draw(number, &mut image);
        writer.write(&image).expect("written");
    }
    drop(writer);
    let mut reader = Y4mReader::open(&path).expect("a good file");
    assert_eq!(reader.frames(), 3);
    for number in 0..3 {
        test.draw(number, &mut image);
        let mut read = I420::black(0, 0);
        reader.read(number, &mut read).expect("a frame");
        assert_eq!(read, image);
    }
}
