//! The command line.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use maru_protocol::{Nickname, RoomName};

use crate::media::{DeviceChoice, NoiseSuppression, VoiceProcessing};

/// Video calls directly between computers. Everyone who uses the same room name is in the same call.
#[derive(Debug, Parser)]
#[command(name = "maru", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Join this room at once. Without it, the start screen asks
    #[arg(value_parser = parse_room)]
    pub room: Option<RoomName>,

    /// Signal server (ws://… or wss://…). Without it, find one on the local network or start one
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// Use only this IP address of this computer for the call. Can be repeated. Without it, use all
    #[arg(long, value_name = "IP")]
    pub address: Vec<IpAddr>,

    /// Your name, as the others see it
    #[arg(long, value_name = "NAME", value_parser = parse_nickname)]
    pub name: Option<Nickname>,

    /// Camera: auto, none, test, file:PATH (Y4M, in a loop), or a name from --list-devices
    #[arg(long, value_name = "SOURCE")]
    pub camera: Option<DeviceChoice>,

    /// Microphone: auto, none, test, file:PATH (WAV, in a loop), or a name from --list-devices
    #[arg(long, value_name = "SOURCE")]
    pub microphone: Option<DeviceChoice>,

    /// Speaker: auto, none, file:PATH (written as WAV), or a name from --list-devices
    #[arg(long, value_name = "TARGET", value_parser = parse_speaker)]
    pub speaker: Option<DeviceChoice>,

    /// What is done to your voice: on, off, or some of echo, noise, strong-noise and gain, separated by commas. With this
    /// option also to a file and to the test sound
    #[arg(long, value_name = "PARTS")]
    pub voice: Option<VoiceProcessing>,

    /// Run the call in the terminal: lines you type are chat messages, and received messages are printed
    #[arg(long, requires = "room")]
    pub headless: bool,

    /// With --headless: ask the others for no larger picture than this height in pixels, and for none with 0
    #[arg(long, value_name = "PIXELS", requires = "headless")]
    pub show_height: Option<u32>,

    /// Leave the call after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub duration: Option<Duration>,

    /// Save the decoded video and audio of each peer in DIR, as NAME.y4m and NAME.wav
    #[arg(long, value_name = "DIR")]
    pub save_remote: Option<PathBuf>,

    /// With --save-remote: save only every N-th frame
    #[arg(long, value_name = "N", default_value = "1", requires = "save_remote")]
    pub save_every: NonZeroU32,

    /// Write all events of the call to FILE, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// List the cameras, microphones and speakers, then exit
    #[arg(long)]
    pub list_devices: bool,

    /// Run a demonstration call on this computer: in two windows, or in the terminal if there is no display
    #[arg(long, conflicts_with_all = ["room", "headless", "list_devices"])]
    pub demo: bool,

    /// Send TEXT as a chat message when a peer is connected: in the window to the first one, with --headless each time
    #[arg(long, value_name = "TEXT")]
    pub greet: Option<String>,
}

const AFTER_HELP: &str = "\
Environment:
  MARU_LOG                   Log level, for example MARU_LOG=maru=debug
  MARU_CONFIG_DIR            Folder of the settings, in place of the system's
  SSL_CERT_FILE              Certificates of authorities to trust (wss://), in place of the system's
  LC_ALL, LC_MESSAGES, LANG  Language: Korean for ko_*, otherwise English";

fn parse_room(text: &str) -> Result<RoomName, String> {
    text.parse().map_err(|error| format!("a room name has 1 to 64 characters: {error}"))
}

fn parse_nickname(text: &str) -> Result<Nickname, String> {
    text.parse().map_err(|error| format!("a nickname has 1 to 32 characters: {error}"))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "the duration must be a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "the duration must be 0 seconds or more".to_owned())
}

impl FromStr for DeviceChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("it is empty: use auto, none, file:PATH or the name of a device".into()),
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

impl FromStr for VoiceProcessing {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => return Ok(Self::default()),
            "off" => return Ok(Self::OFF),
            _ => {}
        }
        let mut voice = Self::OFF;
        for part in text.split(',') {
            match part {
                "echo" => voice.echo_cancellation = true,
                "gain" => voice.automatic_gain = true,
                "noise" | "strong-noise" if voice.noise_suppression != NoiseSuppression::Off => {
                    return Err("noise and strong-noise exclude each other".into());
                }
                "noise" => voice.noise_suppression = NoiseSuppression::Moderate,
                "strong-noise" => voice.noise_suppression = NoiseSuppression::Strong,
                _ => return Err(format!("“{part}” is no part: use on, off, echo, noise, strong-noise or gain")),
            }
        }
        Ok(voice)
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
    fn clap_accepts_the_definition() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sources_are_parsed_as_documented() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("test".parse(), Ok(DeviceChoice::Test));
        assert_eq!(parse_speaker("file:a b.wav"), Ok(DeviceChoice::File("a b.wav".into())));
        assert_eq!("웹캠".parse(), Ok(DeviceChoice::Named("웹캠".into())));
        assert!(parse_speaker("test").is_err());
        assert!("file:".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn voice_processing_is_all_none_or_some_parts() {
        let some = VoiceProcessing { noise_suppression: NoiseSuppression::Strong, automatic_gain: false, ..on() };
        for (text, wanted) in [("on", on()), ("off", VoiceProcessing::OFF), ("echo,strong-noise", some)] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        assert!("".parse::<VoiceProcessing>().is_err());
        assert!("echo,".parse::<VoiceProcessing>().is_err());
        assert!("noise,strong-noise".parse::<VoiceProcessing>().is_err());
    }

    fn on() -> VoiceProcessing {
        VoiceProcessing::default()
    }

    #[test]
    fn headless_needs_a_room() {
        assert!(Cli::try_parse_from(["maru", "--headless"]).is_err());
        assert!(Cli::try_parse_from(["maru", "--headless", "가족", "--duration", "2.5"]).is_ok());
        assert!(Cli::try_parse_from(["maru", "가족", "--duration", "-1"]).is_err());
        assert!(Cli::try_parse_from(["maru", &"방".repeat(65)]).is_err());
    }
}
