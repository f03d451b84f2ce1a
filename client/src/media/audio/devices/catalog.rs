//! The audio devices that are there, by name.

use std::sync::{Arc, Mutex, PoisonError};

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, Error, Host};

use super::Direction;
use crate::media::device_names::{self, Listed};

/// The connection to the audio server, kept while it works: dropping it leaks a thread and a socket (pulseaudio 0.3).
static HOST: Mutex<Option<Arc<Host>>> = Mutex::new(None);

/// Of ALSA's many names for one device, the one that converts to any rate and format. The others do not convert, or are
/// plugins: null devices, mixers, and bridges to audio servers that cpal lists itself.
const ALSA_DEVICE: &str = "plughw:CARD=";
/// Names of hosts, because `cpal::HostId` has these variants on Linux only.
const ALSA: &str = "ALSA";
const PULSE_AUDIO: &str = "PulseAudio";
const MONITOR_SUFFIX: &str = ".monitor";

/// A device that can be opened. Its name is unique among those of its direction.
pub(super) struct Entry {
    pub(super) name: String,
    /// The name that the system gives it, which others may have too.
    own_name: String,
    pub(super) id: String,
    pub(super) device: Device,
}

impl Entry {
    fn listed(&self) -> Listed<'_> {
        Listed { name: &self.own_name, id: &self.id }
    }
}

/// All devices of one direction. May take long, or hang.
pub(super) fn entries(direction: Direction) -> Result<Vec<Entry>, Error> {
    let host = host();
    let devices = host.devices().inspect_err(|_| forget_host(&host))?;
    let is_alsa = host.id().name() == ALSA;
    let mut entries: Vec<Entry> = devices
        .filter(|device| fits(device, direction))
        .filter_map(entry)
        .filter(|entry| !is_alsa || is_alsa_device(&entry.id))
        .collect();
    let names = device_names::unique_names(&entries.iter().map(Entry::listed).collect::<Vec<_>>());
    for (entry, name) in entries.iter_mut().zip(names) {
        entry.name = name;
    }
    Ok(entries)
}

/// The device that `choice` means, also if it was called so at another time. `last_id`: the one that was open last.
pub(super) fn chosen_entry(direction: Direction, choice: &str, last_id: Option<&str>) -> Result<Option<Entry>, Error> {
    let mut entries = entries(direction)?;
    let found = device_names::find(&entries.iter().map(Entry::listed).collect::<Vec<_>>(), choice, last_id);
    Ok(found.map(|index| entries.swap_remove(index)))
}

/// ALSA lists each card twice, by its name and by its number; the name is taken.
fn is_alsa_device(id: &str) -> bool {
    id.strip_prefix(ALSA_DEVICE).is_some_and(|card| !card.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether the microphone with this id records what a speaker plays.
pub(super) fn is_monitor(id: &str) -> bool {
    id.ends_with(MONITOR_SUFFIX)
}

/// The system's default device. A monitor, which records what a speaker plays, is never the default microphone: peers
/// would hear themselves. It can be chosen by name.
pub(super) fn default_entry(direction: Direction) -> Result<Option<Entry>, Error> {
    let host = host();
    let device = match direction {
        Direction::Input => host.default_input_device(),
        Direction::Output => host.default_output_device(),
    };
    let entries = entries(direction)?;
    let Some(default) = device.and_then(entry) else { return Ok(None) };
    let has_monitors = host.id().name() == PULSE_AUDIO && direction == Direction::Input;
    if has_monitors && is_monitor(&default.id) {
        return Ok(entries.into_iter().find(|entry| !is_monitor(&entry.id)));
    }
    // Its entry in the list has the unique name.
    Ok(entries.into_iter().find(|entry| entry.id == default.id).or(Some(default)))
}

fn host() -> Arc<Host> {
    let cached = HOST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // PulseAudio may have started after ALSA was chosen for lack of it.
    let pulse_is_there = || cpal::available_hosts().iter().any(|id| id.name() == PULSE_AUDIO);
    let outdated = |host: &Arc<Host>| host.id().name() == ALSA && pulse_is_there();
    if let Some(host) = cached.filter(|host| !outdated(host)) {
        return host;
    }
    let host = Arc::new(cpal::default_host());
    *HOST.lock().unwrap_or_else(PoisonError::into_inner) = Some(host.clone());
    host
}

fn forget_host(host: &Arc<Host>) {
    let mut cached = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    if cached.as_ref().is_some_and(|cached| Arc::ptr_eq(cached, host)) {
        *cached = None;
    }
}

fn fits(device: &Device, direction: Direction) -> bool {
    device.description().is_ok_and(|description| match direction {
        Direction::Input => description.supports_input(),
        Direction::Output => description.supports_output(),
    })
}

fn entry(device: Device) -> Option<Entry> {
    let name = device.description().ok()?.name().to_owned();
    let id = device.id().ok()?.id().to_owned();
    Some(Entry { name: name.clone(), own_name: name, id, device })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alsa_lists_each_device_of_a_card_once() {
        assert!(is_alsa_device("plughw:CARD=PCH,DEV=0"));
        let others = ["null", "default", "pulse", "hw:CARD=PCH,DEV=0", "plughw:CARD=0,DEV=0", "dsnoop:CARD=PCH,DEV=0"];
        assert!(!others.into_iter().any(is_alsa_device));
    }
}
