//! The switches of microphone and camera: their icon, the key of their text, and their look.

use super::icon_button::Look;
use super::icons::Icon;
use crate::app::devices::Devices;

/// `missing`: the look where there is no microphone.
pub(crate) fn microphone(devices: &Devices, missing: Look) -> (Icon, &'static str, Look) {
    match devices.muted {
        true => (Icon::MicrophoneOff, "unmute", Look::Danger),
        false if devices.microphone_in_use() => (Icon::Microphone, "mute", Look::Plain),
        false => (Icon::MicrophoneOff, "microphone-none", missing),
    }
}

/// `missing`: the look where there is no camera.
pub(crate) fn camera(devices: &Devices, missing: Look) -> (Icon, &'static str, Look) {
    match devices.camera_on {
        false => (Icon::CameraOff, "camera-start", Look::Danger),
        true if devices.camera_in_use() => (Icon::Camera, "camera-stop", Look::Plain),
        true => (Icon::CameraOff, "camera-none", missing),
    }
}
