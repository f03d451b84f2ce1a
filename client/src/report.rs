//! The report of a call (`--report FILE`): one JSON object per line and event.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use maru_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::clock;

/// Events that wait for the disk.
const QUEUE_EVENTS: usize = 4096;

/// Writes events to the report, if there is one. Cheap to clone. Never blocks: events are dropped while the queue is full.
#[derive(Debug, Clone, Default)]
pub struct Report {
    writer: Option<Arc<Writer>>,
}

#[derive(Debug)]
struct Writer {
    queue: Option<SyncSender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Report {
    /// No report: events are dropped.
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts the report in a new file at `path`.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let (queue, lines) = sync_channel(QUEUE_EVENTS);
        let thread = std::thread::Builder::new().name("report".into()).spawn(move || write_lines(file, &lines))?;
        Ok(Self { writer: Some(Arc::new(Writer { queue: Some(queue), thread: Some(thread) })) })
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

fn write_lines(mut file: BufWriter<File>, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        let written = writeln!(file, "{line}").and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::warn!(%error, "the report cannot be written");
            return;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
