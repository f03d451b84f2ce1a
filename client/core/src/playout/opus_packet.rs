//! The duration of an Opus packet (RFC 6716, 3.1 and 3.2).

/// The longest packet that RFC 6716 allows: 120 ms at 48 kHz.
const MAX_SAMPLES: usize = 5760;

/// Samples at 48 kHz in `payload`; `None` if its first bytes are no Opus packet.
pub fn duration_samples(payload: &[u8]) -> Option<usize> {
    let toc = *payload.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config & 3],
        12..16 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3F),
    };
    let samples = frame * frames;
    (1..=MAX_SAMPLES).contains(&samples).then_some(samples)
}

#[cfg(test)]
mod tests {
    use super::duration_samples;

    #[test]
    fn durations_follow_the_table_of_configurations() {
        assert_eq!(duration_samples(&[0 << 3]), Some(480));
        assert_eq!(duration_samples(&[3 << 3]), Some(2880));
        assert_eq!(duration_samples(&[13 << 3]), Some(960));
        assert_eq!(duration_samples(&[16 << 3]), Some(120));
        assert_eq!(duration_samples(&[31 << 3 | 1]), Some(1920));
        assert_eq!(duration_samples(&[31 << 3 | 3, 6]), Some(5760));
    }

    #[test]
    fn what_is_no_packet_has_no_duration() {
        assert_eq!(duration_samples(&[]), None);
        assert_eq!(duration_samples(&[31 << 3 | 3]), None, "frame count missing");
        assert_eq!(duration_samples(&[31 << 3 | 3, 0]), None, "no frames");
        assert_eq!(duration_samples(&[3 << 3 | 3, 3]), None, "180 ms");
    }
}
