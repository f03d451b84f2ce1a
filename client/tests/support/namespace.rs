//! Tests in a network of their own: a namespace of Linux that reaches nobody else.

use std::process::Command;

/// Set inside.
const INSIDE: &str = "MARU_TEST_NAMESPACE";

/// A network of loopback alone.
pub const LOOPBACK: &str = "ip link set lo up multicast on";
/// One that loses 5 % of all UDP packets.
pub const LOSSY: &str = "ip link set lo up && nft 'add table inet loss; add chain inet loss input { type filter hook input priority 0; }; \
                         add rule inet loss input meta l4proto udp numgen random mod 100 < 5 drop'";
/// One that looks like a machine on a LAN: an interface with the address [`LAN_ADDRESS`], and a default route.
pub const LAN: &str = "ip link set lo up && ip link add lan0 type veth peer name lan1 && ip addr add 10.99.0.1/24 dev lan0 && \
                       ip link set lan0 up && ip link set lan1 up && ip route add default dev lan0";
/// The same without IPv4, but for loopback.
pub const LAN_IPV6: &str = "ip link set lo up && ip link add lan0 type veth peer name lan1 && \
                            ip addr add fd00::1/64 dev lan0 nodad && ip link set lan0 up && ip link set lan1 up && \
                            ip route add default dev lan0";
/// One whose name server is at [`NAME_SERVER`].
pub const OWN_NAME_SERVER: &str = "ip link set lo up && names=$(mktemp) && echo nameserver 127.0.0.1 > $names && \
                                   mount --bind $names /etc/resolv.conf && rm $names";
pub const NAME_SERVER: &str = "127.0.0.1:53";
pub const LAN_ADDRESS: &str = "10.99.0.1";

/// A cable beside [`LAN`], which is the way out from then on.
pub const PLUG_IN: &str = "ip link add cable0 type veth peer name cable1 && ip addr add 10.98.0.1/24 dev cable0 && \
                           ip link set cable0 up && ip link set cable1 up && ip route replace default dev cable0";
pub const UNPLUG_LAN: &str = "ip link del lan0";

/// Changes the network of a test that runs in one of its own.
pub fn sh(script: &str) {
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success(), "{script}");
}

/// Runs the test called `test` again in a namespace that `network` sets up, and returns `true`; `false` in there.
pub fn runs_elsewhere(network: &str, test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let script = format!("{network} && exec \"$0\" \"$@\"");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .status()
        .expect("unshare is part of every Linux");
    assert!(status.success());
    true
}
