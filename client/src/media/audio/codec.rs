//! Opus (RFC 6716), mono at 48 kHz.

use bytes::Bytes;
use maru_core::media::{AUDIO_CLOCK_HZ, AudioTarget, OPUS_FRAME_SAMPLES};
use maru_core::playout::{AudioDecoder, Decode};
use opus::{Application, Bitrate, Channels, Signal};

/// The loss for which the forward error correction is tuned, where loss is expected.
const EXPECTED_LOSS_PERCENT: i32 = 10;
/// The longest Opus frame (RFC 6716, 3.4).
const MAX_PACKET_BYTES: usize = 1275;
/// 0 to 10. PESQ of speech at 32 kbit/s: 4.38 with 5, 4.43 with 7, 4.44 with 9, which take 0.8, 0.9 and 1.0 % of a core.
const COMPLEXITY: i32 = 7;
/// A packet of this length or shorter need not be sent (DTX; libopus, `opus_encode`).
const DTX_BYTES: usize = 2;
/// 2.5 ms: Opus conceals multiples of it.
const GRID_SAMPLES: usize = 120;

/// Makes codecs: those of Opus, or what a test uses instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codecs {
    pub(super) encoder: fn() -> Result<Box<dyn AudioEncoder>, opus::Error>,
    pub(super) decoder: fn() -> Result<Box<dyn AudioDecoder + Send>, opus::Error>,
}

impl Codecs {
    pub(super) const OPUS: Self =
        Self { encoder: || Ok(Box::new(Encoder::new()?)), decoder: || Ok(Box::new(Decoder::new()?)) };
}

/// Encodes frames of 20 ms.
pub(super) trait AudioEncoder: Send {
    /// One packet. `None`: nothing needs to be sent.
    fn encode(&mut self, frame: &[f32; OPUS_FRAME_SAMPLES]) -> Option<Bytes>;

    /// From the next packet on.
    fn set_target(&mut self, target: AudioTarget);

    /// Forgets the audio so far.
    fn reset(&mut self);
}

/// Encodes speech. Silence gives no packets (DTX).
struct Encoder {
    opus: opus::Encoder,
    packet: [u8; MAX_PACKET_BYTES],
}

impl Encoder {
    fn new() -> Result<Self, opus::Error> {
        let mut opus = opus::Encoder::new(AUDIO_CLOCK_HZ, Channels::Mono, Application::Voip)?;
        opus.set_signal(Signal::Voice)?;
        opus.set_inband_fec(true)?;
        opus.set_dtx(true)?;
        opus.set_complexity(COMPLEXITY)?;
        let mut encoder = Self { opus, packet: [0; MAX_PACKET_BYTES] };
        encoder.apply(AudioTarget::default())?;
        Ok(encoder)
    }

    fn apply(&mut self, AudioTarget { bitrate_bps, expects_loss }: AudioTarget) -> Result<(), opus::Error> {
        self.opus.set_bitrate(Bitrate::Bits(bitrate_bps as i32))?;
        self.opus.set_packet_loss_perc(if expects_loss { EXPECTED_LOSS_PERCENT } else { 0 })
    }
}

impl AudioEncoder for Encoder {
    fn encode(&mut self, frame: &[f32; OPUS_FRAME_SAMPLES]) -> Option<Bytes> {
        match self.opus.encode_float(frame, &mut self.packet) {
            Ok(length) if length > DTX_BYTES => Some(Bytes::copy_from_slice(&self.packet[..length])),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "a frame of audio cannot be encoded");
                None
            }
        }
    }

    fn set_target(&mut self, target: AudioTarget) {
        if let Err(error) = self.apply(target) {
            tracing::warn!(%error, "the audio encoder stays as it is");
        }
    }

    fn reset(&mut self) {
        if let Err(error) = self.opus.reset_state() {
            tracing::warn!(%error, "the audio encoder cannot be reset");
        }
    }
}

struct Decoder {
    opus: opus::Decoder,
}

impl Decoder {
    fn new() -> Result<Self, opus::Error> {
        Ok(Self { opus: opus::Decoder::new(AUDIO_CLOCK_HZ, Channels::Mono)? })
    }

    fn decode_into(&mut self, payload: &[u8], fec: bool, out: &mut [f32]) -> usize {
        self.opus.decode_float(payload, out, fec).unwrap_or(0)
    }
}

