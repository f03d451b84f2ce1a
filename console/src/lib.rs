//! Standard output, standard error and the log. A program goes on when nobody reads them: lines that cannot be written
//! are dropped.

mod log;
mod repeats;
mod stream;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use log::start_log;
use stream::Stream;

/// Writes a line to standard output. Does not wait.
pub fn print(line: &str) {
    print_text(format!("{line}\n"));
}

/// Writes to standard output as it is, without a line break. Does not wait.
pub fn print_text(text: String) {
    output().push(text.into_bytes());
}

/// Writes a line to standard error. Does not wait.
pub fn tell(line: &str) {
    errors().push(format!("{line}\n").into_bytes());
}

/// Waits until everything is written, for at most `limit`. To be called before the process ends.
pub fn finish(limit: Duration) {
    let deadline = Instant::now() + limit;
    output().finish(deadline);
    errors().finish(deadline);
}

fn output() -> &'static Stream {
    static OUTPUT: OnceLock<Stream> = OnceLock::new();
    OUTPUT.get_or_init(|| Stream::start("stdout", std::io::stdout()))
}

fn errors() -> &'static Stream {
    static ERRORS: OnceLock<Stream> = OnceLock::new();
    ERRORS.get_or_init(|| Stream::start("stderr", std::io::stderr()))
}
