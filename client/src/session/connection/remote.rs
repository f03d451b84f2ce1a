//! What a peer may send us by way of the signal server: checked before the stack sees it.

use std::net::IpAddr;

use maru_core::media::SharedMedia;
use maru_protocol::MAX_SDP_BYTES;
use maru_protocol::signal::{DescriptionKind, IceCandidate, SessionDescription};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;

use super::error::ConnectionError;
use super::sections::{self, RejectedSection};

/// Each becomes a transceiver, and those are never taken away again.
const MAX_MEDIA_SECTIONS: usize = 32;
/// Each is paired with each of our own addresses.
const MAX_CANDIDATES: usize = 64;
const MAX_CANDIDATE_BYTES: usize = 512;

const FINGERPRINT: &str = "a=fingerprint:";

/// What is known of the peer at the other end.
#[derive(Debug, Default)]
pub(super) struct RemotePeer {
    fingerprint: Option<Fingerprint>,
    rejected: Vec<RejectedSection>,
    shared: Option<SharedMedia>,
    /// Since the last description.
    candidates: usize,
}

/// SHA-256 of a DTLS certificate, as in SDP: hexadecimal in capitals with colons (RFC 8122, 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

/// A description that passed its checks.
#[derive(Debug)]
pub(super) struct CheckedDescription {
    pub(super) description: RTCSessionDescription,
    fingerprint: Fingerprint,
    rejected: Vec<RejectedSection>,
    shared: SharedMedia,
    candidates: usize,
}

/// What is left of a [`CheckedDescription`] without the description.
#[derive(Debug)]
pub(super) struct Told {
    fingerprint: Fingerprint,
    rejected: Vec<RejectedSection>,
    shared: SharedMedia,
    candidates: usize,
}

impl RemotePeer {
    pub(super) fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprint.as_ref()
    }

    /// The first fingerprint that was applied holds for the life of the connection.
    pub(super) fn check(&self, description: SessionDescription) -> Result<CheckedDescription, ConnectionError> {
        let checked = check_description(description)?;
        if self.fingerprint.as_ref().is_some_and(|pinned| *pinned != checked.fingerprint) {
            return Err(ConnectionError::FingerprintChanged);
        }
        Ok(checked)
    }

    pub(super) fn applied(&mut self, told: Told) {
        let Told { fingerprint, rejected, shared, candidates } = told;
        self.fingerprint = Some(fingerprint);
        self.rejected = rejected;
        self.shared = Some(shared);
        self.candidates = candidates;
    }

    /// By the newest description. Everything, as long as there is none.
    pub(super) fn shared_media(&self) -> SharedMedia {
        self.shared.unwrap_or(SharedMedia::ALL)
    }

    /// An answer of the stack's as the peer gets it.
    pub(super) fn answer(&self, sdp: &str) -> String {
        sections::with_rejected(sdp, &self.rejected)
    }

    /// `None`: nothing to be done with this one.
    pub(super) fn candidate(
        &mut self,
        candidate: Option<IceCandidate>,
    ) -> Result<Option<RTCIceCandidateInit>, ConnectionError> {
        let Some(candidate) = candidate else { return Ok(None) };
        if !is_usable(&candidate.candidate)? {
            return Ok(None);
        }
        if self.candidates >= MAX_CANDIDATES {
            return Err(ConnectionError::TooManyCandidates { limit: MAX_CANDIDATES });
        }
        self.candidates += 1;
        Ok(Some(RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            username_fragment: candidate.username_fragment,
            url: None,
        }))
    }
}

impl CheckedDescription {
    pub(super) fn into_parts(self) -> (RTCSessionDescription, Told) {
        let Self { description, fingerprint, rejected, shared, candidates } = self;
        (description, Told { fingerprint, rejected, shared, candidates })
    }
}

