//! Multicast DNS: what others announce, and announcing oneself. Everything that touches `mdns-sd` is here.

use std::net::{IpAddr, SocketAddr};

use maru_protocol::{InstanceId, VERSION};
use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};

use super::directory::Announcement;
use super::{LanError, LanOptions};

const SERVICE_TYPE: &str = "_maru._tcp.local.";

pub(super) struct Discovery {
    daemon: ServiceDaemon,
    /// `None` before the first search, and after the daemon gave up on us.
    events: Option<Receiver<ServiceEvent>>,
}

#[derive(Debug)]
pub(super) enum Found {
    Announced(Announcement),
    Withdrawn {
        fullname: String,
    },
    /// The search has ended by itself.
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

    /// Asks the network now, and again from time to time. What is known already comes again.
    pub(super) fn search(&mut self) -> Result<(), LanError> {
        self.events = Some(self.daemon.browse(SERVICE_TYPE).map_err(refused)?);
        Ok(())
    }

    /// Waits for the next news. Ready never, if nothing is searched for.
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

    /// Announces the server `id` at `port`, on every interface with the addresses that it has there.
    pub(super) fn announce(&self, id: &str, port: u16) -> Result<(), LanError> {
        let properties = [("id", id.to_owned()), ("v", VERSION.to_string())];
        let host = format!("maru-{id}.local.");
        let mut service =
            ServiceInfo::new(SERVICE_TYPE, id, &host, "", port, &properties[..]).map_err(refused)?.enable_addr_auto();
        // Probing would take three quarters of a second, in which others do not see us. A random name is nobody else's.
        service.set_requires_probe(false);
        self.daemon.register(service).map_err(refused)
    }

    /// Says goodbye for the server `id`.
    pub(super) fn withdraw(&self, id: &str) {
        if let Err(error) = self.daemon.unregister(&format!("{id}.{SERVICE_TYPE}")) {
            // Those who connect nevertheless find nothing and look again.
            tracing::debug!(%error, "an announcement cannot be withdrawn");
        }
    }

    /// Says goodbye for everything, and waits until that is sent.
    pub(super) async fn close(self) {
        if let Ok(done) = self.daemon.shutdown() {
            // Its end is all there is to know.
            let _ = done.recv_async().await;
        }
    }
}

impl Drop for Discovery {
    /// The daemon's thread does not end by itself.
    fn drop(&mut self) {
        // An error means that it has ended before, or that its queue is full: then it is busy and will be for long.
        let _ = self.daemon.shutdown();
    }
}

/// `None`: not for us.
fn read(service: &ResolvedService) -> Option<Announcement> {
    let id: InstanceId = service.get_property_val_str("id")?.parse().ok()?;
    if service.get_property_val_str("v")? != VERSION.to_string() {
        return None;
    }
    let addresses = service.get_addresses().iter().filter_map(usable).map(|ip| SocketAddr::new(ip, service.port));
    Some(Announcement { fullname: service.fullname.clone(), id: id.into(), addresses: addresses.collect() })
}

/// A loopback address counts only where it was heard on loopback: from anywhere else it would lead to ourselves.
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
