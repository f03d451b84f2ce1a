//! The media sections of a peer's description that cannot be used: those without a codec of ours, those that it rejects,
//! and a second one for audio or video, which is a slot for later versions. The stack refuses a whole description because of one, so it never sees them. Our answer rejects them: the
//! port is 0, and they are not in the bundle (RFC 9429, 5.3.1; RFC 9143, 7.3.3). The rest is agreed on.

use maru_core::media::SharedMedia;

use super::remote::lines;

/// A section that is in the descriptions on the wire, and not in those of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedSection {
    /// Among all sections of the description.
    index: usize,
    /// `m=video`
    media: String,
    /// `a=mid:1`
    mid: Option<String>,
    /// Protocol and first payload type, `UDP/TLS/RTP/SAVPF 96`.
    protocol: String,
}

/// Divides a description into what the stack gets to see and what cannot be used. If it is an offer, our answer rejects
/// the latter.
pub(super) fn divide(sdp: &str) -> (String, Vec<RejectedSection>) {
    let mut kept = String::with_capacity(sdp.len());
    let mut rejected = Vec::new();
    let mut sections = sections(sdp);
    let mut own = OwnSections::default();
    append(&mut kept, &sections.next().unwrap_or_default());
    for (index, section) in sections.enumerate() {
        let is_slot = own.is_slot(&section);
        match rejection(index, &section, is_slot) {
            Some(rejection) => rejected.push(rejection),
            None => append(&mut kept, &section),
        }
    }
    (kept, rejected)
}

/// Our answer as it goes to the peer: with a section for each that it has offered (RFC 3264, 6).
pub(super) fn with_rejected(answer: &str, rejected: &[RejectedSection]) -> String {
    let mut text = String::with_capacity(answer.len());
    let mut sections = sections(answer);
    append(&mut text, &sections.next().unwrap_or_default());
    for index in 0.. {
        if let Some(section) = rejected.iter().find(|section| section.index == index) {
            let RejectedSection { media, protocol, mid, .. } = section;
            append(&mut text, &[&format!("{media} 0 {protocol}"), "c=IN IP4 0.0.0.0", "a=inactive"]);
            if let Some(mid) = mid {
                append(&mut text, &[mid]);
            }
        } else if let Some(section) = sections.next() {
            append(&mut text, &section);
        } else {
            break;
        }
    }
    text
}

/// What can be sent and received after this description of the peer's.
pub(super) fn shared_media(sdp: &str) -> SharedMedia {
    let mut own = OwnSections::default();
    let usable: Vec<_> = sections(sdp).skip(1).filter(|section| !own.is_slot(section) && is_usable(section)).collect();
    let has = |media: &str| usable.iter().any(|section| media_of(section) == media);
    SharedMedia { audio: has("audio"), video: has("video") }
}

/// The lines of each section. The first is the session's.
fn sections(sdp: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut lines = lines(sdp).filter(|line| !line.is_empty()).peekable();
    let mut is_first = true;
    std::iter::from_fn(move || {
        let mut section = Vec::new();
        if !std::mem::take(&mut is_first) {
            section.push(lines.next()?);
        }
        while let Some(line) = lines.next_if(|line| !line.starts_with("m=")) {
            section.push(line);
        }
        Some(section)
    })
}

fn append(text: &mut String, lines: &[&str]) {
    for line in lines {
        *text += line;
        *text += "\r\n";
    }
}

fn media_of<'a>(section: &[&'a str]) -> &'a str {
    let line = section.first().copied().unwrap_or_default();
    line.strip_prefix("m=").unwrap_or(line).split(' ').next().unwrap_or_default()
}

/// The first section of each kind carries the peer's own stream. Later ones are slots.
#[derive(Default)]
struct OwnSections<'a>(Vec<&'a str>);

