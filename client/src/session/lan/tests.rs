//! Real servers, found by real multicast DNS on loopback and on a port of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

/// Reached only when a test fails.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Options with a free port for multicast on loopback, or why this machine has none.
fn multicast_on_loopback() -> std::io::Result<LanOptions> {
    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    socket.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)?;
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let socket = std::net::UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    socket.send_to(b"anyone?", (GROUP, port))?;
    socket.recv_from(&mut [0; 16])?;
    Ok(LanOptions { port, loopback_only: true })
}

macro_rules! multicast_or_return {
    () => {
        match multicast_on_loopback() {
            Ok(options) => options,
            Err(error) => return eprintln!("not tested: no multicast on loopback here ({error})"),
        }
    };
}

async fn until_best(
    best: &mut watch::Receiver<Option<String>>,
    accept: impl Fn(Option<&str>) -> bool,
) -> Option<String> {
    timeout(TOO_LONG, best.wait_for(|best| accept(best.as_deref()))).await.expect("it took too long").unwrap().clone()
}

async fn answers(url: &str) -> bool {
    TcpStream::connect(url.strip_prefix("ws://").unwrap()).await.is_ok()
}

fn port(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_server_is_found_and_ends_with_its_process() {
    let options = multicast_or_return!();
    let host = LanServers::start_with(options).unwrap();
    let own = host.host(Config::default()).await.unwrap();
    assert!(answers(&own).await);
    assert_eq!(host.host(Config::default()).await, Ok(own.clone()), "the second call returns the same server");

    let guest = LanServers::start_with(options).unwrap();
    let found = guest.find(TOO_LONG).await.unwrap();
    assert_eq!(port(&found), port(&own));
    assert!(answers(&found).await);

    let mut best = guest.watch();
    host.close().await;
    assert!(!answers(&own).await, "the server ends with its process");
    until_best(&mut best, |best| best.is_none()).await;
    guest.close().await;
}

#[tokio::test]
async fn two_servers_that_start_at_the_same_time_agree_on_one() {
    let options = multicast_or_return!();
    let (one, two) = (LanServers::start_with(options).unwrap(), LanServers::start_with(options).unwrap());
    let (url_one, url_two) = tokio::join!(one.host(Config::default()), two.host(Config::default()));
    let (port_one, port_two) = (port(&url_one.unwrap()), port(&url_two.unwrap()));
    assert_ne!(port_one, port_two);

    // Each uses its own at first. Then one of them moves to the other's.
    let (mut best_one, mut best_two) = (one.watch(), two.watch());
    let moved_to = tokio::select! {
        moved = until_best(&mut best_one, |best| best.is_some_and(|url| port(url) == port_two)) => moved,
        moved = until_best(&mut best_two, |best| best.is_some_and(|url| port(url) == port_one)) => moved,
    };
    let used = port(&moved_to.unwrap());
    let at_used = |best: Option<&str>| best.is_some_and(|url| port(url) == used);
    until_best(&mut best_one, at_used).await;
    until_best(&mut best_two, at_used).await;

    // The superseded server has no clients, so it ends.
    let superseded = if used == port_one { port_two } else { port_one };
    let ended = async { while answers(&format!("ws://127.0.0.1:{superseded}")).await {} };
    timeout(TOO_LONG, ended).await.expect("the superseded server runs on without clients");

    // A third finds the server in use. When that one ends, the other process can host again.
    let third = LanServers::start_with(options).unwrap();
    assert_eq!(port(&third.find(TOO_LONG).await.unwrap()), used);
    let (using, other) = if used == port_one { (one, two) } else { (two, one) };
    let mut best = other.watch();
    using.close().await;
    until_best(&mut best, |best| best.is_none()).await;
    let again = other.host(Config::default()).await.unwrap();
    until_best(&mut third.watch(), |best| best.is_some_and(|url| port(url) == port(&again))).await;
    third.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_server_that_was_killed_is_not_found_again() {
    let options = multicast_or_return!();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let announced = discovery::Discovery::start(options).unwrap();
    announced.announce("0123456789abcdef0123456789abcdef", listener.local_addr().unwrap().port(), false).unwrap();
    let guest = LanServers::start_with(options).unwrap();
    assert!(guest.find(TOO_LONG).await.is_some());

    // It stays announced, as after SIGKILL, but accepts no connections.
    drop(listener);
    assert_eq!(guest.find(Duration::from_millis(300)).await, None);
    assert_eq!(*guest.watch().borrow(), None);
    announced.close().await;
    guest.close().await;
}

#[tokio::test]
async fn the_own_announcement_comes_back() {
    let options = multicast_or_return!();
    let host = LanServers::start_with(options).unwrap();
    let mut trouble = host.trouble();
    host.host(Config::default()).await.unwrap();
    // The first change tells either that it came back or that it did not.
    timeout(TOO_LONG, trouble.changed()).await.expect("it took too long").unwrap();
    assert_eq!(*trouble.borrow(), None);
    host.close().await;
}

#[tokio::test]
async fn without_a_network_a_server_can_still_be_hosted() {
    let alone = LanServers::alone();
    assert_eq!(alone.find(Duration::from_millis(10)).await, None);
    let own = alone.host(Config::default()).await.unwrap();
    assert!(answers(&own).await);
    assert_eq!(alone.watch().borrow().as_deref(), Some(own.as_str()));
    alone.close().await;
    assert!(!answers(&own).await);
}

#[tokio::test]
async fn a_listener_that_is_no_server_does_not_keep_clients_from_a_call() {
    let options = multicast_or_return!();
    // The smallest id, so that every client prefers it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let announced = discovery::Discovery::start(options).unwrap();
    announced.announce("00000000000000000000000000000000", listener.local_addr().unwrap().port(), false).unwrap();
    let guest = LanServers::start_with(options).unwrap();
    let wrong = guest.find(TOO_LONG).await.unwrap();
    guest.refused(&wrong).await;
    assert_eq!(guest.find(Duration::from_millis(50)).await, None);
    let own = guest.host(Config::default()).await.unwrap();
    assert_eq!(guest.watch().borrow().as_deref(), Some(own.as_str()));
    announced.close().await;
    guest.close().await;
}
