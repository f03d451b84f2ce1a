//! The names by which people choose devices.
//!
//! A device has the name that the system gives it. Where several have the same, each also gets its id: `Webcam [usb-1]`. So
//! the name of a device changes when its twin comes or goes, but a choice made before means the same device.

use std::collections::HashMap;

/// A device as the system lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) name: &'a str,
    /// Stays the same while the device is connected, and best also after that.
    pub(super) id: &'a str,
}

impl Listed<'_> {
    fn with_id(&self) -> String {
        format!("{} [{}]", self.name, self.id)
    }
}

/// A name for each of `devices`, in their order. No name occurs twice.
pub(super) fn unique_names(devices: &[Listed<'_>]) -> Vec<String> {
    let mut counts = HashMap::<&str, u32>::new();
    for device in devices {
        *counts.entry(device.name).or_default() += 1;
    }
    let mut names: Vec<String> = Vec::new();
    for device in devices {
        let is_alone = counts.get(device.name) == Some(&1);
        let name = if is_alone { device.name.to_owned() } else { device.with_id() };
        let mut unique = name.clone();
        let mut copy = 1;
        // A driver that gives the same id twice, or a name that looks as if it had an id.
        while names.contains(&unique) {
            copy += 1;
            unique = format!("{name} #{copy}");
        }
        names.push(unique);
    }
    names
}

/// The index of the device that `choice` means: one of [`unique_names`], now or when it was chosen. Of several that have
/// this name now, it is the one with `last_id`, which was open last, or the first one.
pub(super) fn find(devices: &[Listed<'_>], choice: &str, last_id: Option<&str>) -> Option<usize> {
    let position = |is_meant: &dyn Fn(&Listed<'_>) -> bool| devices.iter().position(is_meant);
    unique_names(devices)
        .iter()
        .position(|name| name == choice)
        .or_else(|| position(&|device| device.with_id() == choice))
        .or_else(|| position(&|device| device.name == choice && Some(device.id) == last_id))
        .or_else(|| position(&|device| device.name == choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Listed<'_> = Listed { name: "Webcam", id: "usb-1" };
    const TWIN: Listed<'_> = Listed { name: "Webcam", id: "usb-2" };
    const OTHER: Listed<'_> = Listed { name: "Built-in", id: "usb-3" };

    #[test]
    fn twins_get_their_id_in_any_order() {
        assert_eq!(unique_names(&[FIRST, OTHER]), ["Webcam", "Built-in"]);
        assert_eq!(unique_names(&[FIRST, OTHER, TWIN]), ["Webcam [usb-1]", "Built-in", "Webcam [usb-2]"]);
        assert_eq!(unique_names(&[TWIN, FIRST]), ["Webcam [usb-2]", "Webcam [usb-1]"]);
        assert_eq!(unique_names(&[FIRST, FIRST]), ["Webcam [usb-1]", "Webcam [usb-1] #2"]);
        let disguised = Listed { name: "Webcam [usb-1]", id: "usb-4" };
        let names = unique_names(&[disguised, FIRST, TWIN]);
        assert_eq!(names, ["Webcam [usb-1]", "Webcam [usb-1] #2", "Webcam [usb-2]"]);
    }

    #[test]
    fn a_choice_means_the_same_device_after_its_twin_came_or_went() {
        assert_eq!(find(&[FIRST], "Webcam", None), Some(0));
        assert_eq!(find(&[TWIN, FIRST], "Webcam", Some("usb-1")), Some(1), "the one that was open stays");
        assert_eq!(find(&[OTHER, FIRST, TWIN], "Webcam", None), Some(1), "any is better than none");
        assert_eq!(find(&[FIRST, TWIN], "Webcam [usb-2]", None), Some(1));
        assert_eq!(find(&[TWIN], "Webcam [usb-2]", None), Some(0), "it is listed without its id now");
        assert_eq!(find(&[FIRST], "Webcam [usb-2]", None), None, "the twin was chosen, and is not there");
        assert_eq!(find(&[FIRST, OTHER], "Nobody", Some("usb-1")), None);
    }
}
