//! Lip sync: when to show a frame so that it is not far ahead of the audio captured with it.
//!
//! A sender report gives one moment in RTP time and in the sender's clock (RFC 3550, 6.4.1), so RTP times of both
//! streams can be converted to capture times. Audio waits in its jitter buffer, so frames are held for it. Audio is
//! never held for frames: its delay is what disturbs a conversation.

use std::time::Duration;

use crate::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use crate::rtp::RtpTime;
use crate::time::Timestamp;

/// A frame may be ahead by this much. People notice audio that is 45 ms early or 125 ms late (ITU-R BT.1359), and
/// decoding and drawing take some of that.
const AHEAD: Duration = Duration::from_millis(30);
/// The longest time that a frame is held.
const MAX_HOLD: Duration = Duration::from_millis(120);
/// Audio that was heard longer ago is muted or lost: frames do not wait for it.
const OUTDATED: Duration = Duration::from_millis(500);
/// Gain of the smoothed audio delay, so that frames do not jump.
const SMOOTHING: f64 = 0.1;

/// The streams of one sender.
#[derive(Debug, Default)]
pub struct LipSync {
    audio: Option<Mapping>,
    video: Option<Mapping>,
    /// From capture by the sender's clock to the loudspeaker by ours, in µs. The difference of the clocks is part of
    /// it.
    audio_delay_us: Option<f64>,
    heard: Option<(Timestamp, RtpTime)>,
}

/// One moment by both clocks of a sender.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    captured_us: f64,
    rtp_time: RtpTime,
    clock_hz: u32,
}

impl Mapping {
    /// The capture time of `rtp_time` by the sender's clock, in µs.
    fn captured_us(self, rtp_time: RtpTime) -> f64 {
        let ticks = (rtp_time - self.rtp_time) as f64;
        self.captured_us + ticks * 1e6 / f64::from(self.clock_hz)
    }
}

impl LipSync {
    /// A sender report on audio. `ntp`: seconds since 1900 in 32.32 fixed point.
    pub fn audio_reported(&mut self, ntp: u64, rtp_time: RtpTime) {
        self.audio = Some(mapping(ntp, rtp_time, AUDIO_CLOCK_HZ));
    }

    /// A sender report on video. `ntp`: as above.
    pub fn video_reported(&mut self, ntp: u64, rtp_time: RtpTime) {
        self.video = Some(mapping(ntp, rtp_time, VIDEO_CLOCK_HZ));
    }

    /// The audio of `rtp_time` reaches the loudspeaker at `at`. To be called often; the same pair twice changes
    /// nothing.
    pub fn heard(&mut self, at: Timestamp, rtp_time: RtpTime) {
        if self.heard == Some((at, rtp_time)) {
            return;
        }
        self.heard = Some((at, rtp_time));
        let Some(audio) = self.audio else { return };
        let delay_us = at.as_micros() as f64 - audio.captured_us(rtp_time);
        let before = self.audio_delay_us.unwrap_or(delay_us);
        // The sender's clock was set: no smoothing.
        let is_jump = (delay_us - before).abs() > 1e6;
        self.audio_delay_us = Some(if is_jump { delay_us } else { before + (delay_us - before) * SMOOTHING });
    }

    /// When to show a frame that is ready at `now`: between `now` and 120 ms later.
    pub fn due(&self, now: Timestamp, rtp_time: RtpTime) -> Timestamp {
        let (Some(video), Some(delay_us), Some((heard, _))) = (self.video, self.audio_delay_us, self.heard) else {
            return now;
        };
        if now.since(heard) > OUTDATED {
            return now;
        }
        let due_us = video.captured_us(rtp_time) + delay_us - AHEAD.as_micros() as f64;
        Timestamp::from_micros(due_us.max(0.0) as u64).clamp(now, now + MAX_HOLD)
    }

    /// Forgets everything: the sender has started new streams.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn mapping(ntp: u64, rtp_time: RtpTime, clock_hz: u32) -> Mapping {
    Mapping { captured_us: ntp as f64 / 2f64.powi(32) * 1e6, rtp_time, clock_hz }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sender's clock is years ahead of ours.
    fn ntp(ms: u64) -> u64 {
        ((3_900_000_000.0 + ms as f64 / 1e3) * 2f64.powi(32)) as u64
    }

    fn rtp(ticks: u64) -> RtpTime {
        RtpTime::new(ticks)
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// Audio captured at 1000 ms by our clock is heard 100 ms later.
    fn synced() -> LipSync {
        let mut sync = LipSync::default();
        sync.audio_reported(ntp(1000), rtp(100_000));
        sync.video_reported(ntp(1000), rtp(90_000));
        sync.heard(at(1100), rtp(100_000));
        sync
    }

    #[test]
    fn a_frame_is_shown_30_ms_ahead_of_its_audio() {
        let sync = synced();
        assert_eq!(sync.due(at(1020), rtp(90_000)), at(1070));
        assert_eq!(sync.due(at(1080), rtp(90_000)), at(1080), "late enough");
        // The next one, captured 33 ms later.
        assert_eq!(sync.due(at(1053), rtp(93_000)).as_micros() / 1000, 1103);
    }

    #[test]
    fn frames_do_not_wait_for_missing_audio_nor_longer_than_the_maximum() {
        assert_eq!(LipSync::default().due(at(7), rtp(1)), at(7));
        let mut sync = synced();
        assert_eq!(sync.due(at(1700), rtp(150_000)), at(1700), "nothing heard for half a second");
        sync.heard(at(3000), rtp(104_800));
        sync.heard(at(3100), rtp(109_600));
        assert_eq!(sync.due(at(2000), rtp(180_000)), at(2000) + MAX_HOLD);
        sync.reset();
        assert_eq!(sync.due(at(1020), rtp(90_000)), at(1020));
    }

    #[test]
    fn a_changed_audio_delay_is_followed_smoothly() {
        let mut sync = synced();
        let mut last = sync.due(at(1020), rtp(90_000));
        for step in 1..100u64 {
            // 20 ms of audio in each step, 60 ms later than before.
            sync.heard(at(1160 + step * 20), rtp(100_000 + step * 960));
            let due = sync.due(at(1020), rtp(90_000));
            assert!(due.since(last) <= Duration::from_millis(7), "step {step}");
            last = due;
        }
        assert_eq!(last.as_micros() / 1000, 1129);
    }

    #[test]
    fn arbitrary_sender_reports_are_harmless() {
        let mut sync = LipSync::default();
        for ntp in [0, u64::MAX] {
            sync.audio_reported(ntp, rtp(5));
            sync.video_reported(!ntp, rtp(u64::MAX));
            sync.heard(at(9), rtp(7));
            let due = sync.due(at(10), rtp(8));
            assert!(due >= at(10) && due <= at(10) + MAX_HOLD);
        }
    }
}