impl Fingerprint {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 32 bytes, `AB:CD:…`.
    fn parse(value: &str) -> Option<Self> {
        let bytes: Vec<&str> = value.split(':').collect();
        let is_byte = |byte: &&str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
        (bytes.len() == 32 && bytes.iter().all(is_byte)).then(|| Self(value.to_ascii_uppercase()))
    }

    /// The only SHA-256 fingerprint in `sdp`. A certificate may have one for each algorithm (RFC 8122, 5).
    pub(super) fn of(sdp: &str) -> Result<Self, ConnectionError> {
        let bad = |reason: &str| ConnectionError::BadDescription(reason.to_owned());
        let mut found: Option<Self> = None;
        for attribute in lines(sdp).filter_map(|line| line.strip_prefix(FINGERPRINT)) {
            let (algorithm, value) = attribute.split_once(' ').unwrap_or((attribute, ""));
            if !algorithm.eq_ignore_ascii_case("sha-256") {
                continue;
            }
            let fingerprint = Self::parse(value.trim()).ok_or_else(|| bad("its SHA-256 fingerprint is malformed"))?;
            if found.as_ref().is_some_and(|other| *other != fingerprint) {
                return Err(bad("it has two different SHA-256 fingerprints"));
            }
            found = Some(fingerprint);
        }
        found.ok_or_else(|| bad("it has no SHA-256 fingerprint"))
    }
}

fn check_description(description: SessionDescription) -> Result<CheckedDescription, ConnectionError> {
    let SessionDescription { kind, sdp } = description;
    if sdp.len() > MAX_SDP_BYTES {
        return Err(ConnectionError::DescriptionTooLong { limit: MAX_SDP_BYTES });
    }
    if lines(&sdp).filter(|line| line.starts_with("m=")).count() > MAX_MEDIA_SECTIONS {
        return Err(ConnectionError::BadDescription("it has too many media sections".into()));
    }
    let candidates = lines(&sdp).filter_map(candidate_of).count();
    if candidates > MAX_CANDIDATES {
        return Err(ConnectionError::TooManyCandidates { limit: MAX_CANDIDATES });
    }
    let fingerprint = Fingerprint::of(&sdp)?;
    let sdp = for_stack(&sdp, &fingerprint);
    let shared = sections::shared_media(&sdp);
    let (sdp, rejected) = sections::divide(&sdp);
    let description = match kind {
        DescriptionKind::Offer => RTCSessionDescription::offer(sdp),
        DescriptionKind::Answer => RTCSessionDescription::answer(sdp),
        DescriptionKind::Pranswer => RTCSessionDescription::pranswer(sdp),
        DescriptionKind::Rollback => {
            return Err(ConnectionError::BadDescription("a peer takes back only its own offers".into()));
        }
    }
    .map_err(|error| ConnectionError::BadDescription(error.to_string()))?;
    Ok(CheckedDescription { description, fingerprint, rejected, shared, candidates })
}

/// `sdp` as the stack can use it. It would compare the fingerprints of all media sections, whatever their algorithms, and
/// it reads `sha-256` in small letters only.
fn for_stack(sdp: &str, fingerprint: &Fingerprint) -> String {
    let mut text = String::with_capacity(sdp.len());
    let mut is_told = false;
    for line in lines(sdp).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            is_told = false;
        }
        if line.starts_with(FINGERPRINT) {
            // Once for each section.
            if !std::mem::replace(&mut is_told, true) {
                text += &format!("{FINGERPRINT}sha-256 {}\r\n", fingerprint.as_str());
            }
        } else if candidate_of(line).is_none_or(|candidate| is_usable(candidate) == Ok(true)) {
            text += line;
            text += "\r\n";
        }
    }
    text
}

/// The candidate in a line of a description.
fn candidate_of(line: &str) -> Option<&str> {
    line.strip_prefix("a=").filter(|attribute| attribute.starts_with("candidate:"))
}

