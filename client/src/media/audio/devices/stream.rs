//! Opens a device in the format nearest to ours: `f32` at 48 kHz, in buffers of 10 ms. Speakers in stereo, microphones with
//! all of their channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{
    BufferSize, Device, Error, ErrorKind, FromSample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig, SupportedStreamConfigRange,
};
use maru_core::media::AUDIO_CLOCK_HZ;

use super::super::callbacks::{self, InputCallback, InputRing, OutputCallback, OutputRing};
use super::Direction;
use super::supervisor::Message;

/// The worker's end of a device.
pub(super) enum Ring {
    Input(InputRing),
    Output(OutputRing),
}

/// Tells the supervisor, once, that a stream has ended.
#[derive(Clone)]
pub(super) struct FailureSink {
    pub(super) messages: SyncSender<Message>,
    pub(super) generation: u64,
    pub(super) reported: Arc<AtomicBool>,
}

impl FailureSink {
    fn tell(&self, error: &Error) {
        let continues = matches!(error.kind(), ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged);
        if continues || self.reported.swap(true, Ordering::Relaxed) {
            return;
        }
        // With a full queue the supervisor is busy with newer messages, and it checks the device every 2 s in any case.
        let _ = self.messages.try_send(Message::Lost { generation: self.generation, error: error.clone() });
    }
}

/// Opens `device` and starts its stream. May take long, or hang.
pub(super) fn open(device: &Device, direction: Direction, failures: &FailureSink) -> Result<(Stream, Ring), Error> {
    let supported = choose(device, direction)?;
    let config = stream_config(&supported, fixed_buffer(&supported));
    let opened = build(device, direction, config, supported.sample_format(), failures);
    let (stream, ring) = match opened {
        // Some drivers accept only their own buffer size.
        Err(error) if error.kind() == ErrorKind::UnsupportedConfig => {
            let config = stream_config(&supported, BufferSize::Default);
            build(device, direction, config, supported.sample_format(), failures)?
        }
        other => other?,
    };
    stream.play()?;
    Ok((stream, ring))
}

fn choose(device: &Device, direction: Direction) -> Result<SupportedStreamConfig, Error> {
    let (ranges, default): (Vec<_>, _) = match direction {
        Direction::Input => (device.supported_input_configs()?.collect(), device.default_input_config()),
        Direction::Output => (device.supported_output_configs()?.collect(), device.default_output_config()),
    };
    let preferred_channels = match direction {
        // All that the device has: an audio server that makes one of them averages them.
        Direction::Input => default.as_ref().map_or(1, SupportedStreamConfig::channels),
        Direction::Output => 2,
    };
    best_config(&ranges, preferred_channels).map_or(default, Ok)
}

/// The range with the rate nearest to 48 kHz; among equals the best sample format, then the preferred channels.
fn best_config(ranges: &[SupportedStreamConfigRange], preferred_channels: u16) -> Option<SupportedStreamConfig> {
    let rate = |range: &SupportedStreamConfigRange| {
        AUDIO_CLOCK_HZ.clamp(range.min_sample_rate(), range.max_sample_rate().max(range.min_sample_rate()))
    };
    let best = ranges.iter().filter(|range| format_rank(range.sample_format()).is_some()).min_by_key(|range| {
        let off_hz = rate(range).abs_diff(AUDIO_CLOCK_HZ);
        let off_channels = range.channels().abs_diff(preferred_channels);
        (off_hz, format_rank(range.sample_format()), off_channels)
    })?;
    best.try_with_sample_rate(rate(best))
}

/// Lower is better; `None`: this format is not converted.
fn format_rank(format: SampleFormat) -> Option<u8> {
    let ranked = [SampleFormat::F32, SampleFormat::I16, SampleFormat::I32, SampleFormat::U8, SampleFormat::U16];
    ranked.iter().position(|&ranked| ranked == format).map(|rank| rank as u8)
}

/// 10 ms. PulseAudio's default size gives two seconds of latency.
fn fixed_buffer(config: &SupportedStreamConfig) -> BufferSize {
    let frames = config.sample_rate() / 100;
    match *config.buffer_size() {
        SupportedBufferSize::Range { min, max } if min <= max => BufferSize::Fixed(frames.clamp(min, max)),
        _ => BufferSize::Fixed(frames),
    }
}

