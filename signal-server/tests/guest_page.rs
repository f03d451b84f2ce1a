//! The guest page, as a browser fetches it.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod common;

use common::{Server, soon};
use signal_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn get(server: &Server, path: &str) -> (String, String) {
    let mut tcp = server.tcp().await;
    tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(tcp.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn every_room_has_the_page_and_it_may_connect_to_this_server_only() {
    let server = Server::start(Config::default()).await;
    for path in ["/", "/r/family", "/r/%EA%B0%80%EC%A1%B1?from=mail"] {
        let (head, body) = get(&server, path).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'; "), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.starts_with("<!doctype html>") && body.trim_end().ends_with("</html>"), "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn its_files_are_found_from_both_paths_and_other_paths_are_not_found() {
    let server = Server::start(Config::default()).await;
    for path in ["/web/main.js", "/r/web/main.js"] {
        let (head, body) = get(&server, path).await;
        assert!(head.contains("content-type: text/javascript; charset=utf-8"), "{head}");
        assert!(body.contains("import "), "{body}");
    }
    for path in ["/favicon.ico", "/web/../../Cargo.toml", "/r/"] {
        let (head, _) = get(&server, path).await;
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_fetched_the_page_takes_nobodys_place() {
    let server = Server::start(Config { max_connections: 1, ..Config::default() }).await;
    let mut kept = server.tcp().await;
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut page = [0; 15];
    soon(kept.read_exact(&mut page)).await.unwrap();
    assert_eq!(&page, b"HTTP/1.1 200 OK");
    let mut guest = server.join("a", "guest").await;
    guest.expect_nothing_but_pong().await;
    drop(kept);
    server.stop().await;
}
