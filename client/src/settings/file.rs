//! The file of the settings: read, written, and set aside where it is broken.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Settings;

/// The folder of the settings, in place of the system's.
pub const CONFIG_DIR_VARIABLE: &str = "MARU_CONFIG_DIR";

impl Settings {
    /// Reads the settings of this account.
    pub fn load() -> Self {
        path().map_or_else(Self::default, |path| Self::load_from(&path))
    }

    /// Reads the settings at `path`. A file that is not settings is set aside.
    pub fn load_from(path: &Path) -> Self {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the settings cannot be read: starting with the defaults");
                return Self::default();
            }
        };
        parse(&text).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the settings cannot be read: starting with the defaults");
            Self { set_aside: set_aside(path), ..Self::default() }
        })
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
        let written = write_synced(&unfinished, &serde_json::to_vec_pretty(&self.fields_to_write()?)?);
        let moved = written.and_then(|()| fs::rename(&unfinished, path));
        if moved.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        moved
    }

    /// With what was [`Self::unread`], where nothing else was chosen since.
    fn fields_to_write(&self) -> serde_json::Result<Map<String, Value>> {
        let (mut fields, defaults) = (fields(self)?, fields(&Self::default())?);
        for (name, value) in &self.unread {
            if fields.get(name) == defaults.get(name) {
                fields.insert(name.clone(), value.clone());
            }
        }
        Ok(fields)
    }
}

fn parse(text: &[u8]) -> serde_json::Result<Settings> {
    let read: Map<String, Value> = serde_json::from_slice(text)?;
    let mut settings: Settings = serde_json::from_value(Value::Object(read.clone()))?;
    let understood = fields(&settings)?;
    settings.unread = read.into_iter().filter(|(name, value)| understood.get(name) != Some(value)).collect();
    Ok(settings)
}

fn fields(settings: &Settings) -> serde_json::Result<Map<String, Value>> {
    let value = serde_json::to_value(settings)?;
    serde_json::from_value(value)
}

/// Moves the file at `path` beside itself, so that saving does not overwrite it. Gives where it is now.
fn set_aside(path: &Path) -> Option<PathBuf> {
    let broken = path.with_extension("json.broken");
    match fs::rename(path, &broken) {
        Ok(()) => Some(broken),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the broken settings cannot be set aside");
            None
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Language;
    use crate::media::VoiceProcessing;
    use crate::settings::{Device, RecentRoom, WindowPlace};

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
            recent_rooms: vec![RecentRoom { room: "family".into(), server: Some(String::new()) }],
            window: Some(WindowPlace { width: 800, height: 600, position: Some([-40, 7]) }),
            ..Settings::default()
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
    fn a_missing_file_is_the_default_and_a_broken_one_is_set_aside() {
        let folder = Folder::new("broken");
        assert_eq!(Settings::load_from(&folder.file()), Settings::default());
        example().save_to(&folder.file()).expect("saves");
        for broken in ["", "{", "[]", "null", "\"text\"", "{\"name\": \"x\""] {
            fs::write(folder.file(), broken).expect("writes");
            let loaded = Settings::load_from(&folder.file());
            let aside = loaded.set_aside.clone().expect("is kept");
            assert_eq!(aside.file_name(), Some("settings.json.broken".as_ref()));
            assert_eq!(fs::read_to_string(&aside).expect("is kept"), broken);
            assert_eq!(loaded, Settings { set_aside: Some(aside.clone()), ..Settings::default() });
            loaded.save_to(&folder.file()).expect("saves");
            assert_eq!(Settings::load_from(&folder.file()), Settings::default(), "told once");
            assert_eq!(fs::read_to_string(aside).expect("is kept"), broken);
        }
    }

    #[test]
    fn one_bad_field_leaves_the_others() {
        let folder = Folder::new("field");
        example().save_to(&folder.file()).expect("saves");
        let text = r#"{"name": 7, "room": "r", "camera": {"hologram": 1}, "language": "xx", "window": {"width": -1}}"#;
        fs::write(folder.file(), text).expect("writes");
        let read = Settings::load_from(&folder.file());
        assert_eq!(Settings { unread: Map::new(), ..read }, Settings { room: "r".into(), ..Settings::default() });
    }

    #[test]
    fn what_a_later_version_wrote_survives() {
        let folder = Folder::new("later");
        let text = r#"{"room": "r", "camera": {"hologram": 1}, "language": "xx", "theme": {"dark": true}}"#;
        fs::create_dir_all(folder.file().parent().expect("has a parent")).expect("is made");
        fs::write(folder.file(), text).expect("writes");
        let mut settings = Settings::load_from(&folder.file());
        settings.room = "other".into();
        settings.language = Some(Language::Korean);
        settings.save_to(&folder.file()).expect("saves");
        let written: Value = serde_json::from_slice(&fs::read(folder.file()).expect("is there")).expect("is JSON");
        assert_eq!(written["theme"], serde_json::json!({ "dark": true }));
        assert_eq!(written["camera"], serde_json::json!({ "hologram": 1 }));
        assert_eq!((&written["room"], &written["language"]), (&"other".into(), &"ko".into()), "what was chosen here");
    }
}
