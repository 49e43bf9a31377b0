//! Keys of these tests, and of nothing else; and tokens that are signed with them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

/// The environment variable that holds the secret of HS256: cargo sets it for tests, and it is long enough.
pub const SECRET_ENV: &str = "CARGO_PKG_DESCRIPTION";

/// An RSA key of 2048 bits, PKCS #1.
const RSA: &[&str] = &[
    "MIIEowIBAAKCAQEAtRvRmBth34JV9NOWffVf+ABdWsIoJE1ePt4CiSMaNk/oCaEOudKo9vK69wam6kbg7gNA/VZcTfq1CIEAo7jTcscizKX+rt",
    "Oxq6wyEhA+0jheysDlwtRUHes3NDXWTA6YtUVtrybhC4mUo76H1Pqxeg4ACRpLbw+3wp/kFTLQNuK9iU3MCH9RqcZhnWcUNZJUtdregxGLi+Xc",
    "C9FDQQqQR3pi3lw/Ic1c6PLXl2NJ9F3wCX+VxajfHGH8MkFeM080LX5+o92TiPytCcXao0DVDzpvenam9uMFYNZgZ1Q0e3R4+pb/ihNaVEhO0i",
    "OuRXScFDaDXKN8zyJ4FdaaCB4xNQIDAQABAoIBAAeGX2AFizyBKtcgT3luT417XmWd+ZMAj/Dmwo42IimtikOUKIt6AEE6dqA664aCaWgaRIIC",
    "K5Wl3A29ZmxnCooTUhPUtc9HxnMOlYoAmMudQfsEpsdAkTopAsMtlXjVhmzJtLP5VpJnJgDjsrsbq3IZ0NCQAiBcM9NnV0+2K8aL9SZ7wHPUgo",
    "nOcwNO9jVhljXKXSUnq/EA0z/ZfQUDQarsiiOTDmuNNbzHUCbuESdrDdJLwEnTDzKCu4DiO+ghHPH6HO0QSfjkZm5QLZdwBPIaILFHHWY1CQBq",
    "0D6w5UlEVkc4yVZMHiLvKwhdWbxmjJ0VTiWM6unQP18SsI7uIUUCgYEA+HAtNL012/VAbUHxvMjpMba9XS+KAIo6G8PJ4dsE+LgrFH30sBL23V",
    "ecgdRzZzIUxTRddtXJe+HKAtXXkzJTs9AOD8Y9CK+5GqQu/XMJQ9eI9qqwtnX2nfkmxCHu969pZMiFcACXYmW4t45FF7R8jfY23yU8pRK4PnzN",
    "bIt42l8CgYEAup8DK6/6vEeoASp6vubN1y+SjwDojmvtuaMPGha9+8L/e34YNihZtvFqLbBNO9aq00XNW/3xJ3n3NXjUhL3CtcGnEHWIkMEpT8",
    "SUhcqf4v+PXTo3EZD1gO8tbtCd7heSaGEp25YiJPWtZXtNO62dzOfyvWz7z60TVrZEuSIjxOsCgYEA4y/Z9x+MEDBPkVo7kNL9hQvCUWP2xBWj",
    "m95IUHS0MCpiouOoDhfZjoHeyk8YlWcT3V7Mla5dCR9qV3tsHtxn9MgvA7fZ+oaPNFCt8/HtqA+C3WcsID7xnnbIP5V0bSYIsDQ66jhwN3gkGh",
    "9NCadwO3XLqfXoZmAfAm2ogTlt8+sCgYBrSya4hFnEy/HUkca2YN4xfKFnZF9QGs83bn8tQawCxi66ollrMbG603t3Pyh4Ycge5b/Wxt5SEvZF",
    "IO4WTz9V3jud4+UbTGLjAKNfdIqOKN4U/HZSvCPZ+CkH0BssmxLKviohnGSPGUySztwtlnjmKOjPbYws71XyAaLrSayE9wKBgG387oD2/jAQYG",
    "RqCfpkz11vOBt8sRa8L+T/XyyXidNhWZ5E7BOiJu9ypV+KxlBkJ1E2mz0kOf3KASa1R1tBcxlgSyYVC9RKlPupSlapZcLIezxzPuTfbKczPR4b",
    "38TsXCybJGn9SFYy0PxaIwWvfnPrpBgAFSo66TiAsht2SUzl",
];

