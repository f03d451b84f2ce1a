//! Lips and voice together: when a frame is to be shown so that it is not far ahead of the sound of its moment.
//!
//! Each stream has RTP times of its own. A sender report names the same moment in RTP time and in the sender's clock (RFC
//! 3550, 6.4.1), so both can be told as times of capture. Sound, which has to be even, waits longer than frames: they
//! are held for it. Where frames are the later ones nothing is held, for sound that waits would spoil the talk.

use std::time::Duration;

use crate::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use crate::rtp::RtpTime;
use crate::time::Timestamp;

/// Frames may be ahead by so much. People notice sound that comes 45 ms early or 125 ms late (ITU-R BT.1359), and
/// decoding and drawing take some of it.
const AHEAD: Duration = Duration::from_millis(30);
/// The longest that a frame is held: sound that is later than that is in trouble, and frames need not be too.
const MAX_HOLD: Duration = Duration::from_millis(120);
/// What is known of the sound is of no use after so long: it is switched off, or lost.
const OUTDATED: Duration = Duration::from_millis(500);
/// Of a new delay this much is taken over at a time, so that frames do not jump.
const SMOOTHING: f64 = 0.1;

/// The streams of one sender.
#[derive(Debug, Default)]
pub struct LipSync {
    sound: Option<Mapping>,
    frames: Option<Mapping>,
    /// From capture, by the sender's clock, to the loudspeaker, by ours: their difference is in it. In microseconds.
    sound_delay_us: Option<f64>,
    heard: Option<(Timestamp, RtpTime)>,
}

/// One moment, in both of a sender's clocks.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    captured_us: f64,
    rtp_time: RtpTime,
    clock_hz: u32,
}

impl Mapping {
    /// When what has this RTP time was captured, by the sender's clock.
    fn captured_us(self, rtp_time: RtpTime) -> f64 {
        let ticks = (rtp_time - self.rtp_time) as f64;
        self.captured_us + ticks * 1e6 / f64::from(self.clock_hz)
    }
}

impl LipSync {
    /// A sender report on sound. `ntp`: seconds since 1900 in 32.32 fixed point.
    pub fn sound_reported(&mut self, ntp: u64, rtp_time: RtpTime) {
        self.sound = Some(mapping(ntp, rtp_time, AUDIO_CLOCK_HZ));
    }

    /// A sender report on frames.
    pub fn frames_reported(&mut self, ntp: u64, rtp_time: RtpTime) {
        self.frames = Some(mapping(ntp, rtp_time, VIDEO_CLOCK_HZ));
    }

    /// The sound of `rtp_time` reaches the loudspeaker at `at`. To be told often; the same moment twice changes nothing.
    pub fn heard(&mut self, at: Timestamp, rtp_time: RtpTime) {
        if self.heard == Some((at, rtp_time)) {
            return;
        }
        self.heard = Some((at, rtp_time));
        let Some(sound) = self.sound else { return };
        let delay_us = at.as_micros() as f64 - sound.captured_us(rtp_time);
        let before = self.sound_delay_us.unwrap_or(delay_us);
        // Another clock, or another sender behind the same name: begin anew.
        let is_jump = (delay_us - before).abs() > 1e6;
        self.sound_delay_us = Some(if is_jump { delay_us } else { before + (delay_us - before) * SMOOTHING });
    }

    /// When to show a frame that is ready at `now`: not before `now`, and not long after it.
    pub fn due(&self, now: Timestamp, rtp_time: RtpTime) -> Timestamp {
        let (Some(frames), Some(delay_us), Some((heard, _))) = (self.frames, self.sound_delay_us, self.heard) else {
            return now;
        };
        if now.since(heard) > OUTDATED {
            return now;
        }
        let due_us = frames.captured_us(rtp_time) + delay_us - AHEAD.as_micros() as f64;
        Timestamp::from_micros(due_us.max(0.0) as u64).clamp(now, now + MAX_HOLD)
    }

    /// The sender has begun new streams.
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

    /// Sound that was captured at 1000 ms by our clock is heard 100 ms later.
    fn synced() -> LipSync {
        let mut sync = LipSync::default();
        sync.sound_reported(ntp(1000), rtp(100_000));
        sync.frames_reported(ntp(1000), rtp(90_000));
        sync.heard(at(1100), rtp(100_000));
        sync
    }

    #[test]
    fn a_frame_waits_until_it_is_30_ms_ahead_of_the_sound() {
        let sync = synced();
        assert_eq!(sync.due(at(1020), rtp(90_000)), at(1070));
        assert_eq!(sync.due(at(1080), rtp(90_000)), at(1080), "late enough");
        // The next one, captured 33 ms later.
        assert_eq!(sync.due(at(1053), rtp(93_000)).as_micros() / 1000, 1103);
    }

    #[test]
    fn nothing_waits_for_sound_that_is_not_there_or_far_behind() {
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
    fn a_changed_delay_is_followed_gently() {
        let mut sync = synced();
        let mut last = sync.due(at(1020), rtp(90_000));
        for step in 1..100u64 {
            // 20 ms of sound in each step, all of it 60 ms later than before.
            sync.heard(at(1160 + step * 20), rtp(100_000 + step * 960));
            let due = sync.due(at(1020), rtp(90_000));
            assert!(due.since(last) <= Duration::from_millis(7), "step {step}");
            last = due;
        }
        assert_eq!(last.as_micros() / 1000, 1129);
    }

    #[test]
    fn nonsense_from_the_peer_does_no_harm() {
        let mut sync = LipSync::default();
        for ntp in [0, u64::MAX] {
            sync.sound_reported(ntp, rtp(5));
            sync.frames_reported(!ntp, rtp(u64::MAX));
            sync.heard(at(9), rtp(7));
            let due = sync.due(at(10), rtp(8));
            assert!(due >= at(10) && due <= at(10) + MAX_HOLD);
        }
    }
}