/// Whether the stack should see this candidate (RFC 8839, 5.1). TCP and names (mDNS) are none of our ways: the former
/// would make us connect to wherever a peer likes.
fn is_usable(candidate: &str) -> Result<bool, ConnectionError> {
    let bad = || ConnectionError::BadCandidate(candidate.chars().take(80).collect());
    if candidate.len() > MAX_CANDIDATE_BYTES || !candidate.is_ascii() {
        return Err(bad());
    }
    if candidate.is_empty() {
        return Ok(false);
    }
    let value = candidate.strip_prefix("candidate:").ok_or_else(bad)?;
    let fields: Vec<&str> = value.split(' ').collect();
    let [_foundation, component, transport, priority, address, port, "typ", kind, ..] = fields.as_slice() else {
        return Err(bad());
    };
    let numbers = component.parse::<u16>().is_ok() && priority.parse::<u32>().is_ok() && port.parse::<u16>().is_ok();
    if !numbers || !["host", "srflx", "prflx", "relay"].contains(kind) {
        return Err(bad());
    }
    Ok(transport.eq_ignore_ascii_case("udp") && address.parse::<IpAddr>().is_ok())
}

pub(super) fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: &str = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n";
    const GOOD: &str = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host";

    fn candidate(text: &str) -> Option<IceCandidate> {
        Some(IceCandidate { candidate: text.into(), sdp_mid: None, sdp_m_line_index: Some(0), username_fragment: None })
    }

    fn fingerprint(byte: &str) -> String {
        vec![byte; 32].join(":")
    }

    fn offer(fingerprints: &[String]) -> SessionDescription {
        let mut sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned();
        for fingerprint in fingerprints {
            sdp += &format!("a=fingerprint:sha-256 {fingerprint}\r\n");
        }
        SessionDescription { kind: DescriptionKind::Offer, sdp }
    }

    #[test]
    fn the_first_fingerprint_holds() {
        let mut peer = RemotePeer::default();
        let (_, first) = peer.check(offer(&[fingerprint("ab")])).expect("a fine offer").into_parts();
        assert_eq!(first.fingerprint.as_str(), fingerprint("AB"));
        // Not applied yet: another may still come.
        peer.check(offer(&[fingerprint("CD")])).expect("a fine offer");
        peer.applied(first);
        peer.check(offer(&[fingerprint("AB"), fingerprint("AB")])).expect("the same again");
        assert_eq!(peer.check(offer(&[fingerprint("CD")])).unwrap_err(), ConnectionError::FingerprintChanged);
    }

    #[test]
    fn descriptions_without_one_clear_fingerprint_are_refused() {
        let peer = RemotePeer::default();
        for fingerprints in [vec![], vec![fingerprint("AB"), fingerprint("CD")], vec!["AB:CD".into()]] {
            let refused = peer.check(offer(&fingerprints));
            assert!(matches!(refused, Err(ConnectionError::BadDescription(_))), "{refused:?}");
        }
        let mut sha1 = offer(&[]);
        sha1.sdp += "a=fingerprint:sha-1 AB:CD\r\n";
        assert!(matches!(peer.check(sha1), Err(ConnectionError::BadDescription(_))));
    }

    #[test]
    fn of_fingerprints_by_several_algorithms_the_stack_sees_the_one_by_sha_256() {
        let mut offer = offer(&[]);
        for section in ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 102"] {
            offer.sdp += &format!("{section}\r\na=mid:0\r\n{CODECS}");
            let sha = |name: &str, bytes: usize| format!("a=fingerprint:{name} {}\r\n", vec!["ab"; bytes].join(":"));
            offer.sdp += &[sha("SHA-512", 64), sha("SHA-256", 32), sha("sha-384", 48), sha("sha-256", 32)].concat();
        }
        let checked = RemotePeer::default().check(offer).expect("a fine offer");
        assert_eq!(checked.fingerprint.as_str(), fingerprint("AB"));
        let seen: Vec<&str> = lines(&checked.description.sdp).filter(|line| line.starts_with(FINGERPRINT)).collect();
        assert_eq!(seen, vec![format!("a=fingerprint:sha-256 {}", fingerprint("AB")); 2], "one for each section");
        assert_eq!(lines(&checked.description.sdp).filter(|line| *line == "a=mid:0").count(), 2, "the rest stays");
    }

    #[test]
    fn descriptions_that_are_too_big_or_take_back_are_refused() {
        let peer = RemotePeer::default();
        let mut long = offer(&[fingerprint("AB")]);
        long.sdp += &"a=x\r\n".repeat(MAX_SDP_BYTES / 5);
        assert!(matches!(peer.check(long), Err(ConnectionError::DescriptionTooLong { .. })));
        let mut wide = offer(&[fingerprint("AB")]);
        wide.sdp += &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(MAX_MEDIA_SECTIONS + 1);
        assert!(matches!(peer.check(wide), Err(ConnectionError::BadDescription(_))));
        let rollback = SessionDescription { kind: DescriptionKind::Rollback, ..offer(&[fingerprint("AB")]) };
        assert!(matches!(peer.check(rollback), Err(ConnectionError::BadDescription(_))));
    }

    #[test]
    fn only_udp_candidates_with_addresses_reach_the_stack() {
        let mut peer = RemotePeer::default();
        assert!(peer.candidate(candidate(GOOD)).expect("fine").is_some());
        for ignored in [
            "",
            "candidate:1 1 tcp 2130706431 192.0.2.7 9 typ host tcptype active",
            "candidate:1 1 udp 2130706431 f00f.local 50000 typ host",
        ] {
            assert_eq!(peer.candidate(candidate(ignored)), Ok(None), "{ignored}");
        }
        assert_eq!(peer.candidate(None), Ok(None));
        for bad in [
            "candidate:",
            "rubbish",
            "candidate:1 1 udp 2130706431 192.0.2.7 50000",
            "candidate:1 1 udp -1 192.0.2.7 50000 typ host",
            "candidate:1 1 udp 1 192.0.2.7 70000 typ host",
            "candidate:1 1 udp 1 192.0.2.7 50000 typ friend",
            "candidate:1 1 udp 1 192.0.2.7 50000 typ höst",
        ] {
            assert!(matches!(peer.candidate(candidate(bad)), Err(ConnectionError::BadCandidate(_))), "{bad}");
        }
        let long = format!("{GOOD} {}", "x".repeat(MAX_CANDIDATE_BYTES));
        assert!(matches!(peer.candidate(candidate(&long)), Err(ConnectionError::BadCandidate(_))));
    }

    #[test]
    fn of_candidates_in_a_description_the_stack_sees_those_that_it_would_see_one_by_one() {
        let mut offer = offer(&[fingerprint("AB")]);
        let tcp = "candidate:2 1 tcp 2130706431 192.0.2.7 9 typ host tcptype passive";
        offer.sdp += &format!("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{CODECS}");
        for candidate in [GOOD, tcp, "candidate:3 1 udp 2130706431 f00f.local 50000 typ host", "candidate:4 rubbish"] {
            offer.sdp += &format!("a={candidate}\r\n");
        }
        let (description, told) = RemotePeer::default().check(offer).expect("a fine offer").into_parts();
        let seen: Vec<&str> = lines(&description.sdp).filter_map(candidate_of).collect();
        assert_eq!(seen, [GOOD]);
        assert_eq!(told.candidates, 4, "all count against the limit");
    }

    #[test]
    fn a_flood_of_candidates_is_stopped() {
        let mut peer = RemotePeer::default();
        for _ in 0..MAX_CANDIDATES {
            assert!(peer.candidate(candidate(GOOD)).expect("fine").is_some());
        }
        assert_eq!(peer.candidate(candidate(GOOD)), Err(ConnectionError::TooManyCandidates { limit: MAX_CANDIDATES }));
    }
}
