//! From a JSON Web Token to a [`Viewer`].
//!
//! How a token must be signed is said by the key that it is checked with, never by the token: each key has one algorithm, and a token that
//! names another one is not checked with it. So `none` fits no key, and a public key is never taken for a secret.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headwater_deploy::project::serve::Auth;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::Viewer;
use super::keys::{Jwks, Key};

/// The longest token that is looked at, in bytes.
pub const LONGEST: usize = 8192;

/// How far clocks may differ, in seconds (RFC 7519 allows "some small leeway, usually no more than a few minutes").
const LEEWAY: u64 = 30;

/// The latest end that is believed; what claims to last longer ends then. Browsers keep no cookie longer.
const LONGEST_LIFE: Duration = Duration::from_secs(400 * 86_400);

/// Checks tokens.
#[derive(Debug)]
pub struct Tokens {
    secret: Option<Key>,
    /// The keys that come from elsewhere.
    pub jwks: Option<Jwks>,
    rules: Rules,
}

/// What a token's claims must say, and what they mean.
#[derive(Debug)]
struct Rules {
    issuer: Option<String>,
    audience: Option<String>,
    subject: String,
    admin: (String, String),
}

/// Why a token is not valid. Only the log is told, and never what was in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is no signed token, or one with an algorithm that is known nowhere.
    Form,
    /// There are several.
    Twice,
    /// It names extensions that must be understood, and are not.
    Critical,
    /// No key has its algorithm and its `kid`.
    NoKey,
    /// It was not signed with the key.
    Signature,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    Early,
    /// Another `iss`, or none.
    Issuer,
    /// Another `aud`, or none.
    Audience,
    /// A claim is missing or is not what it must be.
    Claims,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "it is no signed token that can be read",
            Self::Twice => "there are two tokens",
            Self::Critical => "it names extensions in crit",
            Self::NoKey => "no key has its algorithm and its kid",
            Self::Signature => "its signature does not fit the key",
            Self::Expired => "its exp is over",
            Self::Early => "its nbf has not come",
            Self::Issuer => "its iss is not the declared issuer",
            Self::Audience => "its aud does not hold the declared audience",
            Self::Claims => "a claim is missing or has no usable value",
        })
    }
}

impl From<jsonwebtoken::errors::Error> for Refusal {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::Early,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::InvalidAlgorithm => Self::NoKey,
            ErrorKind::MissingRequiredClaim(name) if name == "iss" => Self::Issuer,
            ErrorKind::MissingRequiredClaim(name) if name == "aud" => Self::Audience,
            ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Self::Claims,
            _ => Self::Form,
        }
    }
}

impl Tokens {
    /// With what `[serve.auth]` declares; `None` where it declares neither a secret nor keys.
    pub fn declared(auth: &Auth, root: &Path, problems: &mut Vec<String>) -> Option<Self> {
        let secret = match (&auth.secret, &auth.secret_env) {
            (Some(secret), _) => Some(Key::secret("secret", Some(secret.0.clone().into()))),
            (None, Some(name)) => Some(Key::secret(name, std::env::var_os(name))),
            (None, None) => None,
        };
        let secret = secret.and_then(|found| found.map_err(|problem| problems.push(problem)).ok());
        let jwks = auth
            .jwks
            .as_ref()
            .and_then(|place| Jwks::declared(place, root).map_err(|problem| problems.push(problem)).ok());
        let rules = Rules {
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            subject: auth.subject.clone(),
            admin: auth.admin.clone(),
        };
        (secret.is_some() || jwks.is_some()).then_some(Self { secret, jwks, rules })
    }

    /// Whom the token names.
    ///
    /// # Errors
    /// Where it is not valid.
    pub async fn viewer(&self, token: &str) -> Result<Viewer, Refusal> {
        if token.is_empty() || token.len() > LONGEST {
            return Err(Refusal::Form);
        }
        let header = decode_header(token).map_err(|_| Refusal::Form)?;
        if header.crit.is_some() {
            return Err(Refusal::Critical);
        }
        let mut refusal = Refusal::NoKey;
        let fetched = match &self.jwks {
            Some(jwks) => jwks.matching(header.alg, header.kid.as_deref()).await,
            None => Vec::new(),
        };
        let secret = self.secret.iter().filter(|key| key.algorithm == header.alg);
        for key in secret.chain(&fetched) {
            match decode::<Map<String, Value>>(token, &key.key, &self.rules.validation(key.algorithm)) {
                Ok(data) => return self.rules.viewer(&data.claims),
                Err(error) => refusal = error.into(),
            }
        }
        Err(refusal)
    }
}

impl Rules {
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        validation
    }

    /// What the claims of a token say whose signature and times are right.
    fn viewer(&self, claims: &Map<String, Value>) -> Result<Viewer, Refusal> {
        Ok(Viewer {
            subject: claims.get(&self.subject).map(subject).transpose()?,
            admin: claims.get(&self.admin.0).is_some_and(|claim| holds(claim, &self.admin.1)),
            expires: Some(expires(claims.get("exp").and_then(Value::as_f64).ok_or(Refusal::Claims)?)),
        })
    }
}

