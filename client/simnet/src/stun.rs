//! A STUN server: tells a host the address that others see (RFC 8489).

use std::net::{IpAddr, SocketAddr};

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER_BYTES: usize = 20;
/// XOR-MAPPED-ADDRESS (14.2) with 8 bytes: a zero, the family IPv4, port and address.
const ATTRIBUTE: [u8; 6] = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01];

/// The response to `request` from `source`. `None`: it is no binding request, or `source` is no IPv4 address.
pub(crate) fn answer(request: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let IpAddr::V4(address) = source.ip() else { return None };
    if request.len() < HEADER_BYTES || request[..2] != BINDING_REQUEST || request[4..8] != MAGIC_COOKIE {
        return None;
    }
    let xor =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(MAGIC_COOKIE).map(|(byte, cookie)| byte ^ cookie).collect() };
    let parts: [&[u8]; 7] = [
        &BINDING_SUCCESS,
        &[0, 12],
        &MAGIC_COOKIE,
        &request[8..HEADER_BYTES],
        &ATTRIBUTE,
        &xor(&source.port().to_be_bytes()),
        &xor(&address.octets()),
    ];
    Some(parts.concat())
}
