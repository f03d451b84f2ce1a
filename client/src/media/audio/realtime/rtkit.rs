//! `rtkit` gives real-time priority to threads of people's programs, over the system bus. Its interface:
//! <https://git.0pointer.net/rtkit.git/tree/README>

use std::io;
use std::time::Duration;

use zbus::connection::Builder;
use zbus::proxy::CacheProperties;

use super::ThreadId;
use super::promotion::Refused;

const SERVICE: &str = "org.freedesktop.RealtimeKit1";
const PATH: &str = "/org/freedesktop/RealtimeKit1";

/// What `rtkit` is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    process: u64,
    thread: u64,
    /// 1 to 99; lowered to what `rtkit` allows.
    priority: u32,
}

impl Request {
    pub(super) fn new(thread: ThreadId, priority: u32) -> Self {
        let process = rustix::process::getpid().as_raw_nonzero().get();
        Self { process: process.unsigned_abs().into(), thread: thread.0.unsigned_abs().into(), priority }
    }
}

/// Returns the priority that was granted. `set_limit` sets RLIMIT_RTTIME to at most this many µs, without which `rtkit`
/// refuses. Waits up to `timeout`: connecting, too, so the connection is not `zbus`' blocking one.
///
/// # Errors
/// There is no bus or no `rtkit`, it refuses, or it does not answer in time.
pub(super) fn ask(
    bus: Builder<'_>,
    request: Request,
    set_limit: impl FnOnce(u64) -> io::Result<()>,
    timeout: Duration,
) -> Result<u32, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime
        .block_on(async { tokio::time::timeout(timeout, talk(bus, request, set_limit)).await })
        .map_err(|_| Refused::RtkitTimedOut)?
}

async fn talk(
    bus: Builder<'_>,
    request: Request,
    set_limit: impl FnOnce(u64) -> io::Result<()>,
) -> Result<u32, Refused> {
    let connection = bus.build().await?;
    let rtkit = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&connection)
        .destination(SERVICE)?
        .path(PATH)?
        .interface(SERVICE)?
        // Each is read once.
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let priority: i32 = rtkit.get_property("MaxRealtimePriority").await?;
    let rttime_us: i64 = rtkit.get_property("RTTimeUSecMax").await?;
    let (Ok(max_priority @ 1..), Ok(maximum_us @ 1..)) = (u32::try_from(priority), u64::try_from(rttime_us)) else {
        return Err(Refused::RtkitAllowsNone { priority, rttime_us });
    };
    set_limit(maximum_us)?;
    let priority = request.priority.min(max_priority);
    let () = rtkit.call("MakeThreadRealtimeWithPID", &(request.process, request.thread, priority)).await?;
    Ok(priority)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[derive(Debug, Clone, Copy)]
    enum Answer {
        Grant,
        Refuse,
        Hang,
    }

    /// `rtkit`, as its README says. `calls`: in their order, and `limit` for the limit that the client sets.
    struct Mock {
        max_priority: i32,
        rttime_us: i64,
        answer: Answer,
        calls: Calls,
    }

    type Calls = Arc<Mutex<Vec<String>>>;

    #[zbus::interface(name = "org.freedesktop.RealtimeKit1")]
    impl Mock {
        #[zbus(property, name = "MaxRealtimePriority")]
        fn max_priority(&self) -> i32 {
            self.max_priority
        }

        #[zbus(property, name = "RTTimeUSecMax")]
        fn rttime_us(&self) -> i64 {
            self.rttime_us
        }

        #[zbus(name = "MakeThreadRealtimeWithPID")]
        async fn make_realtime(&self, process: u64, thread: u64, priority: u32) -> zbus::fdo::Result<()> {
            self.calls.lock().unwrap().push(format!("process {process} thread {thread} priority {priority}"));
            match self.answer {
                Answer::Grant => Ok(()),
                Answer::Refuse => Err(zbus::fdo::Error::AccessDenied("not for you".into())),
                Answer::Hang => std::future::pending().await,
            }
        }
    }

    /// Asks a mock for priority 10.
    fn ask_mock(max_priority: i32, answer: Answer, timeout: Duration) -> (Result<u32, Refused>, Vec<String>) {
        let calls = Calls::default();
        let mock = Mock { max_priority, rttime_us: 200_000, answer, calls: calls.clone() };
        let (client, server) = UnixStream::pair().unwrap();
        let server = Builder::async_io_unix_stream(server)
            .server(zbus::Guid::generate())
            .and_then(|builder| builder.p2p().serve_at(PATH, mock))
            .unwrap();
        // The server answers the client's greeting while the client waits.
        let serving = std::thread::Builder::new().name("rtkit".into()).spawn(|| zbus::block_on(server.build()));
        let request = Request { process: 12, thread: 34, priority: 10 };
        let set_limit = |maximum_us: u64| {
            calls.lock().unwrap().push(format!("limit {maximum_us}"));
            Ok(())
        };
        let asked = ask(Builder::async_io_unix_stream(client).p2p(), request, set_limit, timeout);
        let _server = serving.unwrap().join().unwrap();
        let calls = calls.lock().unwrap().clone();
        (asked, calls)
    }

    #[test]
    fn rtkit_is_asked_for_the_thread_after_the_limit_is_set() {
        let (asked, calls) = ask_mock(20, Answer::Grant, LONG);
        assert_eq!(asked.unwrap(), 10);
        assert_eq!(calls, ["limit 200000", "process 12 thread 34 priority 10"]);
    }

    #[test]
    fn no_more_is_asked_for_than_rtkit_allows() {
        let (asked, calls) = ask_mock(5, Answer::Grant, LONG);
        assert_eq!(asked.unwrap(), 5);
        assert_eq!(calls, ["limit 200000", "process 12 thread 34 priority 5"]);
        for none in [0, -1] {
            let (asked, calls) = ask_mock(none, Answer::Grant, LONG);
            assert!(matches!(asked, Err(Refused::RtkitAllowsNone { priority, .. }) if priority == none), "{asked:?}");
            assert!(calls.is_empty(), "{calls:?}");
        }
    }

    #[test]
    fn a_refusal_is_told() {
        let (asked, calls) = ask_mock(20, Answer::Refuse, LONG);
        assert!(asked.unwrap_err().to_string().contains("not for you"));
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn an_rtkit_that_hangs_is_given_up() {
        let (asked, _) = ask_mock(20, Answer::Hang, Duration::from_millis(20));
        assert!(matches!(asked, Err(Refused::RtkitTimedOut)), "{asked:?}");
    }

    #[test]
    fn a_bus_that_says_nothing_is_given_up() {
        let (client, _silent) = UnixStream::pair().unwrap();
        let request = Request { process: 12, thread: 34, priority: 10 };
        let asked = ask(Builder::async_io_unix_stream(client), request, |_| Ok(()), Duration::from_millis(20));
        assert!(matches!(asked, Err(Refused::RtkitTimedOut)), "{asked:?}");
    }
}
