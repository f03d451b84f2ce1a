//! A whole connection on a pipe in memory, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use maru_protocol::signal::ServerMessage;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{MAX_HEAD_BYTES, MAX_REQUESTS};
use crate::hub::Hub;
use crate::{Config, connection};

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The key of [`HANDSHAKE`], as RFC 6455 answers it.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A client's end of a connection.
struct Client {
    socket: DuplexStream,
    hub: Arc<Hub>,
    server: JoinHandle<()>,
}

impl Client {
    /// Between the two ends are at most `pipe_bytes` each way.
    fn connect(config: Config, pipe_bytes: usize) -> Self {
        let config = Arc::new(config);
        let hub = Arc::new(Hub::new(config.clone(), watch::Sender::new(0)));
        let (socket, far_end) = duplex(pipe_bytes);
        let server = tokio::spawn(connection::serve(far_end, hub.clone(), config));
        Self { socket, hub, server }
    }

    fn new() -> Self {
        Self::connect(Config::default(), 64 * 1024)
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What comes until the server closes.
    async fn rest(&mut self) -> String {
        let mut text = String::new();
        soon(self.socket.read_to_string(&mut text)).await.unwrap();
        text
    }

    /// Sends one request, and reads until the server closes.
    async fn ask(request: &str) -> String {
        let mut client = Self::new();
        client.send(request).await;
        client.rest().await
    }

    async fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(soon(self.socket.read_u8()).await.unwrap());
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// The head of a response, and as much of a body as it says.
    async fn response(&mut self) -> (Vec<String>, String) {
        let mut head = Vec::new();
        loop {
            let line = self.read_line().await;
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        soon(self.socket.read_exact(&mut body)).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// The text of an unmasked WebSocket frame below 126 bytes.
    async fn message(&mut self) -> ServerMessage {
        assert_eq!(soon(self.socket.read_u8()).await.unwrap(), 0x81);
        let mut text = vec![0; self.socket.read_u8().await.unwrap().into()];
        self.socket.read_exact(&mut text).await.unwrap();
        ServerMessage::decode(std::str::from_utf8(&text).unwrap()).unwrap()
    }
}

/// Virtual time, so that a test which fails does not hang.
async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(100), future).await.expect("it took too long")
}

/// Masked with zeros, below 126 bytes.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

fn lines_without_date(head: &str) -> Vec<&str> {
    head.lines().filter(|line| !line.starts_with("date: ")).collect()
}

#[tokio::test(start_paused = true)]
async fn head_is_answered_as_get_without_the_body() {
    for path in ["/", "/r/family", "/web/main.js", "/nothing"] {
        let [head, get] =
            ["HEAD", "GET"].map(|method| format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n\r\n"));
        let (head, get) = (Client::ask(&head).await, Client::ask(&get).await);
        let (get, body) = get.split_once("\r\n\r\n").unwrap();
        assert!(get.contains(&format!("\r\ncontent-length: {}", body.len())) && !body.is_empty(), "{get}");
        assert_eq!(lines_without_date(head.strip_suffix("\r\n\r\n").unwrap()), lines_without_date(get));
    }
}

#[tokio::test(start_paused = true)]
async fn http_1_0_is_answered_and_closed_as_nginx_expects_it() {
    for ask in [
        "GET / HTTP/1.0\r\nHost: maru\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let started = Instant::now();
        let answer = Client::ask(ask).await;
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.trim_end().ends_with("</html>"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_removes_the_upgrade_is_told_what_to_set() {
    let removed = "GET / HTTP/1.0\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let only_the_version_is_missing = HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0");
    let only_connection_is_missing = HANDSHAKE.replace("Connection: Upgrade", "Connection: close");
    for ask in [removed, &only_the_version_is_missing, &only_connection_is_missing] {
        let answer = Client::ask(ask).await;
        assert!(answer.contains(" 426 Upgrade Required\r\n"), "{answer}");
        assert!(answer.contains("\nproxy_set_header Upgrade $http_upgrade;\n"), "{answer}");
    }
    let wrong_key = HANDSHAKE.replace("dGhl", "");
    assert!(Client::ask(&wrong_key).await.contains("It speaks WebSocket"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_takes_further_requests_until_its_time_is_over() {
    let started = Instant::now();
    let mut client = Client::new();
    client.send("GET / HTTP/1.1\r\n\r\nGET /web/main.js HTTP/1.1\r\n\r\n").await;
    let ((_, page), (_, script)) = (client.response().await, client.response().await);
    assert!(page.starts_with("<!doctype html>") && script.contains("import "));
    sleep(Duration::from_secs(9)).await;
    client.send("GET /web/style.css HTTP/1.1\r\n\r\n").await;
    let (head, _) = client.response().await;
    assert_eq!(head[0], "HTTP/1.1 200 OK");
    assert_eq!(client.rest().await, "", "an idle connection is closed without a word");
    assert_eq!(started.elapsed().as_secs(), 9 + 10);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_ten_seconds_closes_the_connection() {
    let mut client = Client::new();
    for _ in 0..3 {
        client.send("HEAD / HTTP/1.1\r\n\r\n").await;
        sleep(Duration::from_secs(6)).await;
    }
    let answers = client.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
    assert_eq!(answers.matches("connection: close").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_cut_off() {
    let mut client = Client::connect(Config::default(), 64);
    let started = Instant::now();
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    soon(&mut client.server).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 30 + 2);
}

#[tokio::test(start_paused = true)]
async fn an_endless_row_of_requests_ends() {
    let mut client = Client::new();
    for number in 1..=MAX_REQUESTS {
        client.send("HEAD / HTTP/1.1\r\n\r\n").await;
        let mut closes = false;
        loop {
            let line = client.read_line().await;
            closes |= line == "connection: close";
            if line.is_empty() {
                break;
            }
        }
        assert_eq!(closes, number == MAX_REQUESTS, "{number}");
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let request = |bytes: usize| format!("GET / HTTP/1.1\r\nConnection: close\r\nx: {}\r\n\r\n", "x".repeat(bytes));
    assert!(Client::ask(&request(MAX_HEAD_BYTES - 100)).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let started = Instant::now();
    let answer = Client::ask(&request(MAX_HEAD_BYTES)).await;
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_cut_off_in_time() {
    let started = Instant::now();
    let mut client = Client::new();
    let mut answer = String::new();
    let (mut reader, mut writer) = tokio::io::split(client.socket);
    let bytes_of_a_head = async {
        for byte in HANDSHAKE.bytes() {
            writer.write_u8(byte).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = bytes_of_a_head => panic!("{:?}", started.elapsed()),
        read = reader.read_to_string(&mut answer) => { read.unwrap(); }
    }
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.ends_with("The request did not come in time.\n"), "{answer}");
    assert_eq!(started.elapsed().as_secs(), 10);
    soon(&mut client.server).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 12, "the client may read the answer before the socket is closed");
}

#[tokio::test(start_paused = true)]
async fn a_body_is_not_waited_for() {
    let started = Instant::now();
    for ask in
        ["POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nx", "PUT / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"]
    {
        let answer = Client::ask(ask).await;
        assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    }
    let page = Client::ask("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_more_gets_its_answer() {
    let mut client = Client::new();
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    client.socket.shutdown().await.unwrap();
    assert!(client.rest().await.trim_end().ends_with("</html>"));
}

#[tokio::test(start_paused = true)]
async fn frames_right_behind_the_handshake_are_not_lost() {
    let mut client = Client::new();
    let ping = frame(r#"{"type":"ping"}"#);
    // In one piece, with a request before it, and with half of a frame behind it.
    let (half, other_half) = ping.split_at(9);
    client.send([b"GET / HTTP/1.1\r\n\r\n", HANDSHAKE.as_bytes(), &ping, half].concat()).await;
    client.response().await;
    let (head, _) = client.response().await;
    assert_eq!(head[0], "HTTP/1.1 101 Switching Protocols");
    assert!(head.contains(&format!("sec-websocket-accept: {ACCEPT}")), "{head:?}");
    assert!(matches!(client.message().await, ServerMessage::Challenge { .. }));
    assert_eq!(client.message().await, ServerMessage::Pong);
    client.send(other_half).await;
    assert_eq!(client.message().await, ServerMessage::Pong);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_the_handshake_loses_the_place() {
    let mut client = Client::connect(Config { max_connections: 1, ..Config::default() }, 16);
    client.send(HANDSHAKE).await;
    assert_eq!(client.socket.read_u8().await.unwrap(), b'H');
    assert!(client.hub.connect().is_err(), "the place is taken");
    soon(&mut client.server).await.unwrap();
    assert!(client.hub.connect().is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_the_server_stops_it_waits_for_no_idle_connection() {
    let started = Instant::now();
    let mut client = Client::new();
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    client.response().await;
    client.hub.shut_down();
    assert_eq!(client.rest().await, "");
    assert_eq!(started.elapsed(), Duration::ZERO);
}
