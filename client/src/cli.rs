//! The command line.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use maru_protocol::{Nickname, RoomName};

use crate::media::DeviceChoice;

/// Video calls from machine to machine: type a room name, and see, hear and write to whoever typed the same one.
#[derive(Debug, Parser)]
#[command(name = "maru", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The room to join at once; without it the start screen asks
    #[arg(value_parser = parse_room)]
    pub room: Option<RoomName>,

    /// Signal server, ws://… or wss://…; without it one on the local network is found or started
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// Use only this address of this machine for the call; may be repeated. Without it, all of them
    #[arg(long, value_name = "IP")]
    pub address: Vec<IpAddr>,

    /// Nickname that the others see
    #[arg(long, value_name = "NICK", value_parser = parse_nickname)]
    pub name: Option<Nickname>,

    /// Camera: auto, none, test, file:PATH (Y4M), or a name from --list-devices
    #[arg(long, value_name = "S")]
    pub camera: Option<DeviceChoice>,

    /// Microphone: auto, none, test, file:PATH (WAV), or a name from --list-devices
    #[arg(long, value_name = "S")]
    pub microphone: Option<DeviceChoice>,

    /// Speaker: auto, none, file:PATH (WAV), or a name from --list-devices
    #[arg(long, value_name = "S", value_parser = parse_speaker)]
    pub speaker: Option<DeviceChoice>,

    /// No window: each line typed is a chat message, each message received is printed
    #[arg(long, requires = "room")]
    pub headless: bool,

    /// Leave after this many seconds
    #[arg(long, value_name = "SECS", value_parser = parse_seconds)]
    pub duration: Option<Duration>,

    /// Save what each peer sent, decoded, as NAME.y4m and NAME.wav
    #[arg(long, value_name = "DIR")]
    pub save_remote: Option<PathBuf>,

    /// Of the frames, save every N-th only
    #[arg(long, value_name = "N", default_value = "1", requires = "save_remote")]
    pub save_every: NonZeroU32,

    /// Write what happens to FILE, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Print the cameras, microphones and speakers that are there, and end
    #[arg(long)]
    pub list_devices: bool,

    /// Hold a demonstration call on this machine: in two windows, or without a display in this terminal
    #[arg(long, conflicts_with_all = ["room", "headless", "list_devices"])]
    pub demo: bool,

    /// Write TEXT to each peer as soon as its link stands
    #[arg(long, value_name = "TEXT")]
    pub greet: Option<String>,
}

const AFTER_HELP: &str = "\
Without --headless a window opens. MARU_LOG (for example MARU_LOG=maru=debug) prints more about what happens.
Korean or English is chosen by LC_ALL, LC_MESSAGES or LANG.";

fn parse_room(text: &str) -> Result<RoomName, String> {
    text.parse().map_err(|error| format!("a room name has 1 to 64 characters: {error}"))
}

fn parse_nickname(text: &str) -> Result<Nickname, String> {
    text.parse().map_err(|error| format!("a nickname has 1 to 32 characters: {error}"))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "a number of seconds from 0 up is needed".to_owned())
}

impl FromStr for DeviceChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("it is empty: use auto, none, file:PATH or a device's name".into()),
            "auto" => Self::Auto,
            "none" => Self::None,
            "test" => Self::Test,
            "file:" => return Err("file: needs a path, as in file:clip".into()),
            _ => match text.strip_prefix("file:") {
                Some(path) => Self::File(path.into()),
                None => Self::Named(text.into()),
            },
        })
    }
}

fn parse_speaker(text: &str) -> Result<DeviceChoice, String> {
    match text.parse()? {
        DeviceChoice::Test => Err("there is no test speaker: use auto, none, file:PATH or a name".into()),
        choice => Ok(choice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sources_are_read_as_documented() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("test".parse(), Ok(DeviceChoice::Test));
        assert_eq!(parse_speaker("file:a b.wav"), Ok(DeviceChoice::File("a b.wav".into())));
        assert_eq!("웹캠".parse(), Ok(DeviceChoice::Named("웹캠".into())));
        assert!(parse_speaker("test").is_err());
        assert!("file:".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn headless_needs_a_room() {
        assert!(Cli::try_parse_from(["maru", "--headless"]).is_err());
        assert!(Cli::try_parse_from(["maru", "--headless", "가족", "--duration", "2.5"]).is_ok());
        assert!(Cli::try_parse_from(["maru", "가족", "--duration", "-1"]).is_err());
        assert!(Cli::try_parse_from(["maru", &"방".repeat(65)]).is_err());
    }
}
