//! What media reports about its devices.

use tokio::sync::mpsc;

/// What happened to a device or a file. Shown as a sentence; the call goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// `name` is in use from now on. `instead_of`: the chosen device is not there; once it is, it takes its place.
    Opened { device: DeviceKind, name: String, instead_of: Option<String> },
    /// The device could not be opened, or was lost. Its supervisor tries again.
    Failed { device: DeviceKind, problem: DeviceProblem },
    /// `file`, which should be saved, cannot be written; nothing more is written to it. `reason` is the system's text.
    NotSaved { file: String, reason: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    Camera,
    Microphone,
    Speaker,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceProblem {
    /// There is no device of this kind.
    NoDevice,
    /// No device has this name.
    NotFound { name: String },
    /// Another program uses it.
    Busy { name: String },
    /// It was in use and is gone.
    Unplugged { name: String },
    /// It delivers nothing, or its driver hangs.
    NotResponding { name: String },
    /// It does not work with us; `reason` is the driver's or the codec's own text.
    Unusable { name: String, reason: String },
    /// A thread of a device or codec panicked.
    Crashed { reason: String },
}

impl DeviceProblem {
    /// Whether the device is not there.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Unplugged { .. } | Self::NoDevice | Self::NotFound { .. })
    }
}

/// Reports what happens to one device: each problem once, however often the supervisor tries again.
#[derive(Debug)]
pub(super) struct DeviceReporter {
    device: DeviceKind,
    events: mpsc::Sender<MediaEvent>,
    /// The problem reported last, until the device opens.
    reported: Option<DeviceProblem>,
}

impl DeviceReporter {
    pub(super) fn new(device: DeviceKind, events: mpsc::Sender<MediaEvent>) -> Self {
        Self { device, events, reported: None }
    }

    pub(super) fn opened(&mut self, name: String) {
        self.opened_instead_of(None, name);
    }

    /// `chosen`: the device that is not there, if this is another one.
    pub(super) fn opened_instead_of(&mut self, chosen: Option<String>, name: String) {
        self.reported = None;
        send(&self.events, MediaEvent::Opened { device: self.device, name, instead_of: chosen });
    }

    /// Reports `problem` unless it is known: the same as the last one, or the absence of a device that was unplugged.
    pub(super) fn failed(&mut self, problem: DeviceProblem) {
        let is_known = match &self.reported {
            Some(DeviceProblem::Unplugged { .. }) => problem.is_absence(),
            reported => reported.as_ref() == Some(&problem),
        };
        if !is_known {
            self.reported = Some(problem.clone());
            report_failure(&self.events, self.device, problem);
        }
    }

    /// Another device was chosen: its first problem is reported in any case.
    pub(super) fn reset(&mut self) {
        self.reported = None;
    }
}

/// Reports that `device`, or a codec for it, failed. Never waits.
pub(super) fn report_failure(events: &mpsc::Sender<MediaEvent>, device: DeviceKind, problem: DeviceProblem) {
    send(events, MediaEvent::Failed { device, problem });
}

pub(super) fn send(events: &mpsc::Sender<MediaEvent>, event: MediaEvent) {
    if let Err(error) = events.try_send(event) {
        tracing::debug!(%error, "an event is dropped: nobody reads it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter() -> (DeviceReporter, mpsc::Receiver<MediaEvent>) {
        let (sender, events) = mpsc::channel(8);
        (DeviceReporter::new(DeviceKind::Camera, sender), events)
    }

    fn problems(events: &mut mpsc::Receiver<MediaEvent>) -> Vec<DeviceProblem> {
        let failed = |event| match event {
            MediaEvent::Failed { problem, .. } => Some(problem),
            MediaEvent::Opened { .. } | MediaEvent::NotSaved { .. } => None,
        };
        std::iter::from_fn(|| events.try_recv().ok()).filter_map(failed).collect()
    }

    #[test]
    fn the_same_problem_is_reported_once_until_the_device_opens_or_another_is_chosen() {
        let (mut reporter, mut events) = reporter();
        let busy = DeviceProblem::Busy { name: "Cam".into() };
        let again = [DeviceReporter::reset as fn(&mut DeviceReporter), |reporter| reporter.opened("Cam".into())];
        for reset in again {
            reporter.failed(busy.clone());
            reporter.failed(busy.clone());
            assert_eq!(problems(&mut events), std::slice::from_ref(&busy));
            reset(&mut reporter);
        }
    }

    #[test]
    fn an_unplugged_device_that_is_not_found_stays_unplugged() {
        let (mut reporter, mut events) = reporter();
        let name = || "Cam".to_owned();
        reporter.failed(DeviceProblem::Unplugged { name: name() });
        reporter.failed(DeviceProblem::NotFound { name: name() });
        reporter.failed(DeviceProblem::NoDevice);
        reporter.failed(DeviceProblem::Busy { name: name() });
        let expected = [DeviceProblem::Unplugged { name: name() }, DeviceProblem::Busy { name: name() }];
        assert_eq!(problems(&mut events), expected);
    }
}
