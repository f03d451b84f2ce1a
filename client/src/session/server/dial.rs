//! Connects to a host that has several addresses: "happy eyeballs" (RFC 8305).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until};

/// The next address is tried after this long without an answer (RFC 8305, 5: Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Further addresses of a host are not tried.
const MAX_ADDRESSES: usize = 16;

/// # Errors
/// The name is unknown, or none of its addresses accepts a connection: the error of the first one that failed.
pub(super) async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = interleave(lookup_host((host, port)).await?);
    let stream = first_connected(&addresses, TcpStream::connect).await?;
    // A signal is small, and should not wait for the next one.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// IPv6 and IPv4 in turn, beginning with the family that the system prefers (RFC 8305, 4).
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses: Vec<SocketAddr> = addresses.collect();
    let Some(first) = addresses.first() else { return Vec::new() };
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        let pair = [preferred.next(), other.next()];
        if pair == [None, None] {
            ordered.truncate(MAX_ADDRESSES);
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Tries one address after the other, without giving up those before. The first connection wins.
async fn first_connected<T, F>(addresses: &[SocketAddr], connect: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut next_at = Instant::now();
    let mut failure = None;
    loop {
        tokio::select! {
            () = sleep_until(next_at), if waiting.len() > 0 => {
                attempts.extend(waiting.next().map(|address| connect(*address)));
                next_at = Instant::now() + ATTEMPT_DELAY;
            }
            Some(attempt) = attempts.next() => match attempt {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    failure.get_or_insert(error);
                    next_at = Instant::now();
                }
            },
            else => return Err(failure.unwrap_or_else(|| io::Error::other("the name has no address"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().expect("an address"), 7400)
    }

    /// What connecting to an address gives, and when.
    #[derive(Clone, Copy)]
    enum Host {
        Accepts,
        Refuses,
        IsSilent,
    }

    async fn connect(hosts: &[(&str, Host)]) -> (io::Result<SocketAddr>, Duration) {
        let addresses: Vec<SocketAddr> = hosts.iter().map(|(text, _)| address(text)).collect();
        let since = Instant::now();
        let connected = first_connected(&addresses, |to| async move {
            match hosts.iter().find(|(text, _)| address(text) == to).expect("a host").1 {
                Host::Accepts => Ok(to),
                Host::Refuses => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                Host::IsSilent => std::future::pending().await,
            }
        })
        .await;
        (connected, since.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_ipv6_address_costs_a_quarter_of_a_second() {
        let (connected, after) = connect(&[("2001:db8::1", Host::IsSilent), ("192.0.2.1", Host::Accepts)]).await;
        assert_eq!(connected.expect("a connection"), address("192.0.2.1"));
        assert!((ATTEMPT_DELAY..ATTEMPT_DELAY + Duration::from_millis(10)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_costs_no_time() {
        let hosts = [("2001:db8::1", Host::Refuses), ("2001:db8::2", Host::Refuses), ("192.0.2.1", Host::Accepts)];
        let (connected, after) = connect(&hosts).await;
        assert_eq!(connected.expect("a connection"), address("192.0.2.1"));
        assert!(after < Duration::from_millis(10), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_refuses_everywhere_is_given_up_at_once() {
        let (connected, after) = connect(&[("2001:db8::1", Host::Refuses), ("192.0.2.1", Host::Refuses)]).await;
        assert_eq!(connected.expect_err("nobody accepts").kind(), io::ErrorKind::ConnectionRefused);
        assert!(after < Duration::from_millis(10), "{after:?}");
        assert!(connect(&[]).await.0.is_err());
    }

    #[test]
    fn families_take_turns() {
        let names = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"];
        let ordered = interleave(names.into_iter().map(address));
        assert_eq!(ordered, ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"].map(address));
        let many = (0..=255).map(|n| SocketAddr::from(([192, 0, 2, n], 1)));
        assert_eq!(interleave(many).len(), MAX_ADDRESSES);
        assert!(interleave(std::iter::empty()).is_empty());
    }
}
