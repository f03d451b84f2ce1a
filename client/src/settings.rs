//! The settings, kept in a small JSON file. A missing, broken or newer file is no error: what cannot be read is the default.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::i18n::Language;
use crate::media::{DeviceChoice, MediaConfig, VoiceProcessing};

mod file;
mod recent;
mod saver;
mod window;

pub use file::CONFIG_DIR_VARIABLE;
pub use recent::RecentRoom;
pub use saver::SettingsSaver;
pub use window::WindowPlace;

/// The values used last. Texts are as they were typed, and need not be valid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    #[serde(deserialize_with = "tolerant")]
    pub name: String,
    #[serde(deserialize_with = "tolerant")]
    pub room: String,
    /// Empty: search the local network.
    #[serde(deserialize_with = "tolerant")]
    pub server: String,
    #[serde(deserialize_with = "tolerant")]
    pub camera: Device,
    #[serde(deserialize_with = "tolerant")]
    pub microphone: Device,
    #[serde(deserialize_with = "tolerant")]
    pub speaker: Device,
    #[serde(deserialize_with = "tolerant")]
    pub voice: VoiceProcessing,
    /// `None`: the system language.
    #[serde(deserialize_with = "tolerant")]
    pub language: Option<Language>,
    /// The rooms joined last, newest first.
    #[serde(deserialize_with = "tolerant")]
    pub recent_rooms: Vec<RecentRoom>,
    /// `None`: never seen at an ordinary size.
    #[serde(deserialize_with = "tolerant")]
    pub window: Option<WindowPlace>,
    /// What a later version wrote and this one cannot read. It is written back.
    #[serde(skip)]
    pub(crate) unread: Map<String, Value>,
    /// Where a file that could not be read is now. The person is told.
    #[serde(skip)]
    pub(crate) set_aside: Option<PathBuf>,
}

/// A choice of camera, microphone or speaker. Files are chosen for one run and are not saved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    #[default]
    Auto,
    None,
    Test,
    Named(String),
}

impl Settings {
    /// The devices used last, with microphone and camera on.
    pub fn media(&self) -> MediaConfig {
        MediaConfig {
            camera: (&self.camera).into(),
            microphone: (&self.microphone).into(),
            // There is no test speaker.
            speaker: if self.speaker == Device::Test { DeviceChoice::Auto } else { (&self.speaker).into() },
            voice: self.voice,
            processes_files: false,
            muted: false,
            camera_on: true,
            save_remote: None,
        }
    }

    /// The chosen language, or the system language.
    pub fn language(&self) -> Language {
        self.language.unwrap_or_else(Language::of_system)
    }
}

/// A field that cannot be read is the default; the others are kept.
fn tolerant<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl From<&Device> for DeviceChoice {
    fn from(device: &Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::None => Self::None,
            Device::Test => Self::Test,
            Device::Named(name) => Self::Named(name.clone()),
        }
    }
}