/// The public half of it.
pub const MODULUS: &[&str] = &[
    "tRvRmBth34JV9NOWffVf-ABdWsIoJE1ePt4CiSMaNk_oCaEOudKo9vK69wam6kbg7gNA_VZcTfq1CIEAo7jTcscizKX-rtOxq6wyEhA-0jheys",
    "DlwtRUHes3NDXWTA6YtUVtrybhC4mUo76H1Pqxeg4ACRpLbw-3wp_kFTLQNuK9iU3MCH9RqcZhnWcUNZJUtdregxGLi-XcC9FDQQqQR3pi3lw_",
    "Ic1c6PLXl2NJ9F3wCX-VxajfHGH8MkFeM080LX5-o92TiPytCcXao0DVDzpvenam9uMFYNZgZ1Q0e3R4-pb_ihNaVEhO0iOuRXScFDaDXKN8zy",
    "J4FdaaCB4xNQ",
];

/// A P-256 key, PKCS #8.
const EC: &[&str] = &[
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfeeixr1MhRBivGHJjNrvTzBpmcnCjPip8IIsiHFCSSShRANCAAQoc30HaijtaL",
    "+rtt9hFEmtcmCQ5v/hHx1K5lqlx+stmdYObuDZ86ydS3Ri2GYngWwp/zhyqGONBsfJl2lvxcOj",
];
const EC_X: &str = "KHN9B2oo7Wi_q7bfYRRJrXJgkOb_4R8dSuZapcfrLZk";
const EC_Y: &str = "1g5u4NnzrJ1LdGLYZieBbCn_OHKoY40Gx8mXaW_Fw6M";

/// What a token is signed with.
#[derive(Debug, Clone, Copy)]
pub enum Signer {
    Secret,
    Rsa,
    Ec,
}

/// A token of this user, valid for a minute.
pub fn of(user: impl Into<Value>) -> String {
    signed(Signer::Secret, None, &claims(user))
}

/// The token of an administrator.
pub fn of_admin() -> String {
    let mut claims = claims("root");
    claims["role"] = "admin".into();
    signed(Signer::Secret, None, &claims)
}

/// What such a token claims.
pub fn claims(user: impl Into<Value>) -> Value {
    json!({ "sub": user.into(), "iss": "https://id.example", "aud": "feed", "exp": now() + 60 })
}

pub fn now() -> u64 {
    get_current_timestamp()
}

/// Signs claims.
pub fn signed(signer: Signer, kid: Option<&str>, claims: &Value) -> String {
    let (algorithm, key) = match signer {
        Signer::Secret => (Algorithm::HS256, EncodingKey::from_secret(secret().as_bytes())),
        Signer::Rsa => (Algorithm::RS256, EncodingKey::from_rsa_der(&bytes(RSA))),
        Signer::Ec => (Algorithm::ES256, EncodingKey::from_ec_der(&bytes(EC))),
    };
    let header = Header { kid: kid.map(ToOwned::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, &key).expect("a token")
}

/// Signs claims as HS256 with whatever an attacker may take for the secret.
pub fn forged(secret: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(ToOwned::to_owned), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(secret)).expect("a token")
}

/// A token with any header and any signature.
pub fn pasted(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The public keys, under these names.
pub fn jwks(rsa: &str, ec: &str) -> Value {
    json!({ "keys": [
        { "kty": "RSA", "kid": rsa, "use": "sig", "alg": "RS256", "n": MODULUS.concat(), "e": "AQAB" },
        { "kty": "EC", "kid": ec, "crv": "P-256", "x": EC_X, "y": EC_Y },
        { "kty": "oct", "kid": "shared", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret()) },
    ] })
}

/// The public RSA key in the forms that an attacker may try as a secret.
pub fn public_forms() -> Vec<Vec<u8>> {
    let modulus = URL_SAFE_NO_PAD.decode(MODULUS.concat()).expect("base64");
    let mut der = vec![0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
    der.extend(&modulus);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(&der));
    vec![
        modulus,
        MODULUS.concat().into_bytes(),
        der,
        pem.into_bytes(),
        jwks("r", "e").to_string().into_bytes(),
        Vec::new(),
    ]
}

pub fn secret() -> String {
    std::env::var(SECRET_ENV).expect("tests are run by cargo")
}

fn bytes(parts: &[&str]) -> Vec<u8> {
    STANDARD.decode(parts.concat()).expect("base64")
}
