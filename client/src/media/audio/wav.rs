//! Plays a WAV file in a loop.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use maru_core::media::AUDIO_CLOCK_HZ;

use super::resample::RateConverter;
use crate::media::SourceError;

const MAX_RATE_HZ: u32 = 384_000;
const MIN_RATE_HZ: u32 = 4_000;
const MAX_CHANNELS: u16 = 64;
const BLOCK_FRAMES: usize = 480;

/// Checks that `path` can be played, by reading all of it.
///
/// # Errors
/// The place of the error and the reason.
pub fn check_file(path: &Path) -> Result<(), SourceError> {
    let mut wav = Wav::open(path)?;
    let mut frames = 0_u64;
    let mut block = Vec::new();
    while wav.read(&mut block)? > 0 {
        frames += block.len() as u64;
        block.clear();
    }
    if frames == 0 {
        return Err(wav.error("it has no samples".into()));
    }
    Ok(())
}

/// Plays a file in a loop, mono at 48 kHz. The audio worker reads it from disk through a buffer of 64 KiB.
pub(super) struct WavLoop {
    wav: Wav,
    converter: RateConverter,
    block: Vec<f32>,
    ready: Vec<f32>,
    failed: bool,
}

impl WavLoop {
    /// # Errors
    /// As [`check_file`], or the file's sample rate cannot be converted.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        check_file(path)?;
        let wav = Wav::open(path)?;
        let converter =
            RateConverter::new(wav.reader.spec().sample_rate, AUDIO_CLOCK_HZ).map_err(|reason| wav.error(reason))?;
        Ok(Self { wav, converter, block: Vec::new(), ready: Vec::new(), failed: false })
    }

    /// Fills `out` with the next samples, or with silence if the file can no longer be read.
    pub(super) fn fill(&mut self, out: &mut [f32]) {
        while self.ready.len() < out.len() && !self.failed {
            if let Err(error) = self.read_block() {
                tracing::warn!(%error, "the file can no longer be read");
                self.failed = true;
            }
        }
        let count = self.ready.len().min(out.len());
        out[..count].copy_from_slice(&self.ready[..count]);
        out[count..].fill(0.0);
        self.ready.drain(..count);
    }

    fn read_block(&mut self) -> Result<(), SourceError> {
        self.block.clear();
        if self.wav.read(&mut self.block)? == 0 {
            self.wav.rewind()?;
            if self.wav.read(&mut self.block)? == 0 {
                return Err(self.wav.error("it has no samples any more".into()));
            }
        }
        self.converter.convert(&self.block, &mut self.ready);
        Ok(())
    }
}

struct Wav {
    path: PathBuf,
    reader: WavReader<BufReader<File>>,
    samples_read: u64,
}

impl Wav {
    fn open(path: &Path) -> Result<Self, SourceError> {
        let error = |place: &str, reason: String| SourceError { path: path.into(), place: place.into(), reason };
        let file = File::open(path).map_err(|e| error("opening", e.to_string()))?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(error("opening", "it is not a file".into()));
        }
        let reader = WavReader::new(BufReader::with_capacity(1 << 16, file))
            .map_err(|e| error("header (byte 0)", sentence(&e)))?;
        let spec = reader.spec();
        let depth_is_fit = match spec.sample_format {
            SampleFormat::Int => matches!(spec.bits_per_sample, 8 | 16 | 24 | 32),
            SampleFormat::Float => spec.bits_per_sample == 32,
        };
        if !depth_is_fit {
            let reason = format!("{} bits a sample; 8, 16, 24 and 32 can be played", spec.bits_per_sample);
            return Err(error("header", reason));
        }
        if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&spec.sample_rate) {
            let reason = format!("{} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} can be played", spec.sample_rate);
            return Err(error("header", reason));
        }
        if !(1..=MAX_CHANNELS).contains(&spec.channels) {
            return Err(error("header", format!("{} channels; 1 to {MAX_CHANNELS} can be played", spec.channels)));
        }
        Ok(Self { path: path.into(), reader, samples_read: 0 })
    }

    /// Appends up to [`BLOCK_FRAMES`] frames, mixed to mono. Returns how many: 0 at the end of the file.
    fn read(&mut self, out: &mut Vec<f32>) -> Result<usize, SourceError> {
        let spec = self.reader.spec();
        let channels = usize::from(spec.channels);
        let before = out.len();
        let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
        for _ in 0..BLOCK_FRAMES {
            let mut sum = 0.0;
            let mut got = 0;
            for _ in 0..channels {
                let sample = match spec.sample_format {
                    SampleFormat::Float => self.reader.samples::<f32>().next(),
                    SampleFormat::Int => {
                        self.reader.samples::<i32>().next().map(|sample| sample.map(|value| value as f32 * scale))
                    }
                };
                let Some(sample) = sample else { break };
                let sample = sample.map_err(|e| self.error(sentence(&e)))?;
                if !sample.is_finite() {
                    return Err(self.error("it is not a number".into()));
                }
                sum += sample.clamp(-1.0, 1.0);
                got += 1;
                self.samples_read += 1;
            }
            if got == 0 {
                break;
            }
            if got < channels {
                return Err(self.error("the file ends in the middle of a frame".into()));
            }
            out.push(sum / channels as f32);
        }
        Ok(out.len() - before)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.samples_read = 0;
        self.reader.seek(0).map_err(|e| self.error(e.to_string()))
    }

    fn error(&self, reason: String) -> SourceError {
        SourceError { path: self.path.clone(), place: format!("sample {}", self.samples_read), reason }
    }
}

