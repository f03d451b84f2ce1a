//! A signal server on loopback, on a port that the system picks.

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub struct Server {
    pub url: String,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    /// At an address that an earlier server had.
    pub fn start_at(address: SocketAddr) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, listening) = sync_channel(1);
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind(address).await.expect("the address is free");
                ready.send(listener.local_addr().unwrap()).unwrap();
                // Returning drops the runtime, and with it every connection: as good as a kill.
                tokio::select! {
                    served = signal_server::run(listener, signal_server::Config::default(), std::future::pending::<()>()) => {
                        served.unwrap();
                    }
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("signal-server".into()).spawn(serve).unwrap();
        let address = listening.recv().expect("the server listens");
        Self { url: format!("ws://{address}"), address, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends it without a word to anyone, and waits until its sockets are closed.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