/// A subject is a text, or a whole number written as one. An empty one would be the owner of rows that name nobody.
fn subject(claim: &Value) -> Result<String, Refusal> {
    match claim {
        Value::String(text) if !text.is_empty() && !text.contains('\0') => Ok(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        _ => Err(Refusal::Claims),
    }
}

fn holds(claim: &Value, wanted: &str) -> bool {
    match claim {
        Value::String(text) => text == wanted,
        Value::Array(values) => values.iter().any(|value| value.as_str() == Some(wanted)),
        _ => false,
    }
}

fn expires(seconds: f64) -> SystemTime {
    let latest = SystemTime::now() + LONGEST_LIFE;
    let claimed = Duration::try_from_secs_f64(seconds).ok().and_then(|life| UNIX_EPOCH.checked_add(life));
    claimed.map_or(latest, |claimed| claimed.min(latest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens(issuer: Option<&str>, audience: Option<&str>) -> Tokens {
        let rules = Rules {
            issuer: issuer.map(Into::into),
            audience: audience.map(Into::into),
            subject: "sub".into(),
            admin: ("role".into(), "admin".into()),
        };
        Tokens { secret: Some(Key::secret("S", Some(SECRET.into())).unwrap()), jwks: None, rules }
    }

    fn signed(claims: &Value) -> String {
        encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    fn now() -> i64 {
        jsonwebtoken::get_current_timestamp().cast_signed()
    }

    #[tokio::test]
    async fn claims_say_who_asks() {
        let tokens = tokens(None, None);
        for (claims, subject, admin) in [
            (json!({"sub": "ü7"}), Some("ü7"), false),
            (json!({"sub": 7}), Some("7"), false),
            (json!({"sub": 18_446_744_073_709_551_615_u64}), Some("18446744073709551615"), false),
            (json!({"role": "admin"}), None, true),
            (json!({"sub": "7", "role": ["user", "admin"]}), Some("7"), true),
            (json!({"sub": "7", "role": "administrator"}), Some("7"), false),
            (json!({"sub": "7", "role": {"admin": true}}), Some("7"), false),
            (json!({"sub": "7", "aud": "whatever", "iss": "whoever"}), Some("7"), false),
        ] {
            let mut claims = claims;
            claims["exp"] = (now() + 60).into();
            let viewer = tokens.viewer(&signed(&claims)).await.unwrap_or_else(|refusal| panic!("{claims}: {refusal}"));
            assert_eq!((viewer.subject.as_deref(), viewer.admin), (subject, admin), "{claims}");
        }
    }

    #[tokio::test]
    async fn times_are_checked_with_little_leeway() {
        let tokens = tokens(None, None);
        for (claims, expected) in [
            (json!({"exp": now() - 20}), Ok(())),
            (json!({"exp": now() - 40}), Err(Refusal::Expired)),
            (json!({"exp": -1}), Err(Refusal::Claims)),
            (json!({"exp": 0}), Err(Refusal::Expired)),
            (json!({"exp": "tomorrow"}), Err(Refusal::Claims)),
            (json!({"exp": null}), Err(Refusal::Claims)),
            (json!({"exp": 1e300}), Err(Refusal::Claims)),
            (json!({"exp": 1e18}), Ok(())),
            (json!({}), Err(Refusal::Claims)),
            (json!({"exp": now() + 60, "nbf": now() + 20}), Ok(())),
            (json!({"exp": now() + 60, "nbf": now() + 40}), Err(Refusal::Early)),
            (json!({"exp": now() + 60, "nbf": "now"}), Err(Refusal::Claims)),
            (json!({"exp": now() + 60, "sub": ""}), Err(Refusal::Claims)),
            (json!({"exp": now() + 60, "sub": "a\u{0}b"}), Err(Refusal::Claims)),
            (json!({"exp": now() + 60, "sub": 1.5}), Err(Refusal::Claims)),
            (json!({"exp": now() + 60, "sub": ["7"]}), Err(Refusal::Form)),
            (json!({"exp": now() + 60, "sub": null}), Err(Refusal::Claims)),
        ] {
            assert_eq!(tokens.viewer(&signed(&claims)).await.map(drop), expected, "{claims}");
        }
    }

    #[tokio::test]
    async fn issuer_and_audience_are_checked_where_declared() {
        let tokens = tokens(Some("us"), Some("feed"));
        for (claims, expected) in [
            (json!({"iss": "us", "aud": "feed"}), Ok(())),
            (json!({"iss": "us", "aud": ["mail", "feed"]}), Ok(())),
            (json!({"iss": "them", "aud": "feed"}), Err(Refusal::Issuer)),
            (json!({"aud": "feed"}), Err(Refusal::Issuer)),
            (json!({"iss": "us", "aud": "mail"}), Err(Refusal::Audience)),
            (json!({"iss": "us", "aud": []}), Err(Refusal::Audience)),
            (json!({"iss": "us", "aud": 7}), Err(Refusal::Audience)),
            (json!({"iss": "us"}), Err(Refusal::Audience)),
        ] {
            let mut claims = claims;
            claims["exp"] = (now() + 60).into();
            assert_eq!(tokens.viewer(&signed(&claims)).await.map(drop), expected, "{claims}");
        }
    }

    #[tokio::test]
    async fn an_end_beyond_time_is_no_panic() {
        let viewer = tokens(None, None).viewer(&signed(&json!({"exp": u64::MAX, "sub": "7"}))).await.unwrap();
        let left = viewer.expires.unwrap().duration_since(SystemTime::now()).unwrap();
        assert!(left <= LONGEST_LIFE);
    }
}
