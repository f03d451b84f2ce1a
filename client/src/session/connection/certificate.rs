//! This process's DTLS certificate.

use std::sync::OnceLock;

use rtc::crypto::{self, SignatureScheme};
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};

use super::error::ConnectionError;

/// Made at the first call and kept for the life of the process: every connection shows the same one.
pub(super) fn certificate() -> Result<RTCCertificate, ConnectionError> {
    static CERTIFICATE: OnceLock<Result<RTCCertificate, ConnectionError>> = OnceLock::new();
    CERTIFICATE.get_or_init(generate).clone()
}

fn generate() -> Result<RTCCertificate, ConnectionError> {
    let provider = crypto::default_provider().map_err(|error| ConnectionError::Setup(error.to_string()))?;
    // Browsers show no names of certificates, and neither do we: it says nothing about who made it.
    let params =
        CertificateParams::new(vec!["maru".to_owned()]).map_err(|error| ConnectionError::Setup(error.to_string()))?;
    RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, params)
        .map_err(|error| ConnectionError::Setup(error.to_string()))
}
