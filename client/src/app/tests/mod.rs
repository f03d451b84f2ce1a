//! The screens without a window: tests type, click and read through AccessKit.

mod call;
mod chat;
mod looks;
mod stage;
mod start;
mod voice;

use std::time::{Duration, Instant};

use egui::{Theme, Vec2};
use egui_kittest::Harness;
use maru_core::time::Timestamp;
use maru_protocol::Nickname;

use super::commands::{Command, Effect};
use super::screens::{self, Live};
use super::state::{LaunchOptions, State};
use super::video::Videos;
use super::{fonts, theme};
use crate::clock;
use crate::i18n::{Language, Texts};
use crate::media::{FrameSlot, MicrophoneState, PeerSound};
use crate::session::{CallEvent, Event, ParticipantId, Server, ServerChoice};
use crate::settings::Settings;

/// The state, with the effects that it returned.
struct Bench {
    state: State,
    effects: Vec<Effect>,
    videos: Videos,
    self_view: FrameSlot,
    microphone: MicrophoneState,
    now: Timestamp,
}

impl Bench {
    fn new(language: Language) -> Self {
        let settings = Settings::default();
        let options = LaunchOptions { room: None, name: None, server: ServerChoice::Lan, addresses: vec![] };
        let media = settings.media();
        Self {
            state: State::new(Texts::new(language), settings, &media, options),
            effects: vec![],
            videos: Videos::undrawn(),
            self_view: FrameSlot::default(),
            microphone: MicrophoneState { level: 0.2, ..MicrophoneState::default() },
            now: clock::timestamp(Instant::now()),
        }
    }

    /// In the room `standup`, alone, with the notices of the arrival gone.
    fn in_call(language: Language) -> Self {
        let mut bench = Self::new(language);
        bench.command(Command::TypeName("Yuna".into()));
        bench.command(Command::TypeRoom("standup".into()));
        bench.command(Command::Join);
        bench.event(CallEvent::Call(Event::Joined {
            server: Server { url: "ws://10.0.0.7:4460".into(), is_own: false },
            present: 0,
        }));
        bench.now = bench.now + Duration::from_secs(60);
        bench.effects.clear();
        bench
    }

    fn command(&mut self, command: Command) {
        let effects = self.state.handle(command, self.now);
        self.effects.extend(effects);
    }

    fn event(&mut self, event: CallEvent) {
        let effects = self.state.apply_call(event, self.now);
        self.effects.extend(effects);
    }

    fn joins(&mut self, key: u32, name: &str) -> ParticipantId {
        let peer = ParticipantId(key);
        self.event(CallEvent::Call(Event::ParticipantJoined { participant: peer, name: nickname(name) }));
        peer
    }

    fn connects(&mut self, key: u32, name: &str) -> ParticipantId {
        let peer = self.joins(key, name);
        self.event(CallEvent::Media { participant: peer, frames: FrameSlot::default(), sound: PeerSound::default() });
        self.event(CallEvent::Call(Event::ParticipantConnected { participant: peer }));
        peer
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        if let Some(call) = &mut self.state.call {
            call.update_stage(self.now);
        }
        let mut live = Live {
            now: self.now,
            self_view: self.self_view.clone(),
            microphone: self.microphone,
            videos: &mut self.videos,
        };
        for command in screens::show(ui, &self.state, &mut live) {
            ui.ctx().request_repaint();
            self.command(command);
        }
        self.videos.forget_undrawn();
    }
}

const WIDE: Vec2 = Vec2::new(1280.0, 800.0);
const NARROW: Vec2 = Vec2::new(480.0, 700.0);
const SMALLEST: Vec2 = Vec2::new(360.0, 480.0);

fn open(bench: Bench, size: Vec2) -> Harness<'static, Bench> {
    open_themed(bench, size, Theme::Dark)
}

/// Missing glyphs and unlabelled widgets panic in here.
fn open_themed(bench: Bench, size: Vec2, theme: Theme) -> Harness<'static, Bench> {
    let mut harness = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(|ctx| {
            ctx.set_fonts(fonts::definitions());
            theme::install(ctx);
        })
        .build_ui_state(|ui, bench: &mut Bench| bench.ui(ui), bench);
    harness.run();
    harness
}

fn nickname(name: &str) -> Nickname {
    name.parse().expect("a nickname")
}