fn stream_config(config: &SupportedStreamConfig, buffer_size: BufferSize) -> StreamConfig {
    StreamConfig { channels: config.channels(), sample_rate: config.sample_rate(), buffer_size }
}

fn build(
    device: &Device,
    direction: Direction,
    config: StreamConfig,
    format: SampleFormat,
    failures: &FailureSink,
) -> Result<(Stream, Ring), Error> {
    match direction {
        Direction::Input => {
            let (callback, ring) = callbacks::input(config.channels, config.sample_rate);
            let stream = match format {
                SampleFormat::F32 => build_input::<f32>(device, config, callback, failures),
                SampleFormat::I16 => build_input::<i16>(device, config, callback, failures),
                SampleFormat::I32 => build_input::<i32>(device, config, callback, failures),
                SampleFormat::U8 => build_input::<u8>(device, config, callback, failures),
                SampleFormat::U16 => build_input::<u16>(device, config, callback, failures),
                other => Err(unknown_format(other)),
            }?;
            Ok((stream, Ring::Input(ring)))
        }
        Direction::Output => {
            let (callback, ring) = callbacks::output(config.channels, config.sample_rate);
            let stream = match format {
                SampleFormat::F32 => build_output::<f32>(device, config, callback, failures),
                SampleFormat::I16 => build_output::<i16>(device, config, callback, failures),
                SampleFormat::I32 => build_output::<i32>(device, config, callback, failures),
                SampleFormat::U8 => build_output::<u8>(device, config, callback, failures),
                SampleFormat::U16 => build_output::<u16>(device, config, callback, failures),
                other => Err(unknown_format(other)),
            }?;
            Ok((stream, Ring::Output(ring)))
        }
    }
}

fn build_input<T: SizedSample>(
    device: &Device,
    config: StreamConfig,
    mut callback: InputCallback,
    failures: &FailureSink,
) -> Result<Stream, Error>
where
    f32: FromSample<T>,
{
    let failures = failures.clone();
    device.build_input_stream(
        config,
        move |samples: &[T], info: &cpal::InputCallbackInfo| {
            let time = info.timestamp();
            callback.take(samples, latency(time.callback, time.capture));
        },
        move |error| failures.tell(&error),
        None,
    )
}

fn build_output<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: StreamConfig,
    mut callback: OutputCallback,
    failures: &FailureSink,
) -> Result<Stream, Error> {
    let failures = failures.clone();
    device.build_output_stream(
        config,
        move |samples: &mut [T], info: &cpal::OutputCallbackInfo| {
            let time = info.timestamp();
            callback.fill(samples, latency(time.playback, time.callback));
        },
        move |error| failures.tell(&error),
        None,
    )
}

fn latency(later: cpal::StreamInstant, earlier: cpal::StreamInstant) -> Duration {
    later.checked_duration_since(earlier).unwrap_or_default()
}

fn unknown_format(format: SampleFormat) -> Error {
    Error::with_message(ErrorKind::UnsupportedConfig, format!("its sample format {format} is not supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(channels: u16, min_hz: u32, max_hz: u32, format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, min_hz, max_hz, SupportedBufferSize::Unknown, format)
    }

    #[test]
    fn our_own_format_is_preferred() {
        let ranges = [
            range(2, 44_100, 44_100, SampleFormat::F32),
            range(1, 8_000, 96_000, SampleFormat::I16),
            range(2, 8_000, 96_000, SampleFormat::F32),
            range(1, 8_000, 96_000, SampleFormat::F32),
        ];
        let best = best_config(&ranges, 1).unwrap();
        assert_eq!((best.channels(), best.sample_rate(), best.sample_format()), (1, 48_000, SampleFormat::F32));
        assert_eq!(best_config(&ranges, 2).unwrap().channels(), 2);
    }

    #[test]
    fn without_it_the_nearest_rate_and_a_format_that_can_be_converted_is_taken() {
        let ranges = [range(4, 16_000, 44_100, SampleFormat::I32), range(4, 8_000, 8_000, SampleFormat::F32)];
        let best = best_config(&ranges, 1).unwrap();
        assert_eq!((best.sample_rate(), best.sample_format()), (44_100, SampleFormat::I32));
        assert!(best_config(&[range(1, 48_000, 48_000, SampleFormat::F64)], 1).is_none());
    }
}
