//! Limits of the video sent to each receiver, by the number of receivers.

/// Limits of the video to one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoShare {
    pub bitrate_bps: u32,
    pub max_width: u32,
    pub max_height: u32,
    pub max_fps: u32,
}

impl VideoShare {
    /// For a call with this many receivers. Each is sent a copy, and shows smaller frames the more there are. The sum
    /// stays below 5 Mbit/s in a full room.
    pub const fn for_receivers(receivers: usize) -> Self {
        match receivers {
            0 | 1 => Self { bitrate_bps: 4_500_000, max_width: 1_920, max_height: 1_080, max_fps: 30 },
            2 => Self { bitrate_bps: 1_600_000, max_width: 1_280, max_height: 720, max_fps: 30 },
            3 => Self { bitrate_bps: 1_000_000, max_width: 960, max_height: 540, max_fps: 30 },
            4 | 5 => Self { bitrate_bps: 600_000, max_width: 640, max_height: 360, max_fps: 30 },
            _ => Self { bitrate_bps: 600_000, max_width: 640, max_height: 360, max_fps: 20 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_receivers_never_get_more() {
        for receivers in 0..20 {
            let (fewer, more) = (VideoShare::for_receivers(receivers), VideoShare::for_receivers(receivers + 1));
            assert!(more.bitrate_bps <= fewer.bitrate_bps);
            assert!(more.max_width <= fewer.max_width && more.max_height <= fewer.max_height);
            assert!(more.max_fps <= fewer.max_fps);
        }
    }

    #[test]
    fn a_full_room_of_eight_stays_below_5_mbit_per_sender() {
        for receivers in 1..8 {
            let sum_bps = VideoShare::for_receivers(receivers).bitrate_bps * receivers as u32;
            assert!(sum_bps < 5_000_000, "{receivers} receivers take {sum_bps}");
        }
    }
}
