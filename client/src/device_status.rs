//! What a person is told of a device: its status, and what is new with each event. For the window and the terminal.

use crate::i18n::Notice;
use crate::media::{DeviceKind, DeviceProblem};

/// The status of one device.
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

impl DeviceStatus {
    /// The device was opened. Gives what is to be said, if anything: not when a device opens at the start.
    pub(crate) fn opened(&mut self, device: DeviceKind, name: String, instead_of: Option<String>) -> Option<Notice> {
        let now = Self::Open { name: name.clone(), instead_of: instead_of.clone() };
        let before = std::mem::replace(self, now);
        if before == *self {
            return None;
        }
        match (before, instead_of) {
            (_, Some(chosen)) => Some(Notice::DeviceStandsIn { name, chosen }),
            (Self::Failed(_) | Self::Open { instead_of: Some(_), .. }, None) => {
                Some(Notice::DeviceBack { device, name })
            }
            // Another one has become the default.
            (Self::Open { .. }, None) => Some(Notice::DeviceTakesOver { name }),
            (Self::Off | Self::Opening, None) => None,
        }
    }

    /// The device could not be opened, or was lost. Another attempt with the same result is not said again.
    pub(crate) fn failed(&mut self, device: DeviceKind, problem: DeviceProblem) -> Option<Notice> {
        let now = Self::Failed(problem.clone());
        let before = std::mem::replace(self, now);
        (before != *self).then_some(Notice::DeviceFailed { device, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceKind = DeviceKind::Microphone;

    fn opened(status: &mut DeviceStatus, name: &str, instead_of: Option<&str>) -> Option<Notice> {
        status.opened(DEVICE, name.into(), instead_of.map(str::to_owned))
    }

    fn unplugged() -> DeviceProblem {
        DeviceProblem::Unplugged { name: "Headset".into() }
    }

    #[test]
    fn a_lost_device_and_its_return_are_said_once() {
        let mut status = DeviceStatus::Opening;
        assert_eq!(opened(&mut status, "Headset", None), None, "at the start");
        assert!(matches!(status.failed(DEVICE, unplugged()), Some(Notice::DeviceFailed { .. })));
        assert_eq!(status.failed(DEVICE, unplugged()), None);
        let back = Notice::DeviceBack { device: DEVICE, name: "Headset".into() };
        assert_eq!(opened(&mut status, "Headset", None), Some(back));
        assert_eq!(opened(&mut status, "Headset", None), None);
    }

    #[test]
    fn each_stand_in_is_said_also_after_a_failure_and_so_is_the_return() {
        let mut status = DeviceStatus::Opening;
        let stands_in = |name: &str| Some(Notice::DeviceStandsIn { name: name.into(), chosen: "Headset".into() });
        assert_eq!(opened(&mut status, "Built-in", Some("Headset")), stands_in("Built-in"), "also at the start");
        assert_eq!(opened(&mut status, "Built-in", Some("Headset")), None);
        assert_eq!(opened(&mut status, "Webcam", Some("Headset")), stands_in("Webcam"));
        status.failed(DEVICE, unplugged());
        assert_eq!(opened(&mut status, "Built-in", Some("Headset")), stands_in("Built-in"));
        let back = Notice::DeviceBack { device: DEVICE, name: "Headset".into() };
        assert_eq!(opened(&mut status, "Headset", None), Some(back));
    }

    #[test]
    fn another_default_device_is_said() {
        let mut status = DeviceStatus::Opening;
        opened(&mut status, "Headset", None);
        assert_eq!(opened(&mut status, "Built-in", None), Some(Notice::DeviceTakesOver { name: "Built-in".into() }));
    }
}
