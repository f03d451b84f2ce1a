//! Media, the call, settings and the clipboard: [`Services`] performs the window's effects on them and collects their
//! events. Nothing here blocks but [`Services::leave_and_wait`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use egui::ViewportCommand;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::commands::Effect;
use super::device_lister::DeviceLister;
use super::repaint::RepaintWaker;
use super::statistics_file::{Saved, StatisticsFile};
use crate::media::{DeviceList, Media, MediaConfig, MediaEvent};
use crate::report::Report;
use crate::session::{self, Call, CallCommand, CallEvent, EndReason, Event};
use crate::settings::SettingsSaver;

/// Longest time that closing the window waits for the call to say goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Services {
    pub(super) media: Arc<Media>,
    media_events: mpsc::Receiver<MediaEvent>,
    call: Option<Call>,
    /// A call that is still saying goodbye. Its events are dropped.
    leaving: Option<Call>,
    device_lister: DeviceLister,
    statistics_file: StatisticsFile,
    settings_saver: SettingsSaver,
    stop: Option<oneshot::Receiver<()>>,
    ctx: egui::Context,
    waker: Waker,
    runtime: Handle,
    report: Report,
}

pub(super) enum ServiceEvent {
    Media(MediaEvent),
    Call(CallEvent),
    Devices(DeviceList),
    Saved(Saved),
    /// The process was told to end.
    Stop,
}

impl Services {
    pub(super) fn start(
        ctx: &egui::Context,
        media: MediaConfig,
        report: Report,
        runtime: Handle,
        stop: Option<oneshot::Receiver<()>>,
    ) -> Self {
        let (media, media_events) = Media::start(media, report.clone());
        Self {
            media,
            media_events,
            call: None,
            leaving: None,
            device_lister: DeviceLister::new(),
            statistics_file: StatisticsFile::new(),
            settings_saver: SettingsSaver::start(),
            stop,
            ctx: ctx.clone(),
            waker: Waker::from(Arc::new(RepaintWaker(ctx.clone()))),
            runtime,
            report,
        }
    }

    /// The next event. After `None`, an event repaints the window.
    pub(super) fn next_event(&mut self) -> Option<ServiceEvent> {
        let mut waking = Context::from_waker(&self.waker);
        if let Poll::Ready(Some(event)) = self.media_events.poll_recv(&mut waking) {
            return Some(ServiceEvent::Media(event));
        }
        if let Some(call) = &mut self.leaving {
            while let Poll::Ready(event) = call.events.poll_recv(&mut waking) {
                if matches!(event, None | Some(CallEvent::Call(Event::Ended(_)))) {
                    self.leaving = None;
                    break;
                }
            }
        }
        if let Some(call) = &mut self.call
            && let Poll::Ready(event) = call.events.poll_recv(&mut waking)
        {
            // A channel that closes without `Ended` means that the task panicked.
            let crashed =
                || CallEvent::Call(Event::Ended(EndReason::Internal { reason: "the call's task stopped".to_owned() }));
            let event = event.unwrap_or_else(crashed);
            if matches!(event, CallEvent::Call(Event::Ended(_))) {
                self.call = None;
            }
            return Some(ServiceEvent::Call(event));
        }
        if let Some(list) = self.device_lister.next_list() {
            return Some(ServiceEvent::Devices(list));
        }
        if let Some(saved) = self.statistics_file.next_saved() {
            return Some(ServiceEvent::Saved(saved));
        }
        if let Some(stop) = &mut self.stop
            && let Poll::Ready(stopped) = Future::poll(Pin::new(stop), &mut waking)
        {
            self.stop = None;
            return stopped.is_ok().then_some(ServiceEvent::Stop);
        }
        None
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SetCamera(choice) => self.media.set_camera(choice),
            Effect::SetMicrophone(choice) => self.media.set_microphone(choice),
            Effect::SetSpeaker(choice) => self.media.set_speaker(choice),
            Effect::SetVoice(voice) => self.media.set_voice(voice),
            Effect::TestAudio(request) => self.media.test_audio(request),
            Effect::SetMuted(muted) => self.media.set_muted(muted),
            Effect::SetCameraOn(on) => self.media.set_camera_on(on),
            Effect::ListDevices => self.device_lister.start(self.waker.clone()),
            Effect::StartCall(config) => {
                let _on_runtime = self.runtime.enter();
                self.call = Some(session::start(config, self.media.clone(), self.report.clone()));
                // The call's events wake the window only after the first poll.
                self.ctx.request_repaint();
            }
            Effect::CallCommand(command) => send(self.call.as_ref(), command),
            Effect::LeaveCall => {
                send(self.call.as_ref(), CallCommand::Leave);
                self.leaving = self.call.take();
            }
            Effect::Save(settings) => self.settings_saver.save(settings),
            Effect::CopyText(text) => self.ctx.copy_text(text),
            Effect::FullScreen(is_full) => self.ctx.send_viewport_cmd(ViewportCommand::Fullscreen(is_full)),
            Effect::CloseWindow => self.ctx.send_viewport_cmd(ViewportCommand::Close),
            Effect::SaveStatistics(report) => self.statistics_file.save(report, self.waker.clone()),
            Effect::PlayCue(cue) => self.media.play_cue(cue),
            Effect::RequestAttention => {
                let attention = egui::UserAttentionType::Informational;
                self.ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(attention));
            }
        }
    }

    /// Leaves the call and waits until it has ended, for [`GOODBYE_TIMEOUT`] at most.
    pub(super) fn leave_and_wait(&mut self) {
        send(self.call.as_ref(), CallCommand::Leave);
        let calls = [self.call.take(), self.leaving.take()];
        self.runtime.block_on(async {
            let ended = async {
                for mut call in calls.into_iter().flatten() {
                    while let Some(event) = call.events.recv().await {
                        if matches!(event, CallEvent::Call(Event::Ended(_))) {
                            break;
                        }
                    }
                }
            };
            if tokio::time::timeout(GOODBYE_TIMEOUT, ended).await.is_err() {
                tracing::warn!("leaving the call took too long");
            }
        });
    }
}

fn send(call: Option<&Call>, command: CallCommand) {
    // A full or closed channel means that the call is stuck or ending.
    if let Some(Err(error)) = call.map(|call| call.commands.try_send(command)) {
        tracing::warn!(%error, "the call accepts no command");
    }
}
