//! The connection to the signal server: one task that finds servers, connects, sends and receives as the call's state
//! machine says.

mod dial;
mod find;
mod websocket;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_core::call::{EndReason, Server};
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

pub(super) use self::find::SystemServers;

/// How long a closing handshake may take: a goodbye that does not get through by then is not worth waiting for.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// Messages that wait for the server, and messages of the server that wait for the call.
const QUEUE: usize = 256;

/// Where signal servers are found and connected to.
#[async_trait]
pub trait Servers: Send {
    /// A server to register at.
    async fn find(&mut self) -> Result<Server, EndReason>;
    /// No registration was possible at `server`.
    async fn avoid(&mut self, server: &Server);
    async fn connect(&mut self, server: &Server) -> Result<Box<dyn ServerSocket>, EndReason>;
    /// Ends when there is a better server than `server`; possibly never.
    async fn better_than(&mut self, server: &Server);
}

/// A connection to a signal server.
#[async_trait]
pub trait ServerSocket: Send {
    /// `false`: the connection has ended.
    async fn send(&mut self, text: String) -> bool;
    /// Cancel safe.
    async fn receive(&mut self) -> Received;
    async fn close(&mut self);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Text(String),
    /// Something without a text.
    Alive,
    /// The last one.
    Closed {
        reason: String,
    },
}

pub(super) enum ServerEvent {
    Found(Server),
    /// Finding or connecting failed, or the connection has ended.
    Failed(EndReason),
    Text(String),
    Alive,
    BetterFound,
}

/// The task's handle. Dropping it closes the connection, after what was queued has been sent.
pub(super) struct ServerTask {
    commands: mpsc::Sender<(u64, ServerCommand)>,
    events: mpsc::Receiver<(u64, ServerEvent)>,
    /// Counts the commands that make earlier events void.
    attempt: u64,
}

enum ServerCommand {
    Find,
    Avoid(Server),
    Connect(Server),
    Send(String),
    Disconnect,
}

impl ServerTask {
    pub(super) fn start(runtime: &Arc<dyn Runtime>, servers: Box<dyn Servers>) -> Self {
        let (commands, to_do) = mpsc::channel(QUEUE);
        let (events, happened) = mpsc::channel(QUEUE);
        let task = Task { runtime: Arc::clone(runtime), servers, commands: to_do, events, attempt: 0 };
        runtime.spawn(Box::pin(task.run())).detach();
        Self { commands, events: happened, attempt: 0 }
    }

    pub(super) fn find(&mut self) {
        self.attempt += 1;
        self.tell(ServerCommand::Find);
    }

    pub(super) fn avoid(&self, server: Server) {
        self.tell(ServerCommand::Avoid(server));
    }

    pub(super) fn connect(&mut self, server: Server) {
        self.attempt += 1;
        self.tell(ServerCommand::Connect(server));
    }

    pub(super) fn send(&self, text: String) {
        self.tell(ServerCommand::Send(text));
    }

    pub(super) fn disconnect(&mut self) {
        self.attempt += 1;
        self.tell(ServerCommand::Disconnect);
    }

    /// The next event of the present attempt. Cancel safe.
    pub(super) async fn event(&mut self) -> ServerEvent {
        loop {
            match self.events.recv().await {
                Some((attempt, event)) if attempt == self.attempt => return event,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until everything is sent and the connection is closed.
    pub(super) async fn ended(self) {
        let Self { commands, mut events, .. } = self;
        drop(commands);
        while events.recv().await.is_some() {}
    }

    fn tell(&self, command: ServerCommand) {
        // Full only while a server reads nothing for long: the call notices that it is silent.
        if let Err(error) = self.commands.try_send((self.attempt, command)) {
            tracing::warn!(%error, "a message for the server is dropped");
        }
    }
}

struct Task {
    runtime: Arc<dyn Runtime>,
    servers: Box<dyn Servers>,
    commands: mpsc::Receiver<(u64, ServerCommand)>,
    events: mpsc::Sender<(u64, ServerEvent)>,
    attempt: u64,
}

impl Task {
    async fn run(mut self) {
        let mut next = next_command(&mut self.commands).await;
        while let Some((attempt, command)) = next {
            self.attempt = attempt;
            next = match command {
                ServerCommand::Find => self.find().await,
                ServerCommand::Avoid(server) => {
                    self.servers.avoid(&server).await;
                    next_command(&mut self.commands).await
                }
                ServerCommand::Connect(server) => self.connect(server).await,
                ServerCommand::Send(_) | ServerCommand::Disconnect => next_command(&mut self.commands).await,
            };
        }
    }

    /// As [`Self::connect`], returns the next command, which may come before it is done.
    async fn find(&mut self) -> Option<(u64, ServerCommand)> {
        let found = tokio::select! {
            found = self.servers.find() => found,
            next = next_command(&mut self.commands) => return next,
        };
        self.tell(match found {
            Ok(server) => ServerEvent::Found(server),
            Err(reason) => ServerEvent::Failed(reason),
        })
        .await;
        next_command(&mut self.commands).await
    }

    async fn connect(&mut self, server: Server) -> Option<(u64, ServerCommand)> {
        let connected = tokio::select! {
            connected = self.servers.connect(&server) => connected,
            next = next_command(&mut self.commands) => return next,
        };
        match connected {
            Ok(mut socket) => {
                let next = self.serve(&server, socket.as_mut()).await;
                tokio::select! {
                    () = socket.close() => {}
                    () = self.runtime.sleep(CLOSE_TIMEOUT) => {}
                }
                next
            }
            Err(reason) => {
                self.tell(ServerEvent::Failed(reason)).await;
                next_command(&mut self.commands).await
            }
        }
    }

    async fn serve(&mut self, server: &Server, socket: &mut dyn ServerSocket) -> Option<(u64, ServerCommand)> {
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some((_, ServerCommand::Send(text))) => {
                        if !socket.send(text).await {
                            return self.closed(server, "it closed the connection".into()).await;
                        }
                    }
                    other => return other,
                },
                received = socket.receive() => match received {
                    Received::Text(text) => self.tell(ServerEvent::Text(text)).await,
                    Received::Alive => self.tell(ServerEvent::Alive).await,
                    Received::Closed { reason } => return self.closed(server, reason).await,
                },
                () = self.servers.better_than(server) => {
                    self.tell(ServerEvent::BetterFound).await;
                    return next_command(&mut self.commands).await;
                }
            }
        }
    }

    async fn closed(&mut self, server: &Server, reason: String) -> Option<(u64, ServerCommand)> {
        self.tell(ServerEvent::Failed(EndReason::NotAServer { url: server.url.clone(), reason })).await;
        next_command(&mut self.commands).await
    }

    fn tell(&self, event: ServerEvent) -> impl Future<Output = ()> + use<> {
        let (events, attempt) = (self.events.clone(), self.attempt);
        // When nobody listens, the call is over.
        async move { drop(events.send((attempt, event)).await) }
    }
}

/// The next command while there is no connection. Drops messages: they were meant for a registration that is over.
/// Cancel safe.
async fn next_command(commands: &mut mpsc::Receiver<(u64, ServerCommand)>) -> Option<(u64, ServerCommand)> {
    loop {
        match commands.recv().await {
            Some((_, ServerCommand::Send(_))) => {}
            other => return other,
        }
    }
}
