//! The shortcuts of the call screen. Single letters do nothing while the person types.

use egui::{Context, Event, Key, Modifiers};

use super::call_state::CallState;
use super::commands::{Command, Side};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortcut {
    Microphone,
    Camera,
    Hand,
    Chat,
    Devices,
    Statistics,
    View,
    OwnPicture,
    FullScreen,
    Help,
    Close,
    Leave,
}

impl Shortcut {
    pub(crate) const ALL: [Self; 12] = [
        Self::Microphone,
        Self::Camera,
        Self::Hand,
        Self::Chat,
        Self::Devices,
        Self::Statistics,
        Self::View,
        Self::OwnPicture,
        Self::FullScreen,
        Self::Help,
        Self::Close,
        Self::Leave,
    ];

    /// The key as tooltips show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Microphone => "M",
            Self::Camera => "V",
            Self::Hand => "R",
            Self::Chat => "C",
            Self::Devices => "D",
            Self::Statistics => "S",
            Self::View => "G",
            Self::OwnPicture => "H",
            Self::FullScreen => "F",
            Self::Help => "F1",
            Self::Close => "Esc",
            Self::Leave => "Ctrl+L",
        }
    }

    /// The key of the text that says what it does.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Microphone => "help-microphone",
            Self::Camera => "help-camera",
            Self::Hand => "help-hand",
            Self::Chat => "help-chat",
            Self::Devices => "help-devices",
            Self::Statistics => "help-statistics",
            Self::View => "help-view",
            Self::OwnPicture => "help-own-picture",
            Self::FullScreen => "help-full-screen",
            Self::Help => "help-help",
            Self::Close => "help-close",
            Self::Leave => "help-leave",
        }
    }

    fn keys(self) -> (Modifiers, Key) {
        match self {
            Self::Microphone => (Modifiers::NONE, Key::M),
            Self::Camera => (Modifiers::NONE, Key::V),
            Self::Hand => (Modifiers::NONE, Key::R),
            Self::Chat => (Modifiers::NONE, Key::C),
            Self::Devices => (Modifiers::NONE, Key::D),
            Self::Statistics => (Modifiers::NONE, Key::S),
            Self::View => (Modifiers::NONE, Key::G),
            Self::OwnPicture => (Modifiers::NONE, Key::H),
            Self::FullScreen => (Modifiers::NONE, Key::F),
            Self::Help => (Modifiers::NONE, Key::F1),
            Self::Close => (Modifiers::NONE, Key::Escape),
            Self::Leave => (Modifiers::CTRL, Key::L),
        }
    }

    /// Whether the key was pressed in this pass. Key repeat is ignored: it would toggle to and fro.
    pub(crate) fn is_pressed(self, ctx: &Context) -> bool {
        let (wanted, wanted_key) = self.keys();
        ctx.input(|input| {
            input.events.iter().any(|event| match event {
                Event::Key { key, pressed: true, repeat: false, modifiers, .. } => {
                    *key == wanted_key && modifiers.matches_exact(wanted)
                }
                _ => false,
            })
        })
    }

    fn works_while_typing(self) -> bool {
        matches!(self, Self::Leave | Self::Help)
    }

    fn command(self, call: &CallState, is_full_screen: bool) -> Option<Command> {
        match self {
            Self::Microphone => Some(Command::ToggleMicrophone),
            Self::Camera => Some(Command::ToggleCamera),
            Self::Hand => Some(Command::ToggleHand),
            Self::Chat => Some(Command::ToggleSide(Side::Chat)),
            Self::Devices => Some(Command::ToggleSide(Side::Devices)),
            Self::Statistics => Some(Command::ToggleSide(Side::Statistics)),
            Self::View => Some(Command::ToggleView),
            Self::OwnPicture => Some(Command::NextOwnPicture),
            Self::FullScreen => Some(Command::FullScreen(!is_full_screen)),
            Self::Help => Some(Command::ToggleHelp),
            Self::Close if call.shows_help => Some(Command::ToggleHelp),
            Self::Close if call.side.is_some() => Some(Command::CloseSide),
            Self::Close => is_full_screen.then_some(Command::FullScreen(false)),
            Self::Leave => Some(Command::Leave),
        }
    }
}

/// Held, it switches the microphone to and, released, back.
pub(crate) const HOLD: Key = Key::T;

/// The commands of the keys that were pressed or released in this pass.
pub(crate) fn pressed(ctx: &Context, call: &CallState) -> Vec<Command> {
    let is_typing = ctx.text_edit_focused();
    let is_full_screen = super::is_full_screen(ctx);
    let held = ctx.input(|input| input.events.iter().filter_map(|event| held(event, is_typing)).collect::<Vec<_>>());
    let pressed = Shortcut::ALL
        .into_iter()
        .filter(|shortcut| !is_typing || shortcut.works_while_typing())
        .filter(|shortcut| shortcut.is_pressed(ctx))
        .filter_map(|shortcut| shortcut.command(call, is_full_screen));
    held.into_iter().chain(pressed).collect()
}

/// Whoever looks away from the window holds nothing.
fn held(event: &Event, is_typing: bool) -> Option<Command> {
    match event {
        Event::Key { key: HOLD, pressed: true, repeat: false, modifiers, .. } if !is_typing && modifiers.is_none() => {
            Some(Command::HoldMicrophone)
        }
        Event::Key { key: HOLD, pressed: false, .. } | Event::WindowFocused(false) => Some(Command::ReleaseMicrophone),
        _ => None,
    }
}