impl AudioDecoder for Decoder {
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>) {
        let (Decode::Packet { samples, .. }
        | Decode::Fec { samples, .. }
        | Decode::Conceal { samples }
        | Decode::Silence { samples }) = step;
        let (start, whole) = (out.len(), *samples);
        out.resize(start + whole, 0.0);
        let room = &mut out[start..];
        let on_grid = whole / GRID_SAMPLES * GRID_SAMPLES;
        // A broken packet is concealed; where that fails, too, the samples stay silent.
        match step {
            Decode::Packet { payload, .. } => {
                if self.decode_into(payload, false, room) == 0 {
                    self.decode_into(&[], false, &mut room[..on_grid]);
                }
            }
            Decode::Fec { payload, .. } => {
                self.decode_into(payload, true, &mut room[..on_grid]);
            }
            Decode::Conceal { .. } => {
                self.decode_into(&[], false, &mut room[..on_grid]);
            }
            Decode::Silence { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::playout::opus_packet::duration_samples;
    use maru_core::spectrum::{loudest_hz, tone};

    fn frames(audio: &[f32]) -> impl Iterator<Item = &[f32; OPUS_FRAME_SAMPLES]> {
        audio.as_chunks().0.iter()
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_packets_are_20_ms() {
        let (mut encoder, mut decoder) = (Encoder::new().unwrap(), Decoder::new().unwrap());
        let mut heard = Vec::new();
        for frame in frames(&tone(1000.0, 48_000, 48_000)) {
            let payload = encoder.encode(frame).unwrap();
            assert_eq!(duration_samples(&payload), Some(OPUS_FRAME_SAMPLES));
            decoder.decode(&Decode::Packet { payload, samples: OPUS_FRAME_SAMPLES }, &mut heard);
        }
        assert_eq!(heard.len(), 48_000);
        assert_eq!(loudest_hz(&heard[24_000..], 48_000, 400..3400, 20), 1000);
    }

    #[test]
    fn a_lost_packet_is_rebuilt_from_the_next_one() {
        let (mut encoder, mut decoder) = (Encoder::new().unwrap(), Decoder::new().unwrap());
        encoder.set_target(AudioTarget { expects_loss: true, ..AudioTarget::default() });
        // The pitch changes with each packet: concealed audio would have the pitch of the packet before.
        let audio: Vec<f32> = (0..100).flat_map(|n| tone(300.0 + 20.0 * f64::from(n), 48_000, 960)).collect();
        let packets: Vec<Bytes> = frames(&audio).filter_map(|frame| encoder.encode(frame)).collect();
        assert_eq!(packets.len(), 100);
        let mut heard = Vec::new();
        for (index, payload) in packets.iter().enumerate() {
            let samples = OPUS_FRAME_SAMPLES;
            let step = match index {
                50 => Decode::Fec { payload: packets[51].clone(), samples },
                _ => Decode::Packet { payload: payload.clone(), samples },
            };
            decoder.decode(&step, &mut heard);
        }
        let rebuilt = &heard[50 * 960 + 480..51 * 960];
        let pitch = loudest_hz(rebuilt, 48_000, 1000..1700, 20);
        assert!((1240..=1360).contains(&pitch), "{pitch}");
    }

    #[test]
    fn few_packets_are_sent_in_silence() {
        let mut encoder = Encoder::new().unwrap();
        let sent = frames(&vec![0.0; 48_000 * 4]).filter_map(|frame| encoder.encode(frame)).count();
        assert!(sent < 40, "{sent} of 200 packets");
    }

    #[test]
    fn a_broken_packet_gives_audio_of_its_duration() {
        let mut decoder = Decoder::new().unwrap();
        let mut heard = Vec::new();
        for first in 0..=255_u8 {
            let payload = Bytes::from(vec![first, 0xFF, 0x80, first]);
            let samples = duration_samples(&payload).unwrap_or(960);
            let before = heard.len();
            decoder.decode(&Decode::Packet { payload: payload.clone(), samples }, &mut heard);
            decoder.decode(&Decode::Fec { payload, samples }, &mut heard);
            assert_eq!(heard.len() - before, 2 * samples);
            assert!(heard.iter().all(|sample| sample.is_finite()));
            heard.clear();
        }
    }
}
