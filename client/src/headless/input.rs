//! Standard input, line by line.

use std::io::{BufRead, BufReader, Read};

use maru_protocol::peer::MAX_CHAT_CHARS;
use tokio::sync::mpsc;

/// A character of UTF-8 has at most four bytes. Longer lines are too long in any case, and are not kept.
const MAX_LINE_BYTES: usize = 4 * MAX_CHAT_CHARS;
/// Lines that are read ahead. The rest stays where it comes from.
const MAX_LINES: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    TooLong,
}

/// Reads from now on. The thread blocks in a read, so only the end of the process ends it.
pub(super) fn read_lines() -> mpsc::Receiver<Line> {
    let (lines, typed) = mpsc::channel(MAX_LINES);
    let read = move || {
        let mut input = BufReader::new(Input);
        while let Some(line) = next_line(&mut input) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stdin".into()).spawn(read) {
        tracing::warn!(%error, "standard input cannot be read");
    }
    typed
}

/// `None`: the input has ended. Bytes that are not UTF-8 become U+FFFD.
fn next_line(input: &mut impl BufRead) -> Option<Line> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let read = match input.fill_buf() {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, "standard input has ended");
                &[]
            }
        };
        if read.is_empty() && line.is_empty() && !is_too_long {
            return None;
        }
        let end = read.iter().position(|&byte| byte == b'\n');
        let part = &read[..end.unwrap_or(read.len())];
        is_too_long |= line.len() + part.len() > MAX_LINE_BYTES;
        if is_too_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let is_complete = end.is_some() || read.is_empty();
        let used = end.map_or(read.len(), |end| end + 1);
        input.consume(used);
        if is_complete {
            return Some(if is_too_long { Line::TooLong } else { line_of(&line) });
        }
    }
}

fn line_of(bytes: &[u8]) -> Line {
    let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes));
    if text.chars().count() > MAX_CHAT_CHARS { Line::TooLong } else { Line::Text(text.into_owned()) }
}

/// Standard input. Does not read from the terminal while the process is in the background: it would be stopped (SIGTTIN).
struct Input;

#[cfg(unix)]
impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, poll};
        use rustix::process::getpgrp;
        use rustix::termios::tcgetpgrp;

        /// The system does not tell when a process comes to the foreground.
        const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(300);

        let input = rustix::stdio::stdin();
        loop {
            // A read that blocks would go on in the background, once the process was put there.
            poll(&mut [PollFd::new(&input, PollFlags::IN)], None)?;
            // An error: this is not our terminal, and anyone may read.
            match tcgetpgrp(input) {
                Ok(foreground) if foreground != getpgrp() => std::thread::sleep(LOOK_INTERVAL),
                _ => return Ok(rustix::io::read(input, &mut *buffer)?),
            }
        }
    }
}

#[cfg(not(unix))]
impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::stdin().read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        // Small reads, so that lines lie across them.
        let mut input = BufReader::with_capacity(7, input);
        std::iter::from_fn(|| next_line(&mut input)).collect()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.into())
    }

    #[test]
    fn a_line_that_is_not_utf_8_does_not_end_the_input() {
        assert_eq!(
            lines(b"one\n\xff\xfe caf\xe9\nthree\n"),
            [text("one"), text("\u{fffd}\u{fffd} caf\u{fffd}"), text("three")]
        );
    }

    #[test]
    fn the_last_line_needs_no_line_break() {
        assert_eq!(lines("첫째\r\n\n둘째".as_bytes()), [text("첫째"), text(""), text("둘째")]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_and_the_next_one_is_read() {
        let longest = "가".repeat(MAX_CHAT_CHARS);
        let input = format!("{longest}\n{longest}가\n{}\nnext", "x".repeat(10 * MAX_LINE_BYTES));
        assert_eq!(lines(input.as_bytes()), [text(&longest), Line::TooLong, Line::TooLong, text("next")]);
        assert_eq!(lines("x".repeat(10 * MAX_LINE_BYTES).as_bytes()), [Line::TooLong], "without a line break, too");
    }
}
