//! Multicast DNS (RFC 6762): finds and announces servers. Only this file uses `mdns-sd`.

use std::net::{IpAddr, SocketAddr};

use maru_protocol::{InstanceId, VERSION};
use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};

use super::directory::Announcement;
use super::{LanError, LanOptions};

const SERVICE_TYPE: &str = "_maru._tcp.local.";

pub(super) struct Discovery {
    daemon: ServiceDaemon,
    /// `None` before the first search, and after the daemon has ended it.
    events: Option<Receiver<ServiceEvent>>,
}

#[derive(Debug)]
pub(super) enum Found {
    Announced(Announcement),
    Withdrawn {
        fullname: String,
    },
    /// The daemon has ended the search.
    Ended,
}

impl Discovery {
    pub(super) fn start(options: LanOptions) -> Result<Self, LanError> {
        let daemon = ServiceDaemon::new_with_port(options.port).map_err(refused)?;
        if options.loopback_only {
            daemon.disable_interface(IfKind::All).map_err(refused)?;
            daemon.enable_interface(IfKind::LoopbackV4).map_err(refused)?;
        } else {
            daemon.disable_interface(IfKind::IPv6).map_err(refused)?;
        }
        Ok(Self { daemon, events: None })
    }

    /// Sends a query now, and again from time to time. [`Self::next`] returns known servers once more.
    pub(super) fn search(&mut self) -> Result<(), LanError> {
        self.events = Some(self.daemon.browse(SERVICE_TYPE).map_err(refused)?);
        Ok(())
    }

    /// The next result of the search. Waits for ever if there is none.
    pub(super) async fn next(&mut self) -> Found {
        loop {
            let Some(events) = &self.events else { return std::future::pending().await };
            let event = events.recv_async().await;
            match event {
                Ok(ServiceEvent::ServiceResolved(service)) => {
                    if let Some(announcement) = read(&service) {
                        return Found::Announced(announcement);
                    }
                }
                Ok(ServiceEvent::ServiceRemoved(_, fullname)) => return Found::Withdrawn { fullname },
                Ok(_) => {}
                Err(_) => {
                    self.events = None;
                    return Found::Ended;
                }
            }
        }
    }

    /// Announces the server `id` at `port` on every interface, with the addresses of that interface. Called again, it
    /// replaces the announcement.
    pub(super) fn announce(&self, id: &str, port: u16, is_settled: bool) -> Result<(), LanError> {
        let settled = if is_settled { "1" } else { "0" };
        let properties = [("id", id.to_owned()), ("v", VERSION.to_string()), ("settled", settled.to_owned())];
        let host = format!("maru-{id}.local.");
        let mut service =
            ServiceInfo::new(SERVICE_TYPE, id, &host, "", port, &properties[..]).map_err(refused)?.enable_addr_auto();
        // Probing (RFC 6762, 8.1) delays the announcement by 750 ms. It is not needed: the name is random, so unique.
        service.set_requires_probe(false);
        self.daemon.register(service).map_err(refused)
    }

    /// Withdraws the announcement of the server `id` (RFC 6762, 10.1).
    pub(super) fn withdraw(&self, id: &str) {
        if let Err(error) = self.daemon.unregister(&format!("{id}.{SERVICE_TYPE}")) {
            // A client that tries to connect fails, and searches again.
            tracing::debug!(%error, "an announcement cannot be withdrawn");
        }
    }

    /// Withdraws all announcements, and waits until that is sent.
    pub(super) async fn close(self) {
        if let Ok(done) = self.daemon.shutdown() {
            // An error also means that the daemon has ended.
            let _ = done.recv_async().await;
        }
    }
}

impl Drop for Discovery {
    /// The daemon's thread does not end by itself.
    fn drop(&mut self) {
        // Fails if the thread has ended, or if its queue is full.
        let _ = self.daemon.shutdown();
    }
}

/// `None`: it has no valid id, or another version of the protocol.
fn read(service: &ResolvedService) -> Option<Announcement> {
    let id: InstanceId = service.get_property_val_str("id")?.parse().ok()?;
    if service.get_property_val_str("v")? != VERSION.to_string() {
        return None;
    }
    let addresses = service.get_addresses().iter().filter_map(usable).map(|ip| SocketAddr::new(ip, service.port));
    let is_settled = service.get_property_val_str("settled") == Some("1");
    Some(Announcement { fullname: service.fullname.clone(), id: id.into(), addresses: addresses.collect(), is_settled })
}

/// A loopback address is only usable if it was received on the loopback interface. Otherwise it is another machine's.
fn usable(address: &ScopedIp) -> Option<IpAddr> {
    let ScopedIp::V4(address) = address else { return None };
    let heard_on_loopback = || {
        let mut interfaces = address.interface_ids().iter();
        interfaces.any(|interface| interface.get_addrs().iter().any(IpAddr::is_loopback))
    };
    (!address.addr().is_loopback() || heard_on_loopback()).then_some(IpAddr::V4(*address.addr()))
}

fn refused(error: mdns_sd::Error) -> LanError {
    LanError::Discovery(error.to_string())
}
