//! Tokens that are none, or not ours, or not now.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::ground::{Ground, secret, settings};
use crate::keys::{self, Signer, claims, forged, now, pasted, public_forms, signed};

fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Every one of them gets the same answer, wherever it is sent.
async fn assert_refused(ground: &Ground, tokens: &[(&str, String)]) {
    let expected = ground.get("/api/notes", "x").await;
    assert_eq!(expected.code(), (401, "HW0732".to_owned()));
    assert_eq!(expected.header("www-authenticate"), "Bearer");
    for (what, token) in tokens {
        for target in ["/api/notes", "/api/entries", "/api/board", "/api/notes/stream", "/v1/models/notes"] {
            let answer = ground.get(target, token).await;
            assert_eq!((answer.status, &answer.body), (401, &expected.body), "{what} at {target}");
            assert!(!answer.head.contains("TITLE"), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_lets_in_whom_it_signed_for() {
    let ground = Ground::new("tokens", "", &secret()).await;
    for token in [keys::of("1"), keys::of(1)] {
        let items = ground.get("/api/notes?limit=50", &token).await.items();
        assert!(items.len() == 30 && items.iter().all(|item| item["user_id"] == 1), "{items:?}");
    }
    assert_eq!(ground.get("/api/mine?limit=1", &keys::of("ü\"1")).await.items(), [json!({"id": 1, "me": "ü\"1"})]);
    let good = claims("1");
    let valid = signed(Signer::Secret, None, &good);
    let parts: Vec<_> = valid.split('.').collect();
    let other = signed(Signer::Secret, None, &claims("2"));
    let hs = json!({"alg": "HS256", "typ": "JWT"});
    let mut tokens = vec![
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("nothing", "a.b.c".to_owned()),
        ("no ASCII", "\u{fc}.\u{fc}.\u{fc}".to_owned()),
        ("long", "x".repeat(9000)),
        ("five parts", format!("{valid}.{valid}")),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no third part", format!("{}.{}", parts[0], parts[1])),
        ("claims of another", format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2])),
        ("another secret", forged(b"another secret that is as long as it must be", None, &good)),
        ("expired", signed(Signer::Secret, None, &with(good.clone(), "exp", now() - 31))),
        ("without an end", signed(Signer::Secret, None, &without(good.clone(), "exp"))),
        ("an end that is a text", signed(Signer::Secret, None, &with(good.clone(), "exp", "2099-01-01"))),
        ("not yet", signed(Signer::Secret, None, &with(good.clone(), "nbf", now() + 60))),
        ("another issuer", signed(Signer::Secret, None, &with(good.clone(), "iss", "https://evil.example"))),
        ("no issuer", signed(Signer::Secret, None, &without(good.clone(), "iss"))),
        ("another audience", signed(Signer::Secret, None, &with(good.clone(), "aud", "mail"))),
        ("other audiences", signed(Signer::Secret, None, &with(good.clone(), "aud", json!(["mail", "chat"])))),
        ("no audience", signed(Signer::Secret, None, &without(good.clone(), "aud"))),
        ("an empty subject", signed(Signer::Secret, None, &with(good.clone(), "sub", ""))),
        ("a subject of another kind", signed(Signer::Secret, None, &with(good.clone(), "sub", json!({"id": 1})))),
        ("RS256, and there is no such key", signed(Signer::Rsa, Some("r"), &good)),
        ("crit", pasted(&json!({"alg": "HS256", "crit": ["b64"]}), &good, parts[2])),
        ("an encrypted one", pasted(&json!({"alg": "dir", "enc": "A256GCM"}), &good, parts[2])),
        ("a bare claim", pasted(&hs, &json!("1"), parts[2])),
    ];
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS255"] {
        tokens.push(("none", pasted(&json!({"alg": algorithm}), &good, "")));
        tokens.push(("none with a signature", pasted(&json!({"alg": algorithm}), &good, parts[2])));
    }
    assert_refused(&ground, &tokens[..4].iter().chain(&tokens[5..]).cloned().collect::<Vec<_>>()).await;
    assert_eq!(ground.get("/api/notes", &tokens[4].1).await.code(), (401, "HW0732".to_owned()));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn public_keys_check_what_they_are_for() {
    let stage = Ground::stage("public_keys").await;
    let file = std::env::temp_dir().join(format!("headwater-{}-jwks.json", std::process::id()));
    std::fs::write(&file, keys::jwks("r", "e").to_string()).unwrap();
    let auth = format!("[serve.auth]\njwks = \"{}\"\n", file.display());
    let site = stage.serve(&settings("", &auth)).await;
    let ground = Ground { address: site.running.address, stage, site };
    let good = claims("2");
    for (signer, kid) in [(Signer::Rsa, Some("r")), (Signer::Rsa, None), (Signer::Ec, Some("e")), (Signer::Ec, None)] {
        let items = ground.get("/api/notes?limit=50", &signed(signer, kid, &good)).await.items();
        assert!(items.len() == 30 && items.iter().all(|item| item["user_id"] == 2), "{signer:?} {kid:?}: {items:?}");
    }
    let valid = signed(Signer::Rsa, Some("r"), &good);
    let signature = valid.rsplit('.').next().unwrap();
    let mut tokens = vec![
        ("the name of no key", signed(Signer::Rsa, Some("nobody's"), &good)),
        ("the name of the other key", signed(Signer::Rsa, Some("e"), &good)),
        ("the name of the other key", signed(Signer::Ec, Some("r"), &good)),
        ("a symmetric key out of the set", signed(Signer::Secret, Some("shared"), &good)),
        ("another algorithm of the family", pasted(&json!({"alg": "PS256", "kid": "r"}), &good, signature)),
        ("another hash", pasted(&json!({"alg": "RS512", "kid": "r"}), &good, signature)),
        (
            "a key that it brings along",
            pasted(&json!({"alg": "RS256", "jwk": keys::jwks("r", "e")["keys"][0]}), &claims("1"), signature),
        ),
        ("an address of keys", pasted(&json!({"alg": "RS256", "jku": "http://127.0.0.1:1/"}), &claims("1"), signature)),
        ("no algorithm", pasted(&json!({"alg": "none", "kid": "r"}), &good, signature)),
        ("expired", signed(Signer::Rsa, Some("r"), &with(good.clone(), "exp", now() - 31))),
    ];
    for secret in public_forms() {
        for kid in [Some("r"), None] {
            tokens.push(("HS256 with the public key", forged(&secret, kid, &good)));
        }
    }
    assert_refused(&ground, &tokens).await;
    let shown = format!("{:?}", ground.site.running.server.gate);
    assert!(!shown.contains(&keys::MODULUS.concat()[..20]) && !shown.contains(&keys::secret()), "{shown}");
    let _ = std::fs::remove_file(&file);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_declarations_keep_the_server_from_starting() {
    let stage = Ground::stage("declarations").await;
    for (serve, auth, reason) in [
        ("", "secret_env = \"HEADWATER_NO_SUCH_VARIABLE\"", "is not set"),
        ("", "secret_env = \"CARGO_PKG_VERSION\"", "shorter than 32 bytes"),
        ("", "jwks = \"no/such/file.json\"", "cannot be read"),
        ("", "jwks = \"Cargo.toml\"", "no JWKS"),
        ("", "jwks = \"http://id.example/keys\"", "https://"),
        ("", "cookie = \"hw\"", "declare secret_env or jwks"),
        ("", "secret_env = \"CARGO_PKG_DESCRIPTION\"\ncookie = \"a=b; Domain=evil\"", "the name of a cookie"),
        ("cors = [\"https://app.example/\"]", "", "is no origin"),
        ("cors = [\"*\", \"https://app.example\"]", "", "stands alone"),
    ] {
        let outcome = stage.try_serve(&settings(serve, &format!("[serve.auth]\n{auth}"))).await;
        let error = outcome.err().unwrap_or_else(|| panic!("{auth} is served"));
        assert!(error.code() == 701 && error.to_string().contains(reason), "{auth}: {error}");
        assert!(!error.to_string().contains(env!("CARGO_PKG_VERSION")), "{error}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_declared_tokens_everybody_is_nobody() {
    let ground = Ground::new("nobody", "", "").await;
    assert_eq!(ground.get("/api/notes", &keys::of("1")).await.code(), (401, "HW0731".to_owned()));
    assert_eq!(ground.get("/api/entries", &keys::of_admin()).await.code(), (401, "HW0731".to_owned()));
    assert_eq!(ground.get("/api/board?limit=1", &keys::of("1")).await.items().len(), 1);
    assert_eq!(ground.get("/api/mine?limit=1", &keys::of("1")).await.items()[0]["me"], Value::Null);
    ground.end().await;
}

/// An identity provider that says what it is told to, and counts how often it is asked.
struct Provider {
    address: std::net::SocketAddr,
    says: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn new(says: &Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (says, asked) = (Arc::new(Mutex::new(Some(says.to_string()))), Arc::new(AtomicUsize::new(0)));
        let (said, counted) = (Arc::clone(&says), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 4096]).await;
                let body = said.lock().unwrap().clone();
                let answer = match body {
                    Some(body) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()),
                    None => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, says, asked }
    }

    fn say(&self, what: Option<&Value>) {
        *self.says.lock().unwrap() = what.map(ToString::to_string);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_anew_for_a_new_name_and_kept_when_that_fails() {
    let provider = Provider::new(&keys::jwks("old", "e")).await;
    let auth = format!("[serve.auth]\njwks = \"http://{}/keys\"\n", provider.address);
    let ground = Ground::new("provider", "", &auth).await;
    let token = |kid: &str| signed(Signer::Rsa, Some(kid), &claims("1"));
    assert_eq!(ground.get("/api/notes?limit=1", &token("old")).await.items().len(), 1);
    assert_eq!(provider.asked(), 1);
    provider.say(Some(&keys::jwks("new", "e")));
    // Who guesses names does not make it ask.
    for _ in 0..20 {
        assert_eq!(ground.get("/api/notes", &token("guessed")).await.status, 401);
    }
    assert_eq!(provider.asked(), 1);
    let began = tokio::time::Instant::now();
    while ground.get("/api/notes?limit=1", &token("new")).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(15), "the new key was not fetched");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(provider.asked(), 2);
    assert_eq!(ground.get("/api/notes", &token("old")).await.status, 401);
    // A redirect is not followed, and the keys stay.
    provider.say(None);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ground.get("/api/notes", &token("guessed")).await.status, 401);
    assert_eq!(provider.asked(), 3);
    assert_eq!(ground.get("/api/notes?limit=1", &token("new")).await.items().len(), 1);
    ground.end().await;
}
