//! The log, on standard error. Each kind of warning is logged a few times in ten seconds, and the rest counted.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::repeats::Repeats;

/// Starts the log. `variable`: the environment variable that holds the filter; `default`: the filter without it, for
/// example `maru=error`.
pub fn start_log(variable: &str, default: &str) {
    let filter = EnvFilter::try_from_env(variable).unwrap_or_else(|_| EnvFilter::new(default));
    let is_colored =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_colored)
        .event_format(Bounded::default())
        .with_writer(|| Errors)
        .init();
}

/// Leaves out lines that repeat too often.
#[derive(Default)]
struct Bounded {
    format: Format,
    repeats: Mutex<Repeats>,
}

impl<S, N> FormatEvent<S, N> for Bounded
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // Warnings and errors come unasked: what was asked for by a filter (info, debug) is complete.
        if *event.metadata().level() <= Level::WARN {
            let kind = kind(event);
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            match repeats.next(Instant::now(), &kind) {
                None => return Ok(()),
                Some(0) => {}
                Some(left_out) => writeln!(writer, "{left_out} more lines like the next one were left out")?,
            }
        }
        self.format.format_event(context, writer, event)
    }
}

/// The place in the source that an event comes from.
fn kind(event: &Event<'_>) -> String {
    // Events of the `log` crate share one place; where they come from is in their fields.
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    format!("{}:{}", metadata.target(), metadata.line().unwrap_or(0))
}

/// Standard error. Takes each line in one piece.
struct Errors;

impl Write for Errors {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if !line.is_empty() {
            crate::errors().push(line.to_vec());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .event_format(Bounded::default())
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_warning_in_a_loop_is_logged_a_few_times() {
        let lines = logged(|| {
            for number in 0..1_000 {
                tracing::warn!(number, "no route");
            }
            tracing::error!("something else");
        });
        assert!(lines.len() < 10, "{lines:?}");
        assert!(lines[0].contains("no route"));
        assert!(lines.last().unwrap().contains("something else"));
    }

    #[test]
    fn what_was_asked_for_is_complete() {
        let lines = logged(|| {
            for number in 0..100 {
                tracing::debug!(number, "a step");
            }
        });
        assert_eq!(lines.len(), 100);
    }
}
