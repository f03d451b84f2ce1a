//! What is said when `--save-remote` cannot save.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::process::Command;

use support::client::Client;
use support::one_call_at_a_time;
use support::server::Server;

#[test]
fn a_full_disk_is_told_the_call_goes_on_and_the_exit_status_says_so() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let sender = ["--camera", "test", "--microphone", "test"];
    let sender = Client::start(folder.path(), "room", "sender", &server.url, &sender);
    let home = folder.path().join("saver");
    let disk = home.join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    // In a namespace of its own it may mount a disk that holds three frames.
    let mut saver = Command::new("unshare");
    let script = "mount -t tmpfs -o size=5m none \"$0\" && exec \"$@\"";
    saver.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(&disk).arg(support::maru());
    saver.args(["--headless", "room", "--name", "saver", "--address", "127.0.0.1", "--server", &server.url]);
    saver.args(["--camera", "none", "--microphone", "none", "--speaker", "none", "--save-remote"]).arg(&disk);
    let mut saver = Client::spawn(saver, home);
    let told = saver.tells("cannot be written");
    assert!(told.contains("sender.") && told.contains("space"), "{told}");
    let before = saver.events_so_far().len();
    saver.count_from(before, "presented", 30, |_| true);
    saver.terminate();
    assert_eq!(saver.ended().code(), Some(1));
    assert_eq!(saver.first("left")["reason"], "Left");
    drop(sender);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_call() {
    for option in [["--save-remote", "/proc"], ["--speaker", "file:/proc/none.wav"]] {
        let output = Command::new(support::maru()).args(["--headless", "room"]).args(option).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("/proc"), "{told}");
    }
}
