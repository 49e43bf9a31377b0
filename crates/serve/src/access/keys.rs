//! The keys that tokens are signed with: a secret out of the environment, and sets of public keys (JWKS, RFC 7517) out of a file or from an
//! address.
//!
//! A set is read again every few minutes, and when a token names a key that is not in it, but not more often than every ten seconds. What
//! cannot be read leaves the keys as they were: an identity provider that is away for an hour costs nobody their access.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::token::Tokens;

/// The shortest secret: HS256 needs one as long as its hash (RFC 7518, 3.2), in bytes.
const SHORTEST_SECRET: usize = 32;

/// The sizes of an RSA modulus that are taken, in bytes: RFC 7518 asks for 2048 bits, and checking with a huge one would take long.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// How many keys of a set are looked at.
const MOST: usize = 64;

/// How many keys a token is checked with that does not say which one it needs.
const TRIED: usize = 4;

/// How often a set is read again.
const REFRESH: Duration = Duration::from_secs(300);
/// The shortest time between two readings.
const REST: Duration = Duration::from_secs(10);
/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// A key and the one algorithm that it is for.
#[derive(Clone)]
pub struct Key {
    /// Its name in its set.
    pub kid: Option<String>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key itself.
    pub key: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Key {
    /// The secret of HS256, out of the environment variable of this name.
    ///
    /// # Errors
    /// Where it is unset or short.
    pub fn secret(variable: &str, value: Option<OsString>) -> Result<Self, String> {
        let value =
            value.ok_or_else(|| format!("auth: the environment variable {variable} (secret_env) is not set"))?;
        let bytes = value.as_encoded_bytes();
        if bytes.len() < SHORTEST_SECRET {
            return Err(format!(
                "auth: the secret in {variable} (secret_env) is shorter than {SHORTEST_SECRET} bytes; openssl rand -hex 32 makes one"
            ));
        }
        Ok(Self { kid: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(bytes) })
    }

    /// A public key of a set; `None` where it is not for RS256 or ES256 signatures.
    fn public(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
            && common.key_operations.as_ref().is_none_or(|ops| ops.contains(&KeyOperations::Verify));
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) if MODULUS.contains(&modulus(&key.n)) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            _ => return None,
        };
        let fits = match common.key_algorithm {
            None => true,
            Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
            Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
            Some(_) => false,
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (signs && fits).then(|| Self { kid: common.key_id.clone(), algorithm, key })
    }
}

/// The length of a modulus without leading zeros, in bytes.
fn modulus(text: &str) -> usize {
    URL_SAFE_NO_PAD.decode(text).map_or(0, |bytes| bytes.iter().skip_while(|byte| **byte == 0).count())
}

/// Where a set is.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Address(String),
}

/// A set of public keys that is read again and again.
pub struct Jwks {
    place: Place,
    keys: RwLock<Arc<[Key]>>,
    /// When it was last tried to read it. Who wants to read it waits here for the one who does.
    tried: Mutex<Option<Instant>>,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("place", &self.place).field("keys", &self.keys().len()).finish_non_exhaustive()
    }
}

impl Jwks {
    /// At a declared place. A file is read at once; an address is asked by [`keep`].
    ///
    /// # Errors
    /// Where the file has no usable keys, or the address is not one that can be trusted.
    pub fn declared(place: &str, root: &Path) -> Result<Self, String> {
        let place = match place.split_once("://") {
            None => Place::File(root.join(place)),
            Some(("https", rest)) if !rest.is_empty() => Place::Address(place.to_owned()),
            Some(("http", rest)) if is_loopback(rest) => Place::Address(place.to_owned()),
            Some(_) => {
                return Err("auth: jwks is a file, or an https:// address; http:// only on the loopback".to_owned());
            }
        };
        let keys = match &place {
            Place::File(_) => {
                read(&place).and_then(|text| parse(&text)).map_err(|problem| format!("auth: {problem}"))?
            }
            Place::Address(_) => Vec::new(),
        };
        Ok(Self { place, keys: RwLock::new(keys.into()), tried: Mutex::new(None) })
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys that a token with this algorithm and `kid` may be checked with. A key that is not there may be new: then the set is read again.
    pub async fn matching(&self, algorithm: Algorithm, kid: Option<&str>) -> Vec<Key> {
        if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256) {
            return Vec::new();
        }
        let found = chosen(&self.keys(), algorithm, kid);
        if !found.is_empty() {
            return found;
        }
        self.refresh().await;
        chosen(&self.keys(), algorithm, kid)
    }

    /// Reads the set, unless that was tried a moment ago.
    pub async fn refresh(&self) {
        let mut tried = self.tried.lock().await;
        if tried.is_some_and(|tried| tried.elapsed() < REST) {
            return;
        }
        let place = self.place.clone();
        let found = tokio::task::spawn_blocking(move || read(&place).and_then(|text| parse(&text))).await;
        match found.unwrap_or_else(|_| Err("reading the keys failed".to_owned())) {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into(),
            Err(problem) => tracing::warn!(problem, kept = self.keys().len(), "the keys of tokens stay as they were"),
        }
        *tried = Some(Instant::now());
    }
}

