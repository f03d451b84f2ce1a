//! A signal server behind TLS, whose certificate is of an authority that only this machine trusts, as in a company.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use support::client::Client;
use support::server::Server;
use support::{maru, one_call_at_a_time};

/// Takes TLS from clients and passes on what is inside. Returns its port, and the authority's certificate as PEM.
fn tls_in_front_of(server: SocketAddr) -> (u16, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let (ready, listening) = sync_channel(1);
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap().port()).unwrap();
            while let Ok((outside, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust us ends the handshake.
                    let Ok(mut outside) = acceptor.accept(outside).await else { return };
                    let mut inside = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
    };
    // Ends with the process.
    std::thread::Builder::new().name("tls".into()).spawn(serve).unwrap();
    (listening.recv().unwrap(), authority.pem())
}

fn client(folder: &Path, port: u16, authority: Option<&Path>) -> Client {
    let mut command = Command::new(maru());
    command.args(["--headless", "room", "--name", "name", "--address", "127.0.0.1"]);
    command.args(["--camera", "none", "--microphone", "none", "--speaker", "none"]);
    command.args(["--server", &format!("wss://localhost:{port}")]);
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    std::fs::create_dir_all(folder).unwrap();
    Client::spawn(command, folder.to_owned())
}

#[test]
fn the_roots_of_this_machine_are_trusted_and_no_others() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let (port, authority) = tls_in_front_of(server.address);
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();

    let trusting = client(&folder.path().join("trusting"), port, Some(&file));
    trusting.first("joined");

    let mut distrusting = client(&folder.path().join("distrusting"), port, None);
    let sentence = distrusting.tells("certificate");
    assert!(sentence.contains("is not trusted") && sentence.contains("SSL_CERT_FILE"), "{sentence}");
    assert_eq!(distrusting.ended().code(), Some(1));
}
