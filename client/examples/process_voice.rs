//! Processes a recording as Maru processes a microphone: `process_voice PARTS PLAYED MICROPHONE OUTPUT [PPM]`.
//!
//! PARTS: as of `maru --voice`. The files are raw mono `f32` samples at 48 kHz: what the speaker plays, and what the
//! microphone records meanwhile. PPM: by how much the speaker's clock is too fast. Both devices report when each block is
//! played or captured, as drivers do; what an echo takes on top of that is for the canceller to find out. `bench/voices`
//! uses this.

use std::time::{Duration, Instant};

use maru::media::audio::voice::Voice;
use maru_core::time::Timestamp;

const BLOCK: usize = 480;
/// What waits for the speaker, in blocks.
const WAITING: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [parts, played, microphone, output, rest @ ..] = &arguments[..] else {
        return Err("usage: process_voice PARTS PLAYED MICROPHONE OUTPUT [PPM]".into());
    };
    let ppm: f64 = rest.first().map_or(Ok(0.0), |ppm| ppm.parse())?;
    let (played, microphone) = (read(played)?, read(microphone)?);
    let mut voice = Voice::new(parts.parse()?);
    let start = Timestamp::from_micros(10_000_000);
    let at =
        |samples: usize, ppm: f64| start + Duration::from_secs_f64(samples as f64 / (48_000.0 * (1.0 + ppm * 1e-6)));
    let mut sent = Vec::with_capacity(microphone.len());
    let mut pushed = 0;
    let began = Instant::now();
    for (number, captured) in microphone.chunks(BLOCK).enumerate() {
        let end = number * BLOCK + captured.len();
        while pushed < played.len() && at(pushed, ppm) < at(end + WAITING * BLOCK, 0.0) {
            let block_end = played.len().min(pushed + BLOCK);
            voice.reference.push(at(pushed, ppm), &played[pushed..block_end]);
            pushed = block_end;
        }
        let mut audio = captured.to_vec();
        voice.process(at(end, 0.0), &mut audio);
        sent.append(&mut audio);
    }
    let cores = began.elapsed().as_secs_f64() / (microphone.len() as f64 / 48_000.0);
    println!("{cores:.5}");
    let bytes: Vec<u8> = sent.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(output, bytes)?;
    Ok(())
}

fn read(path: &str) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect())
}