fn sentence(error: &hound::Error) -> String {
    match error {
        // hound's error for a file that ends too early.
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::Other => "the file ends too early".into(),
        hound::Error::IoError(error) => error.to_string(),
        hound::Error::FormatError(reason) => format!("it is not a WAV file that can be played ({reason})"),
        hound::Error::Unsupported => "it is compressed, or of a kind of WAV that cannot be played".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};
    use maru_core::spectrum::{loudest_hz, tone};

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("maru-wav-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir.join(name)
    }

    /// Half a second of 1 kHz on every channel.
    fn write(path: &Path, sample_rate: u32, channels: u16, bits_per_sample: u16, sample_format: SampleFormat) {
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        let mut writer = WavWriter::create(path, spec).unwrap();
        for sample in tone(1000.0, sample_rate, sample_rate as usize / 2) {
            for _ in 0..channels {
                match sample_format {
                    SampleFormat::Float => writer.write_sample(sample).unwrap(),
                    SampleFormat::Int => {
                        let full = ((1_u64 << (bits_per_sample - 1)) - 1) as f32;
                        writer.write_sample((sample * full) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn each_sample_format_rate_and_number_of_channels_is_played() {
        let kinds = [
            (8, SampleFormat::Int, 8_000, 1),
            (16, SampleFormat::Int, 44_100, 2),
            (24, SampleFormat::Int, 48_000, 6),
            (32, SampleFormat::Int, 96_000, 1),
            (32, SampleFormat::Float, 22_050, 2),
        ];
        for (bits, format, rate_hz, channels) in kinds {
            let path = scratch(&format!("{bits}-{rate_hz}.wav"));
            write(&path, rate_hz, channels, bits, format);
            let mut source = WavLoop::open(&path).unwrap();
            // Two seconds of a file of half a second: it loops.
            let mut audio = vec![0.0; 96_000];
            for part in audio.chunks_mut(333) {
                source.fill(part);
            }
            let last = &audio[72_000..];
            assert_eq!(loudest_hz(last, 48_000, 400..3000, 20), 1000, "{bits} bits");
            let rms = (last.iter().map(|sample| sample * sample).sum::<f32>() / last.len() as f32).sqrt();
            assert!((0.33..0.37).contains(&rms), "{bits} bits: {rms}");
        }
    }

    #[test]
    fn the_error_for_a_cut_file_names_the_sample() {
        let path = scratch("cut.wav");
        write(&path, 48_000, 1, 16, SampleFormat::Int);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..44 + 2 * 1000]).unwrap();
        let error = check_file(&path).unwrap_err();
        assert_eq!(error.place, "sample 1000");
        assert!(error.to_string().contains("cut.wav") && error.reason.contains("too early"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_wav_is_refused_with_a_reason() {
        let path = scratch("text.wav");
        std::fs::write(&path, "not a wave file at all, just some words").unwrap();
        assert!(check_file(&path).unwrap_err().place.contains("header"));
        let empty = scratch("empty.wav");
        write(&empty, 48_000, 1, 16, SampleFormat::Int);
        let header = std::fs::read(&empty).unwrap()[..40].to_vec();
        std::fs::write(&empty, [header, vec![0; 4]].concat()).unwrap();
        assert!(check_file(&empty).unwrap_err().reason.contains("no samples"));
        assert_eq!(check_file(&scratch("missing.wav")).unwrap_err().place, "opening");
        assert!(check_file(&std::env::temp_dir()).is_err());
    }

    #[test]
    fn the_error_for_a_nan_names_the_sample() {
        let path = scratch("nan.wav");
        let spec =
            WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 32, sample_format: SampleFormat::Float };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for sample in [0.0, 0.5, f32::NAN] {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(check_file(&path).unwrap_err().place, "sample 2");
    }
}
