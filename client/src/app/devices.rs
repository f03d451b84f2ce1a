//! The devices as the window shows them: the choices, the lists, and whether each device is open.

use crate::device_status::DeviceStatus;
use crate::i18n::Notice;
use crate::media::{DeviceChoice, DeviceKind, DeviceList, DeviceProblem, MediaConfig, MediaEvent};

#[derive(Debug, Clone)]
pub(crate) struct Devices {
    pub(crate) camera: DeviceChoice,
    pub(crate) microphone: DeviceChoice,
    pub(crate) speaker: DeviceChoice,
    pub(crate) muted: bool,
    /// A key is held: its release switches `muted` back.
    pub(crate) is_held: bool,
    pub(crate) camera_on: bool,
    pub(crate) available: DeviceList,
    camera_status: DeviceStatus,
    microphone_status: DeviceStatus,
    speaker_status: DeviceStatus,
}

impl Devices {
    pub(crate) fn new(config: &MediaConfig) -> Self {
        let mut devices = Self {
            camera: config.camera.clone(),
            microphone: config.microphone.clone(),
            speaker: config.speaker.clone(),
            muted: config.muted,
            is_held: false,
            camera_on: config.camera_on,
            available: DeviceList::default(),
            camera_status: DeviceStatus::Off,
            microphone_status: DeviceStatus::Off,
            speaker_status: DeviceStatus::Off,
        };
        for device in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
            devices.expect(device);
        }
        devices
    }

    pub(crate) fn status(&self, device: DeviceKind) -> &DeviceStatus {
        match device {
            DeviceKind::Camera => &self.camera_status,
            DeviceKind::Microphone => &self.microphone_status,
            DeviceKind::Speaker => &self.speaker_status,
        }
    }

    /// Whether frames of the own camera are to be expected.
    pub(crate) fn camera_in_use(&self) -> bool {
        self.camera_on && matches!(self.camera_status, DeviceStatus::Opening | DeviceStatus::Open { .. })
    }

    /// Whether the microphone delivers sound, or is being opened.
    pub(crate) fn microphone_in_use(&self) -> bool {
        matches!(self.microphone_status, DeviceStatus::Opening | DeviceStatus::Open { .. })
    }

    /// There is none that could be opened. Nothing is wrong then: many join without.
    pub(crate) fn is_missing(&self, device: DeviceKind) -> bool {
        matches!(self.status(device), DeviceStatus::Failed(_)) && !self.has_trouble(device)
    }

    /// The person has to do something about it: it failed, or another one is there to be chosen.
    pub(crate) fn has_trouble(&self, device: DeviceKind) -> bool {
        match self.status(device) {
            DeviceStatus::Failed(DeviceProblem::NotFound { name } | DeviceProblem::Unplugged { name }) => {
                self.names(device).iter().any(|other| other != name)
            }
            DeviceStatus::Failed(problem) => *problem != DeviceProblem::NoDevice,
            DeviceStatus::Off | DeviceStatus::Opening | DeviceStatus::Open { .. } => false,
        }
    }

    fn names(&self, device: DeviceKind) -> &[String] {
        match device {
            DeviceKind::Camera => &self.available.cameras,
            DeviceKind::Microphone => &self.available.microphones,
            DeviceKind::Speaker => &self.available.speakers,
        }
    }

    /// Forgets the status after another choice, or after the device was turned on or off.
    pub(crate) fn expect(&mut self, device: DeviceKind) {
        let wanted = match device {
            DeviceKind::Camera => self.camera != DeviceChoice::None && self.camera_on,
            DeviceKind::Microphone => self.microphone != DeviceChoice::None,
            DeviceKind::Speaker => self.speaker != DeviceChoice::None,
        };
        *self.status_mut(device) = if wanted { DeviceStatus::Opening } else { DeviceStatus::Off };
    }

    /// What the person is to be told, if anything.
    pub(crate) fn apply(&mut self, event: MediaEvent) -> Option<Notice> {
        match event {
            MediaEvent::Opened { device, name, instead_of } => self.status_mut(device).opened(device, name, instead_of),
            MediaEvent::Failed { device, problem } => self.status_mut(device).failed(device, problem),
            MediaEvent::NotSaved { file, reason } => Some(Notice::NotSaved { file, reason }),
        }
    }

    fn status_mut(&mut self, device: DeviceKind) -> &mut DeviceStatus {
        match device {
            DeviceKind::Camera => &mut self.camera_status,
            DeviceKind::Microphone => &mut self.microphone_status,
            DeviceKind::Speaker => &mut self.speaker_status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn choosing_another_device_forgets_the_problem() {
        let mut devices = Devices::new(&Settings::default().media());
        let problem = DeviceProblem::Unplugged { name: "Brio".into() };
        assert!(devices.apply(MediaEvent::Failed { device: DeviceKind::Camera, problem }).is_some());
        assert!(!devices.camera_in_use());
        devices.camera = DeviceChoice::None;
        devices.expect(DeviceKind::Camera);
        assert_eq!(devices.status(DeviceKind::Camera), &DeviceStatus::Off);
        devices.camera = DeviceChoice::Test;
        devices.expect(DeviceKind::Camera);
        assert_eq!(devices.status(DeviceKind::Camera), &DeviceStatus::Opening);
    }

    #[test]
    fn where_there_is_none_nothing_is_wrong() {
        let (mut devices, device) = (Devices::new(&Settings::default().media()), DeviceKind::Camera);
        let fails = |devices: &mut Devices, problem| {
            devices.apply(MediaEvent::Failed { device, problem });
            (devices.is_missing(device), devices.has_trouble(device))
        };
        let unplugged = || DeviceProblem::Unplugged { name: "Brio".into() };
        assert_eq!(fails(&mut devices, DeviceProblem::NoDevice), (true, false));
        assert_eq!(fails(&mut devices, unplugged()), (true, false));
        assert_eq!(fails(&mut devices, DeviceProblem::Busy { name: "Brio".into() }), (false, true));
        devices.available.cameras = vec!["Webcam".into()];
        assert_eq!(fails(&mut devices, unplugged()), (false, true), "another one could be chosen");
    }
}
