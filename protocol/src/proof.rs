//! How a client proves that its instance is its own: the instance is the hash of something that nobody else has.

use std::str::FromStr;

use ring::digest::{Context, SHA256};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use crate::{IdError, InstanceId, PeerId, VERSION};

/// Put before a secret when it is hashed, so that no key has the instance of a secret.
const SECRET_CONTEXT: &[u8] = b"maru secret";

/// Proves to a server that an instance belongs to the client that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Proof {
    /// `key`: an ECDSA key on P-256 as an uncompressed point (SEC 1, 2.3.3). `signature`: `r` and `s` (IEEE P1363) of
    /// "maru join v2 ", followed by the id from the server's `challenge`, with SHA-256.
    Signature { key: Hex<65>, signature: Hex<64> },
    /// For a web page without WebCrypto: one that came over plain http. `secret`: random, and sent to servers only.
    Secret { secret: Hex<32> },
}

/// Why a [`Proof`] is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the key and the challenge")]
pub struct InvalidProof;

impl Proof {
    /// The instance that this proves, over the connection that has `id`.
    ///
    /// # Errors
    /// The signature is not valid, or belongs to another connection.
    pub fn verify(&self, id: &PeerId) -> Result<InstanceId, InvalidProof> {
        match self {
            Self::Signature { key, signature } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0)
                    .verify(signed_text(id).as_bytes(), &signature.0)
                    .map_err(|_| InvalidProof)?;
                Ok(instance_of(&[&key.0]))
            }
            Self::Secret { secret } => Ok(instance_of(&[SECRET_CONTEXT, &secret.0])),
        }
    }
}

/// The key pair of one instance.
#[derive(Debug)]
pub struct OwnKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// The system has no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random numbers")]
pub struct NoRandomNumbers;

impl OwnKey {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandomNumbers`].
    pub fn generate() -> Result<Self, NoRandomNumbers> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let document = document.map_err(|_| NoRandomNumbers)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Ok(Self { pair: pair.map_err(|_| NoRandomNumbers)?, random })
    }

    /// The instance that this key proves.
    pub fn instance(&self) -> InstanceId {
        instance_of(&[self.pair.public_key().as_ref()])
    }

    /// The proof for the connection that has `id`.
    ///
    /// # Errors
    /// [`NoRandomNumbers`].
    pub fn prove(&self, id: &PeerId) -> Result<Proof, NoRandomNumbers> {
        let signature = self.pair.sign(&self.random, signed_text(id).as_bytes()).map_err(|_| NoRandomNumbers)?;
        Ok(Proof::Signature {
            key: Hex::from_slice(self.pair.public_key().as_ref()),
            signature: Hex::from_slice(signature.as_ref()),
        })
    }
}

/// Bytes, as lower-case hex digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex<const BYTES: usize>(pub [u8; BYTES]);

impl<const BYTES: usize> Hex<BYTES> {
    fn from_slice(slice: &[u8]) -> Self {
        Self(slice.try_into().expect("P-256 has keys of 65 bytes and signatures of 64"))
    }
}

impl<const BYTES: usize> FromStr for Hex<BYTES> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != 2 * BYTES {
            return Err(IdError::NotAnId);
        }
        let mut bytes = [0; BYTES];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        Ok(Self(bytes))
    }
}

impl<const BYTES: usize> TryFrom<String> for Hex<BYTES> {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl<const BYTES: usize> From<Hex<BYTES>> for String {
    fn from(hex: Hex<BYTES>) -> Self {
        hex.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
            .collect()
    }
}

fn digit(character: u8) -> Result<u8, IdError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(IdError::NotAnId),
    }
}

fn signed_text(id: &PeerId) -> String {
    format!("maru join v{VERSION} {id}")
}

/// The first 128 bits of the hash. Taking another's instance takes a second preimage: 2¹²⁸ attempts.
fn instance_of(parts: &[&[u8]]) -> InstanceId {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bits = [0; 16];
    bits.copy_from_slice(&context.finish().as_ref()[..16]);
    InstanceId::from_bits(u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> PeerId {
        PeerId::from_bits(n)
    }

    #[test]
    fn a_signature_proves_the_instance_of_its_key_for_one_connection() {
        let key = OwnKey::generate().unwrap();
        let proof = key.prove(&id(7)).unwrap();
        assert_eq!(proof.verify(&id(7)), Ok(key.instance()));
        assert_eq!(proof.verify(&id(8)), Err(InvalidProof), "it cannot be used again elsewhere");
        assert_ne!(OwnKey::generate().unwrap().instance(), key.instance());
    }

    #[test]
    fn nobody_else_can_sign_for_a_key() {
        let (own, theirs) = (OwnKey::generate().unwrap(), OwnKey::generate().unwrap());
        let (Proof::Signature { key, .. }, Proof::Signature { signature, .. }) =
            (own.prove(&id(7)).unwrap(), theirs.prove(&id(7)).unwrap())
        else {
            panic!()
        };
        assert_eq!(Proof::Signature { key, signature }.verify(&id(7)), Err(InvalidProof));
        for (key, signature) in [(Hex([0; 65]), signature), (Hex([4; 65]), signature), (key, Hex([0; 64]))] {
            assert_eq!(Proof::Signature { key, signature }.verify(&id(7)), Err(InvalidProof));
        }
    }

    /// Made with Python's `cryptography`.
    #[test]
    fn a_signature_of_another_library_is_valid() {
        let key = "049fad84aeae08bbef7f010014d82cef6a09de2b0cf871b5ce0c4f1d13a59a593407cb45769f1070e2c2470fe5b1bfe63133c0b0cdc64ea4bf3791a8ec2a07fd4f";
        let signature = "21163c819257148b51f1fcc6fa8f5fd6876698b6a1235fec75929d06dcd9a9eb8086714a5c40e8177450068217315bdaad41fb72839af0110b0999a06235e0a3";
        let proof = Proof::Signature { key: key.parse().unwrap(), signature: signature.parse().unwrap() };
        let instance = proof.verify(&"00112233445566778899aabbccddeeff".parse().unwrap()).unwrap();
        assert_eq!(instance.as_str(), "6101794fd26a8fa7755b7382f8025bb2");
    }

    #[test]
    fn a_secret_proves_an_instance_that_no_key_has() {
        let secret = Hex([4; 32]);
        let instance = Proof::Secret { secret }.verify(&id(1)).unwrap();
        assert_eq!(instance, Proof::Secret { secret }.verify(&id(2)).unwrap());
        assert_ne!(instance, instance_of(&[&secret.0]));
        // printf 'maru secret\4\4…' | sha256sum
        assert_eq!(instance.as_str(), "9ef2edcf646240139c36ea69e78b0695");
    }

    #[test]
    fn hex_digits_are_lower_case_and_complete() {
        assert_eq!("00ff1a".parse::<Hex<3>>(), Ok(Hex([0, 255, 26])));
        assert_eq!(String::from(Hex([0, 255, 26])), "00ff1a");
        for text in ["", "00ff1", "00ff1a0", "00FF1A", "00ff1g", "é0ff1"] {
            assert_eq!(text.parse::<Hex<3>>(), Err(IdError::NotAnId), "{text}");
        }
    }
}
