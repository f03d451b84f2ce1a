//! The devices as the window shows them: the choices, the lists, and whether each device is open.

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceStatus {
    /// `None` was chosen, or the camera is turned off.
    Off,
    Opening,
    /// `instead_of`: the chosen device, which is not there.
    Open {
        name: String,
        instead_of: Option<String>,
    },
    Failed(DeviceProblem),
}

/// What an event means for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceNews {
    Nothing,
    Failed {
        device: DeviceKind,
        problem: DeviceProblem,
    },
    Back {
        device: DeviceKind,
        name: String,
    },
    /// `name` is used while the chosen device is not there.
    StandsIn {
        device: DeviceKind,
        name: String,
        chosen: String,
    },
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

    /// Forgets the status after another choice, or after the device was turned on or off.
    pub(crate) fn expect(&mut self, device: DeviceKind) {
        let wanted = match device {
            DeviceKind::Camera => self.camera != DeviceChoice::None && self.camera_on,
            DeviceKind::Microphone => self.microphone != DeviceChoice::None,
            DeviceKind::Speaker => self.speaker != DeviceChoice::None,
        };
        *self.status_mut(device) = if wanted { DeviceStatus::Opening } else { DeviceStatus::Off };
    }

    pub(crate) fn apply(&mut self, event: MediaEvent) -> DeviceNews {
        match event {
            MediaEvent::Opened { device, name, instead_of } => {
                let open = DeviceStatus::Open { name: name.clone(), instead_of: instead_of.clone() };
                let before = std::mem::replace(self.status_mut(device), open);
                match (before, instead_of) {
                    (DeviceStatus::Open { instead_of: Some(_), .. }, Some(_)) => DeviceNews::Nothing,
                    (_, Some(chosen)) => DeviceNews::StandsIn { device, name, chosen },
                    (DeviceStatus::Failed(_) | DeviceStatus::Open { instead_of: Some(_), .. }, None) => {
                        DeviceNews::Back { device, name }
                    }
                    (DeviceStatus::Off | DeviceStatus::Opening | DeviceStatus::Open { .. }, None) => {
                        DeviceNews::Nothing
                    }
                }
            }
            MediaEvent::Failed { device, problem } => {
                let failed = DeviceStatus::Failed(problem.clone());
                let status = self.status_mut(device);
                if *status == failed {
                    return DeviceNews::Nothing; // Another attempt, the same result.
                }
                *status = failed;
                DeviceNews::Failed { device, problem }
            }
            MediaEvent::NotSaved { .. } => DeviceNews::Nothing,
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

    fn lost() -> MediaEvent {
        MediaEvent::Failed { device: DeviceKind::Camera, problem: DeviceProblem::Unplugged { name: "Brio".into() } }
    }

    fn opened(name: &str, instead_of: Option<&str>) -> MediaEvent {
        let instead_of = instead_of.map(str::to_owned);
        MediaEvent::Opened { device: DeviceKind::Camera, name: name.into(), instead_of }
    }

    #[test]
    fn a_stand_in_and_the_return_of_the_chosen_device_are_announced_once() {
        let mut devices = Devices::new(&Settings::default().media());
        let device = DeviceKind::Camera;
        let (name, chosen) = ("Built-in".to_owned(), "Brio".to_owned());
        let stands_in = DeviceNews::StandsIn { device, name, chosen };
        assert_eq!(devices.apply(opened("Built-in", Some("Brio"))), stands_in, "also at the start");
        assert_eq!(devices.apply(opened("Other", Some("Brio"))), DeviceNews::Nothing, "the default has changed");
        assert_eq!(devices.apply(opened("Brio", None)), DeviceNews::Back { device, name: "Brio".into() });
        assert_eq!(devices.apply(opened("Brio", None)), DeviceNews::Nothing);
    }

    #[test]
    fn a_lost_device_and_its_return_are_announced_once() {
        let mut devices = Devices::new(&Settings::default().media());
        let opened = || opened("Brio", None);
        assert_eq!(devices.apply(opened()), DeviceNews::Nothing);
        assert!(matches!(devices.apply(lost()), DeviceNews::Failed { .. }));
        assert!(!devices.camera_in_use());
        assert_eq!(devices.apply(lost()), DeviceNews::Nothing);
        assert_eq!(devices.apply(opened()), DeviceNews::Back { device: DeviceKind::Camera, name: "Brio".into() });
        assert!(devices.camera_in_use());
    }

    #[test]
    fn choosing_another_device_forgets_the_problem() {
        let mut devices = Devices::new(&Settings::default().media());
        devices.apply(lost());
        devices.camera = DeviceChoice::None;
        devices.expect(DeviceKind::Camera);
        assert_eq!(devices.status(DeviceKind::Camera), &DeviceStatus::Off);
        devices.camera = DeviceChoice::Test;
        devices.expect(DeviceKind::Camera);
        assert_eq!(devices.status(DeviceKind::Camera), &DeviceStatus::Opening);
    }
}