/// Reads the declared set now and then, until told to stop.
pub async fn keep(tokens: Option<&Tokens>, mut stop: watch::Receiver<bool>) {
    let Some(jwks) = tokens.and_then(|tokens| tokens.jwks.as_ref()) else { return };
    while !*stop.borrow() {
        jwks.refresh().await;
        let rest = if jwks.keys().is_empty() { REST } else { REFRESH };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn chosen(keys: &[Key], algorithm: Algorithm, kid: Option<&str>) -> Vec<Key> {
    let named = |key: &&Key| match (kid, key.kid.as_deref()) {
        (Some(wanted), Some(name)) => wanted == name,
        _ => true,
    };
    keys.iter().filter(|key| key.algorithm == algorithm).filter(named).take(TRIED).cloned().collect()
}

/// True for `127.0.0.1`, `[::1]` and `localhost`, with or without a port and a path.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let port = authority[authority.find(host).unwrap_or(0) + host.len()..].trim_start_matches(']');
    let plain = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    plain && (host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()))
}

fn read(place: &Place) -> Result<Vec<u8>, String> {
    match place {
        Place::File(path) => {
            std::fs::read(path).map_err(|error| format!("the keys in {} cannot be read: {error}", path.display()))
        }
        Place::Address(address) => {
            fetch(address).map_err(|error| format!("the keys at {address} cannot be read: {error}"))
        }
    }
}

/// A redirect is not followed: whoever could send it elsewhere could name other keys.
fn fetch(address: &str) -> Result<Vec<u8>, ureq::Error> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .https_only(address.starts_with("https://"))
        .max_redirects(0)
        .max_redirects_will_error(true)
        .build();
    let mut answer = ureq::Agent::new_with_config(config).get(address).call()?;
    answer.body_mut().with_config().limit(LONGEST).read_to_vec()
}

/// The usable keys of a set; those of other kinds are passed over.
fn parse(text: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set =
        serde_json::from_slice(text).map_err(|_| "the keys are no JWKS: {\"keys\": [\u{2026}]}".to_owned())?;
    let jwks = set.keys.into_iter().take(MOST).filter_map(|value| serde_json::from_value::<Jwk>(value).ok());
    let keys: Vec<_> = jwks.filter_map(|jwk| Key::public(&jwk)).collect();
    if keys.is_empty() {
        return Err("the keys hold none for RS256 (of 2048 to 4096 bits) or ES256 signatures".to_owned());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rsa(bytes: usize) -> serde_json::Value {
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xd7; bytes]), "e": "AQAB"})
    }

    fn ec() -> serde_json::Value {
        let coordinate = URL_SAFE_NO_PAD.encode([7; 32]);
        json!({"kty": "EC", "crv": "P-256", "kid": "e", "x": coordinate, "y": coordinate})
    }

    fn with(mut key: serde_json::Value, name: &str, value: &str) -> serde_json::Value {
        key[name] = value.into();
        key
    }

    fn algorithms(keys: &[serde_json::Value]) -> Vec<Algorithm> {
        let set = json!({ "keys": keys }).to_string();
        parse(set.as_bytes()).map(|keys| keys.iter().map(|key| key.algorithm).collect()).unwrap_or_default()
    }

    #[test]
    fn only_keys_for_declared_signatures_are_taken() {
        assert_eq!(algorithms(&[rsa(256), ec()]), [Algorithm::RS256, Algorithm::ES256]);
        assert_eq!(algorithms(&[with(rsa(256), "alg", "RS256"), with(ec(), "use", "sig")]).len(), 2);
        for unfit in [
            rsa(128),
            rsa(1024),
            with(rsa(256), "use", "enc"),
            with(rsa(256), "alg", "RS512"),
            with(rsa(256), "alg", "HS256"),
            with(ec(), "crv", "P-384"),
            json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            json!({"kty": "other"}),
            json!(7),
        ] {
            assert_eq!(algorithms(std::slice::from_ref(&unfit)), [], "{unfit}");
        }
        assert!(parse(b"[]").is_err());
        assert!(parse(b"<html>").is_err());
    }

    #[test]
    fn a_secret_must_be_there_and_long() {
        assert!(Key::secret("S", None).unwrap_err().contains("not set"));
        assert!(Key::secret("S", Some("x".repeat(31).into())).unwrap_err().contains("shorter"));
        let key = Key::secret("S", Some("hidden!".repeat(5).into())).unwrap();
        assert!(!format!("{key:?}").contains("hidden"));
    }

    #[test]
    fn addresses_are_https_or_on_the_loopback() {
        let accepted = |place: &str| Jwks::declared(place, Path::new("/nowhere")).is_ok();
        for place in ["https://id.example/keys", "http://127.0.0.1:80/keys", "http://localhost", "http://[::1]:8080/k"]
        {
            assert!(accepted(place), "{place}");
        }
        for place in [
            "http://id.example/keys",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1:80@evil.example/",
            "http://[::1]evil.example/",
            "ftp://id.example/keys",
            "https://",
            "keys.json",
        ] {
            assert!(!accepted(place), "{place}");
        }
    }
}
