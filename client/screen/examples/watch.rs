//! Captures the first screen, or the first window whose title contains the argument, and says each second how many pictures
//! there were, how long each took, and which share of a core that was.
//!
//! `cargo run --release -p maru-screen --example watch [TITLE]`

use std::error::Error;
use std::time::{Duration, Instant};

use maru_core::frame::I420;
use maru_screen::{Capture, Desktop, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1);
    let desktop = Desktop::of_process()?;
    let shareables = desktop.list(Some(std::process::id()))?;
    for found in &shareables {
        println!("{:?}: {}x{} {:?}", found.title, found.width, found.height, found.source);
    }
    let is_wanted = |title: &str| wanted.as_ref().is_none_or(|wanted| title.contains(wanted.as_str()));
    let target = shareables.iter().find(|found| is_wanted(&found.title)).ok_or("no such screen or window")?.target();
    let mut capture = Capture::open(&desktop, &target, Options::default())?;
    let mut image = I420::black(0, 0);
    loop {
        let (end, cpu) = (Instant::now() + Duration::from_secs(1), cpu_seconds());
        let mut pictures = 0u32;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            pictures += u32::from(capture.next(&mut image, left)?);
        }
        let cpu = cpu_seconds() - cpu;
        let each = if pictures > 0 {
            format!(", {:.2} ms of CPU each", cpu * 1e3 / f64::from(pictures))
        } else {
            String::new()
        };
        let paused = if capture.is_paused() { ", paused" } else { "" };
        let (width, height, percent) = (image.width, image.height, cpu * 100.0);
        println!("{width}x{height}: {pictures} pictures/s{each}, {percent:.2} % of a core{paused}");
    }
}

/// What this process has used.
#[cfg(target_os = "linux")]
fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> f64 {
    0.0
}
