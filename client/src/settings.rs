//! The settings, kept in a small JSON file. A missing, broken or newer file is no error: what cannot be read is the default.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::i18n::Language;
use crate::media::{DeviceChoice, MediaConfig, VoiceProcessing};

mod saver;

pub use saver::SettingsSaver;

/// The folder of the settings, in place of the system's.
pub const CONFIG_DIR_VARIABLE: &str = "MARU_CONFIG_DIR";

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
    /// Reads the settings of this account.
    pub fn load() -> Self {
        path().map_or_else(Self::default, |path| Self::load_from(&path))
    }

    /// Reads the settings at `path`.
    pub fn load_from(path: &Path) -> Self {
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "the settings cannot be read: starting with the defaults");
                Self::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the settings cannot be read: starting with the defaults");
                Self::default()
            }
        }
    }

    /// Writes the settings of this account, and waits for the disk.
    ///
    /// # Errors
    /// There is no home folder, or the folder cannot be made or written.
    pub fn save(&self) -> io::Result<()> {
        let path = path().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "this account has no home folder"))?;
        self.save_to(&path)
    }

    /// Writes the settings to `path`. If that fails, the old file stays.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn save_to(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // A name per process: two windows may save at the same time.
        let unfinished = folder.join(format!("settings.{}.tmp", std::process::id()));
        let written = write_synced(&unfinished, &serde_json::to_vec_pretty(self)?);
        let moved = written.and_then(|()| fs::rename(&unfinished, path));
        if moved.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        moved
    }

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

/// `settings.json` in [`CONFIG_DIR_VARIABLE`], or in the system's folder for settings.
fn path() -> Option<PathBuf> {
    let folder = match std::env::var_os(CONFIG_DIR_VARIABLE) {
        Some(folder) if folder != OsStr::new("") => PathBuf::from(folder),
        _ => directories::ProjectDirs::from("", "", "maru")?.config_dir().to_owned(),
    };
    Some(folder.join("settings.json"))
}

fn write_synced(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text)?;
    file.sync_all()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder per test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("maru-settings-{}-{test}", std::process::id()));
            fs::create_dir_all(&folder).expect("the temporary folder is writable");
            Self(folder)
        }

        fn file(&self) -> PathBuf {
            self.0.join("deeper").join("settings.json")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn example() -> Settings {
        Settings {
            name: "미나".into(),
            room: "standup 🎈".into(),
            server: "wss://example.org".into(),
            camera: Device::Named("auto".into()),
            microphone: Device::Test,
            voice: VoiceProcessing { automatic_gain: false, ..VoiceProcessing::default() },
            speaker: Device::None,
            language: Some(Language::Korean),
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let folder = Folder::new("roundtrip");
        example().save_to(&folder.file()).expect("saves");
        assert_eq!(Settings::load_from(&folder.file()), example());
        let left_over = fs::read_dir(folder.file().parent().expect("has a parent")).expect("is a folder").count();
        assert_eq!(left_over, 1, "only the settings themselves");
    }

    #[test]
    fn a_missing_or_broken_file_is_the_default() {
        let folder = Folder::new("broken");
        assert_eq!(Settings::load_from(&folder.file()), Settings::default());
        example().save_to(&folder.file()).expect("saves");
        for broken in ["", "{", "[]", "null", "\"text\"", "{\"name\": \"x\""] {
            fs::write(folder.file(), broken).expect("writes");
            assert_eq!(Settings::load_from(&folder.file()), Settings::default(), "{broken}");
        }
    }

    #[test]
    fn one_bad_field_leaves_the_others() {
        let folder = Folder::new("field");
        example().save_to(&folder.file()).expect("saves");
        let text = r#"{"name": 7, "room": "r", "camera": {"hologram": 1}, "language": "xx", "newer": true}"#;
        fs::write(folder.file(), text).expect("writes");
        assert_eq!(Settings::load_from(&folder.file()), Settings { room: "r".into(), ..Settings::default() });
    }
}
