//! Tells when audio devices come, go, or become the default one, as soon as the audio server says so (PulseAudio, or
//! PipeWire in its place). Where there is no such server, the supervisors' own look every two seconds has to do.

use std::time::Duration;

use crate::media::thread::{StopFlag, StoppableThread};

/// How long to wait before the server is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watcher {
    _thread: StoppableThread,
}

impl Watcher {
    /// `changed` is called on the watcher's thread, several times for one device.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(crate) fn start(changed: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let thread = StoppableThread::spawn("audio-watcher", move |stop| {
            while !stop.is_set() {
                if let Err(error) = watch(stop, &changed) {
                    tracing::debug!(%error, "no events of audio devices");
                }
                stop.wait(RETRY);
            }
        })?;
        Ok(Self { _thread: thread })
    }
}

#[cfg(target_os = "linux")]
fn watch(stop: &StopFlag, changed: &impl Fn()) -> Result<(), Box<dyn std::error::Error>> {
    subscription::watch(stop, changed)
}

#[cfg(not(target_os = "linux"))]
fn watch(_: &StopFlag, _: &impl Fn()) -> Result<(), Box<dyn std::error::Error>> {
    Err("this system's events are not known".into())
}

#[cfg(target_os = "linux")]
mod subscription {
    use std::ffi::CString;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use pulseaudio::protocol::{
        self, AuthParams, AuthReply, Command, Prop, Props, SetClientNameReply, SubscriptionMask,
    };
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use crate::media::thread::StopFlag;

    /// How often to look whether the watch is to end.
    const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    /// A server that takes longer for the rest of a message hangs.
    const ANSWER: Duration = Duration::from_secs(3);

    /// Until the server ends, or the flag is set.
    pub(super) fn watch(stop: &StopFlag, changed: &impl Fn()) -> Result<(), Box<dyn std::error::Error>> {
        let path = pulseaudio::socket_path_from_env().ok_or("there is no PulseAudio")?;
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let mut socket = BufReader::new(stream);
        let version = subscribe(&mut socket)?;
        // What came before the subscription was missed.
        changed();
        while !stop.is_set() {
            if !is_readable(&socket)? {
                continue;
            }
            if socket.fill_buf()?.is_empty() {
                return Err("the server has ended".into());
            }
            if let (_, Command::SubscribeEvent(_)) = protocol::read_command_message(&mut socket, version)? {
                changed();
            }
        }
        Ok(())
    }

    fn is_readable(socket: &BufReader<UnixStream>) -> std::io::Result<bool> {
        if !socket.buffer().is_empty() {
            return Ok(true);
        }
        let mut fds = [PollFd::new(socket.get_ref(), PollFlags::IN)];
        Ok(poll(&mut fds, Some(&LOOK))? > 0)
    }

    /// Returns the version of the protocol.
    fn subscribe(socket: &mut BufReader<UnixStream>) -> Result<u16, Box<dyn std::error::Error>> {
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let auth = AuthParams { version: protocol::MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        protocol::write_command_message(socket.get_mut(), 0, &Command::Auth(auth), protocol::MAX_VERSION)?;
        let (_, reply) = protocol::read_reply_message::<AuthReply>(socket, protocol::MAX_VERSION)?;
        let version = protocol::MAX_VERSION.min(reply.version);
        let mut properties = Props::new();
        properties.set(Prop::ApplicationName, CString::from(c"Maru"));
        protocol::write_command_message(socket.get_mut(), 1, &Command::SetClientName(properties), version)?;
        protocol::read_reply_message::<SetClientNameReply>(socket, version)?;
        let devices = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        protocol::write_command_message(socket.get_mut(), 2, &Command::Subscribe(devices), version)?;
        protocol::read_ack_message(socket)?;
        Ok(version)
    }
}