impl<'a> OwnSections<'a> {
    fn is_slot(&mut self, section: &[&'a str]) -> bool {
        let media = media_of(section);
        let is_media = matches!(media, "audio" | "video");
        let is_slot = is_media && self.0.contains(&media);
        if is_media && !is_slot {
            self.0.push(media);
        }
        is_slot
    }
}

/// `None`: the stack can use the section, or has to say what is wrong with it.
fn rejection(index: usize, section: &[&str], is_slot: bool) -> Option<RejectedSection> {
    if !is_slot && is_usable(section) {
        return None;
    }
    let mut words = section.first()?.split(' ');
    let (media, _port, protocol, first_type) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mid = section.iter().find(|line| line.starts_with("a=mid:"));
    Some(RejectedSection {
        index,
        media: media.to_owned(),
        protocol: format!("{protocol} {first_type}"),
        mid: mid.map(|line| (*line).to_owned()),
    })
}

fn is_usable(section: &[&str]) -> bool {
    let port = section.first().and_then(|line| line.split(' ').nth(1));
    let is_bundled = section.contains(&"a=bundle-only");
    if port == Some("0") && !is_bundled {
        return false;
    }
    match media_of(section) {
        "audio" => has_codec(section, "opus/48000/2", |_| true),
        // Mode 0 knows no fragments: frames do not fit into a packet (RFC 6184, 6.2).
        "video" => has_codec(section, "H264/90000", |parameters| {
            parameters.split(';').any(|parameter| parameter.trim() == "packetization-mode=1")
        }),
        _ => true,
    }
}

/// Whether one of the payload types has this codec with parameters that suit.
fn has_codec(section: &[&str], codec: &str, suits: impl Fn(&str) -> bool) -> bool {
    let of_type = |attribute: &str, payload_type: &str| {
        let lines = section.iter().filter_map(|line| line.strip_prefix(attribute));
        lines
            .filter_map(|line| line.split_once(' '))
            .find(|(number, _)| *number == payload_type)
            .map(|(_, value)| value)
    };
    let payload_types = section.first().into_iter().flat_map(|line| line.split(' ').skip(3));
    payload_types.into_iter().any(|payload_type| {
        of_type("a=rtpmap:", payload_type).is_some_and(|name| name.trim().eq_ignore_ascii_case(codec))
            && suits(of_type("a=fmtp:", payload_type).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "v=0\r\na=group:BUNDLE 0 1 2\r\n";
    const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 OPUS/48000/2\r\n";
    const VP8: &str =
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n";
    const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";

    fn h264(parameters: &str) -> String {
        format!("{VP8}a=rtpmap:97 H264/90000\r\na=fmtp:97 {parameters}\r\n").replace("a=rtpmap:97 rtx/90000\r\n", "")
    }

    #[test]
    fn a_section_without_a_codec_of_ours_is_rejected_and_the_others_stay() {
        let (kept, rejected) = divide(&[SESSION, AUDIO, VP8, DATA].concat());
        assert_eq!(kept, [SESSION, AUDIO, DATA].concat());
        let answer = with_rejected(&["v=0\r\na=group:BUNDLE 0 2\r\n", AUDIO, DATA].concat(), &rejected);
        let video = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:1\r\n";
        assert_eq!(answer, ["v=0\r\na=group:BUNDLE 0 2\r\n", AUDIO, video, DATA].concat());
        assert_eq!(shared_media(&answer), SharedMedia { audio: true, video: false });
    }

    #[test]
    fn rejected_sections_keep_their_places_at_the_ends_too() {
        let (kept, rejected) = divide(&[SESSION, VP8, AUDIO, VP8, VP8].concat());
        assert_eq!(kept, [SESSION, AUDIO].concat());
        let answer = with_rejected(&kept, &rejected);
        let kinds: Vec<_> = sections(&answer).skip(1).map(|section| media_of(&section).to_owned()).collect();
        assert_eq!(kinds, ["video", "audio", "video", "video"]);
    }

    #[test]
    fn slots_for_later_versions_are_rejected_whatever_they_could_carry() {
        let video = h264("packetization-mode=1");
        let (kept, rejected) = divide(&[SESSION, &video, AUDIO, DATA, &video, AUDIO, AUDIO].concat());
        assert_eq!(kept, [SESSION, &video, AUDIO, DATA].concat());
        let ports: Vec<_> = sections(&with_rejected(&kept, &rejected))
            .skip(1)
            .map(|section| section[0].split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(ports, ["9", "9", "9", "0", "0", "0"]);
        // The peer's own section is the first, even if it cannot be used.
        let sdp = [SESSION, AUDIO, VP8, DATA, &video].concat();
        assert_eq!(shared_media(&sdp), SharedMedia { audio: true, video: false });
        assert_eq!(divide(&sdp).1.len(), 2);
    }

    #[test]
    fn video_needs_h264_in_fragments() {
        for (section, is_shared) in [
            (h264("profile-level-id=42e01f;packetization-mode=1"), true),
            (h264("level-asymmetry-allowed=1; packetization-mode=1"), true),
            (h264("profile-level-id=42e01f;packetization-mode=0"), false),
            (h264("profile-level-id=42e01f"), false),
            (VP8.to_owned(), false),
            (h264("packetization-mode=1").replace("m=video 9", "m=video 0"), false),
            (format!("{}a=bundle-only\r\n", h264("packetization-mode=1").replace("video 9", "video 0")), true),
            // Named, and not among the payload types.
            (h264("packetization-mode=1").replace("SAVPF 96 97", "SAVPF 96"), false),
        ] {
            let sdp = [SESSION, AUDIO, &section, DATA].concat();
            assert_eq!(shared_media(&sdp).video, is_shared, "{section}");
            assert_eq!(divide(&sdp).1.is_empty(), is_shared, "{section}");
        }
    }

    #[test]
    fn sound_needs_opus() {
        let sdp = [SESSION, &AUDIO.replace("OPUS/48000/2", "PCMU/8000"), DATA].concat();
        assert_eq!(shared_media(&sdp), SharedMedia { audio: false, video: false });
        assert_eq!(divide(&sdp).0, [SESSION, DATA].concat());
    }

    #[test]
    fn what_is_no_description_passes_unchanged_to_the_stack() {
        for text in ["", "rubbish\r\n", "m=\r\n", "m=video\r\n", "m=audio 9 x\r\n"] {
            assert_eq!(divide(text), (text.to_owned(), vec![]));
        }
    }
}
