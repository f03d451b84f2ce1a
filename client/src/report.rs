//! The report of a call (`--report FILE`): one JSON object per line and event.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maru_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::clock;

/// Events that wait for the disk.
const QUEUE_EVENTS: usize = 4096;
/// Longest time that the end of the process waits for a disk that hangs, or for a pipe that nobody reads.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes events to the report, if there is one. Cheap to clone. Never blocks: events are dropped while the queue is full.
#[derive(Debug, Clone, Default)]
pub struct Report {
    writer: Option<Arc<Writer>>,
}

#[derive(Debug)]
struct Writer {
    queue: Option<SyncSender<String>>,
    /// Disconnected when everything is written.
    written: Mutex<Receiver<()>>,
}

impl Report {
    /// No report: events are dropped.
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts the report in a new file at `path`.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        Self::write_to(File::create(path)?)
    }

    fn write_to(to: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE_EVENTS);
        let (writing, written) = sync_channel(0);
        std::thread::Builder::new().name("report".into()).spawn(move || {
            write_lines(BufWriter::new(to), &lines);
            drop::<SyncSender<()>>(writing);
        })?;
        Ok(Self { writer: Some(Arc::new(Writer { queue: Some(queue), written: Mutex::new(written) })) })
    }

    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds an event. `fields`: a JSON object whose fields follow `t_ms` (Unix time) and `event`.
    pub fn event(&self, at: Timestamp, event: &str, fields: Value) {
        let Some(queue) = self.writer.as_ref().and_then(|w| w.queue.as_ref()) else { return };
        let mut line = Map::new();
        line.insert("t_ms".into(), clock::unix_ms(at).into());
        line.insert("event".into(), event.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        // The queue is full only if the disk is stuck. The call must not wait for it.
        let _ = queue.try_send(Value::Object(line).to_string());
    }
}

fn write_lines(mut file: BufWriter<impl Write>, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        let written = writeln!(file, "{line}").and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::warn!(%error, "the report cannot be written");
            break;
        }
    }
    // Dropping the buffer would write to the same place once more.
    drop(file.into_parts());
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        let written = self.written.get_mut().unwrap_or_else(PoisonError::into_inner);
        if written.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the report is not complete: its disk or its reader hangs");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that nobody reads. Ends with the test.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_report_that_nobody_reads_does_not_keep_the_process() {
        let (read, stuck) = sync_channel(0);
        let report = Report::write_to(Stuck(stuck)).unwrap();
        for _ in 0..2 * QUEUE_EVENTS {
            report.event(clock::now(), "event", Value::Null);
        }
        drop(report);
        drop(read);
    }
}
