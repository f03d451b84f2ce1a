//! The window. [`screens`] and [`panels`] draw the [`state::State`] and return commands. The state handles commands and
//! returns effects, and [`services::Services`] performs these on media, call and files.

mod awake;
mod call_state;
mod chat_log;
mod commands;
mod device_lister;
mod devices;
mod fonts;
mod form;
mod history;
mod panels;
mod repaint;
mod screens;
mod services;
mod shortcuts;
mod stage;
mod state;
mod statistics_file;
#[cfg(test)]
mod tests;
mod theme;
mod video;
mod viewing;
mod widgets;
mod window_place;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use eframe::{CreationContext, Frame, NativeOptions};
use egui::{Context, Ui, ViewportBuilder, ViewportCommand};
use maru_core::time::Timestamp;
use maru_protocol::{Nickname, RoomName};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::awake::Awake;
use self::commands::{Command, Effect};
use self::repaint::FrameRepaint;
use self::screens::Live;
use self::services::{ServiceEvent, Services};
use self::state::{LaunchOptions, State};
use self::video::Videos;
use crate::clock;
use crate::i18n::{Language, Texts};
use crate::media::MediaConfig;
use crate::report::Report;
use crate::session::{CallEvent, Event, ServerChoice};
use crate::settings::{Settings, WindowPlace};

/// Interval of repaints for the microphone's meter.
const METER_INTERVAL: Duration = Duration::from_millis(80);

/// What the window starts with.
pub struct AppConfig {
    /// The room to join at once.
    pub room: Option<RoomName>,
    /// `None`: the name from the settings.
    pub name: Option<Nickname>,
    /// [`ServerChoice::Lan`]: the server from the settings, if there is one.
    pub server: ServerChoice,
    /// Addresses of this machine to use; empty: all.
    pub addresses: Vec<IpAddr>,
    pub media: MediaConfig,
    pub report: Report,
    pub settings: Settings,
    /// Leave and close the window after this time.
    pub duration: Option<Duration>,
    /// A chat message that is sent when the first peer is connected.
    pub greeting: Option<String>,
    pub language: Language,
    /// The runtime for calls. It must outlive [`run`].
    pub runtime: Handle,
    /// A message closes the window, as a signal to the process does. Dropping the sender does not.
    pub stop: Option<oneshot::Receiver<()>>,
}

/// Why no window could be opened.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("the window cannot be opened: {0}. Without a display, use --headless ROOM")]
    Window(#[from] eframe::Error),
}

/// Opens the window and returns when it is closed. Must be called on the main thread.
///
/// # Errors
/// There is no display, or no OpenGL on it.
pub fn run(config: AppConfig) -> Result<(), AppError> {
    let options = NativeOptions { viewport: viewport(config.window()), ..video::native_options() };
    eframe::run_native("Maru", options, Box::new(|creation| Ok(Box::new(App::new(creation, config)))))?;
    Ok(())
}

impl AppConfig {
    /// Windows with a greeting are those of the demonstration: two at once, which must not cover each other.
    fn remembers_window(&self) -> bool {
        self.greeting.is_none()
    }

    fn window(&self) -> Option<WindowPlace> {
        self.settings.window.filter(|_| self.remembers_window())
    }
}

fn viewport(place: Option<WindowPlace>) -> ViewportBuilder {
    let viewport = window_place::restored(ViewportBuilder::default().with_title("Maru").with_app_id("maru"), place);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icons/maru.png")) {
        Ok(icon) => viewport.with_icon(icon),
        Err(error) => {
            tracing::warn!(%error, "the icon cannot be read");
            viewport
        }
    }
}

struct App {
    state: State,
    services: Services,
    videos: Videos,
    frame_repaint: Arc<FrameRepaint>,
    /// When to close the window.
    deadline: Option<Timestamp>,
    greeting: Option<String>,
    awake: Awake,
    /// The window closes without a question.
    closes: bool,
    remembers_window: bool,
    /// As in the settings on the disk.
    saved_window: Option<WindowPlace>,
}

/// Whether the window fills the whole screen, without a frame.
fn is_full_screen(ctx: &Context) -> bool {
    ctx.input(|input| input.viewport().fullscreen) == Some(true)
}

