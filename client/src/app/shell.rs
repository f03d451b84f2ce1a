//! What the window asks of media, session, files and threads: the only part that knows them. Nothing here waits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use maru_core::time::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::commands::Effect;
use crate::media::{self, DeviceList, Media, MediaConfig, MediaEvent};
use crate::report::Report;
use crate::session::{self, Call, CallCommand, CallEvent, EndReason};

/// Longest wait for the goodbye to be said when the window closes.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct Shell {
    pub(super) media: Arc<Media>,
    media_events: mpsc::Receiver<MediaEvent>,
    call: Option<Call>,
    /// A call that is saying goodbye: what it still has to tell is of no interest.
    leaving: Option<Call>,
    lists: (SyncSender<DeviceList>, Receiver<DeviceList>),
    listing: Option<JoinHandle<()>>,
    stop: Option<oneshot::Receiver<()>>,
    ctx: egui::Context,
    waker: Waker,
    runtime: Handle,
    report: Report,
}

/// Something happened outside.
pub(super) enum Event {
    Media(MediaEvent),
    Call(CallEvent),
    Devices(DeviceList),
    /// The process is to end.
    Stop,
}

impl Shell {
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
            // One at a time: there is only one thread that lists.
            lists: sync_channel(1),
            listing: None,
            stop,
            ctx: ctx.clone(),
            waker: Waker::from(Arc::new(Repaint(ctx.clone()))),
            runtime,
            report,
        }
    }

    /// What happened since the last time, one after the other. After `None` the window is woken by the next event.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        let mut waking = Context::from_waker(&self.waker);
        if let Poll::Ready(Some(event)) = self.media_events.poll_recv(&mut waking) {
            return Some(Event::Media(event));
        }
        if let Some(call) = &mut self.leaving {
            while let Poll::Ready(event) = call.events.poll_recv(&mut waking) {
                if matches!(event, None | Some(CallEvent::Ended(_))) {
                    self.leaving = None;
                    break;
                }
            }
        }
        if let Some(call) = &mut self.call
            && let Poll::Ready(event) = call.events.poll_recv(&mut waking)
        {
            // A session that ends without a word has crashed.
            let crashed = || CallEvent::Ended(EndReason::Internal { reason: "the call's task stopped".to_owned() });
            let event = event.unwrap_or_else(crashed);
            if matches!(event, CallEvent::Ended(_)) {
                self.call = None;
            }
            return Some(Event::Call(event));
        }
        if let Ok(list) = self.lists.1.try_recv() {
            return Some(Event::Devices(list));
        }
        if let Some(stop) = &mut self.stop
            && let Poll::Ready(stopped) = Future::poll(Pin::new(stop), &mut waking)
        {
            self.stop = None;
            return stopped.is_ok().then_some(Event::Stop);
        }
        None
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SetCamera(choice) => self.media.set_camera(choice),
            Effect::SetMicrophone(choice) => self.media.set_microphone(choice),
            Effect::SetSpeaker(choice) => self.media.set_speaker(choice),
            Effect::SetMuted(muted) => self.media.set_muted(muted),
            Effect::SetCameraOn(on) => self.media.set_camera_on(on),
            Effect::ListDevices => self.list_devices(),
            Effect::StartCall(config) => {
                let _on_runtime = self.runtime.enter();
                self.call = Some(session::start(config, self.media.clone(), self.report.clone()));
                // Its first event wakes the window only after it has been asked for once.
                self.ctx.request_repaint();
            }
            Effect::Tell(command) => tell(self.call.as_ref(), command),
            Effect::LeaveCall => {
                tell(self.call.as_ref(), CallCommand::Leave);
                self.leaving = self.call.take();
            }
            Effect::Save(settings) => {
                if let Err(error) = settings.save() {
                    tracing::warn!(%error, "the settings cannot be saved");
                }
            }
            Effect::CopyText(text) => self.ctx.copy_text(text),
        }
    }

    /// Says goodbye, and waits for that no longer than [`GOODBYE`].
    pub(super) fn say_goodbye(&mut self) {
        tell(self.call.as_ref(), CallCommand::Leave);
        let calls = [self.call.take(), self.leaving.take()];
        self.runtime.block_on(async {
            let ended = async {
                for mut call in calls.into_iter().flatten() {
                    while let Some(event) = call.events.recv().await {
                        if matches!(event, CallEvent::Ended(_)) {
                            break;
                        }
                    }
                }
            };
            if tokio::time::timeout(GOODBYE, ended).await.is_err() {
                tracing::warn!("the goodbye took too long");
            }
        });
    }

    /// Looks for devices on a thread of its own: it takes up to a second.
    fn list_devices(&mut self) {
        if self.listing.as_ref().is_some_and(|listing| !listing.is_finished()) {
            return;
        }
        let (lists, waker) = (self.lists.0.clone(), self.waker.clone());
        let list = move || {
            // Full only if the last list has not been read yet: then that one will do.
            let _ = lists.try_send(media::list_devices());
            waker.wake();
        };
        let spawned: io::Result<_> = std::thread::Builder::new().name("list-devices".into()).spawn(list);
        match spawned {
            Ok(thread) => self.listing = Some(thread),
            Err(error) => tracing::warn!(%error, "the devices cannot be listed"),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(listing) = self.listing.take() {
            let _ = listing.join();
        }
    }
}

fn tell(call: Option<&Call>, command: CallCommand) {
    // Full or closed means that the session is stuck or ending: it will say so itself.
    if let Some(Err(error)) = call.map(|call| call.commands.try_send(command)) {
        tracing::warn!(%error, "the call does not take commands");
    }
}

/// Wakes the window when something happened.
struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

/// Makes the window repaint for new frames, but no more often than pays: frames of several people come at any time,
/// and each repaint shows all of them.
pub(super) struct FrameWake {
    ctx: egui::Context,
    /// When the window was last painted, in microseconds of the process's clock.
    painted_us: AtomicU64,
}

impl FrameWake {
    /// Shortest time between two repaints for frames: above the rate of any one of them.
    const INTERVAL: Duration = Duration::from_millis(20);

    pub(super) fn new(ctx: egui::Context) -> Arc<Self> {
        Arc::new(Self { ctx, painted_us: Default::default() })
    }

    pub(super) fn painted(&self, now: Timestamp) {
        self.painted_us.store(now.as_micros(), Ordering::Relaxed);
    }

    pub(super) fn frame_came(&self, now: Timestamp) {
        let painted = Timestamp::from_micros(self.painted_us.load(Ordering::Relaxed));
        match Self::INTERVAL.checked_sub(now.since(painted)) {
            Some(wait) if !wait.is_zero() => self.ctx.request_repaint_after(wait),
            _ => self.ctx.request_repaint(),
        }
    }
}
