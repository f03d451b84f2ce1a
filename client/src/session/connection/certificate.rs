//! The DTLS certificate of a connection.

use rtc::crypto::{self, SignatureScheme};
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};

use super::error::ConnectionError;

/// A new one: what identifies one connection says nothing about another.
pub(super) fn generate() -> Result<RTCCertificate, ConnectionError> {
    let provider = crypto::default_provider().map_err(|error| ConnectionError::Setup(error.to_string()))?;
    // The name says nothing about who made it. Nobody is shown it.
    let params =
        CertificateParams::new(vec!["maru".to_owned()]).map_err(|error| ConnectionError::Setup(error.to_string()))?;
    RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)
        .map_err(|error| ConnectionError::Setup(error.to_string()))
}