impl App {
    fn new(creation: &CreationContext<'_>, config: AppConfig) -> Self {
        let ctx = &creation.egui_ctx;
        ctx.set_fonts(fonts::with_system_emoji());
        theme::install(ctx);
        window_place::bring_back(creation, config.window());
        let joins_at_once = config.room.is_some();
        let (remembers_window, saved_window) = (config.remembers_window(), config.settings.window);
        let options =
            LaunchOptions { room: config.room, name: config.name, server: config.server, addresses: config.addresses };
        let state = State::new(Texts::new(config.language), config.settings, &config.media, options);
        let services = Services::start(ctx, config.media, config.report, config.runtime, config.stop);
        let frame_repaint = FrameRepaint::new(ctx.clone());
        let on_frame = frame_repaint.clone();
        services.media.set_on_frame(Arc::new(move || on_frame.frame_arrived(clock::now())));
        let deadline = config.duration.map(|duration| clock::now() + duration);
        let mut app = Self {
            state,
            services,
            videos: Videos::new(creation),
            frame_repaint,
            deadline,
            greeting: config.greeting,
            awake: Awake::default(),
            closes: false,
            remembers_window,
            saved_window,
        };
        app.handle(Command::RefreshDevices);
        if joins_at_once {
            app.handle(Command::Join);
        }
        app
    }

    fn handle(&mut self, command: Command) {
        for effect in self.state.handle(command, clock::now()) {
            self.closes |= matches!(effect, Effect::CloseWindow);
            self.services.perform(effect);
        }
    }

    /// Requests a repaint for when the screen changes without an event.
    fn schedule_repaint(&self, ctx: &Context, now: Timestamp) {
        let notice_end = self.state.call.as_ref().and_then(|call| call.next_notice_end(now));
        let meter = self.state.meter_moves().then(|| now + METER_INTERVAL);
        let absent = self.state.call.as_ref().and_then(|call| call.next_absent_second(now));
        let speaker = self.state.call.as_ref().and_then(|call| call.stage.next_change());
        if let Some(next) = [notice_end, meter, absent, speaker, self.deadline].into_iter().flatten().min() {
            ctx.request_repaint_after(next.since(now));
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut Frame) {
        let now = clock::now();
        self.state.is_focused = ctx.input(|input| input.focused);
        while let Some(event) = self.services.next_event() {
            match event {
                ServiceEvent::Media(event) => self.state.apply_media(event, now),
                ServiceEvent::Call(event) => {
                    let connected = matches!(event, CallEvent::Call(Event::ParticipantConnected { .. }));
                    for effect in self.state.apply_call(event, now) {
                        self.services.perform(effect);
                    }
                    if let Some(greeting) = self.greeting.take_if(|_| connected) {
                        self.handle(Command::TypeChat(greeting));
                        self.handle(Command::SendChat);
                    }
                }
                ServiceEvent::Devices(list) => self.state.apply_device_list(list),
                ServiceEvent::Saved(saved) => self.state.apply_saved(saved, now),
                ServiceEvent::Stop => self.deadline = Some(now),
            }
        }
        self.state.look_at_microphone(self.services.media.microphone(), now);
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.handle(Command::CloseAnyway);
        }
        if !self.closes && ctx.input(|input| input.viewport().close_requested()) {
            self.handle(Command::Close);
            if !self.closes {
                ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            }
        }
        if let Some(call) = &mut self.state.call {
            call.update_stage(now);
        }
        self.awake.set(self.state.call.is_some());
        if ctx.input(|input| input.viewport().minimized) == Some(true) {
            // Nothing is drawn then.
            for command in self.state.call.iter().flat_map(screens::hide_all).collect::<Vec<_>>() {
                self.handle(command);
            }
        }
        if self.remembers_window {
            self.state.settings.window = window_place::current(ctx).or(self.state.settings.window);
        }
        self.schedule_repaint(ctx, now);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        let now = clock::now();
        self.frame_repaint.painted(now);
        let mut live = Live {
            now,
            self_view: self.services.media.self_view(),
            microphone: self.services.media.microphone(),
            videos: &mut self.videos,
        };
        let commands = screens::show(ui, &self.state, &mut live);
        self.videos.forget_undrawn();
        if !commands.is_empty() {
            ui.ctx().request_repaint();
        }
        for command in commands {
            self.handle(command);
        }
    }

    fn on_exit(&mut self, _gl: Option<&glow::Context>) {
        if self.state.settings.window != self.saved_window {
            self.services.perform(Effect::Save(self.state.settings.clone()));
        }
        self.services.leave_and_wait();
    }
}
