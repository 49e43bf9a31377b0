//! Browsers: the session cookie, and pages of other origins.

use crate::ground::{Ground, secret};
use crate::keys::{self, Signer, claims, now, signed};
use crate::wire::{Answer, Wire, ask, head};

const COOKIE: &str = "cookie = \"hw\"\n";

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn with_cookie(ground: &Ground, target: &str, more: &[(&str, &str)]) -> Answer {
    let cookie = format!("theme=dark; hw={}; x=y", keys::of(1));
    let mut headers = vec![("Cookie", cookie.as_str())];
    headers.extend(more);
    ask(ground.address, "GET", target, &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_a_cookie_that_only_our_pages_can_use() {
    let ground = Ground::new("session", "cors = [\"https://app.example\"]", &(secret() + COOKIE)).await;
    let token = keys::of(1);
    let authorized = bearer(&token);
    let post = async |headers: &[(&str, &str)]| ask(ground.address, "POST", "/session", headers).await;

    let answer = post(&[("Authorization", &authorized), ("Content-Length", "0")]).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with(&format!("hw={token}; Max-Age=")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let age: u64 = cookie.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((50..=60).contains(&age), "{cookie}");
    let local = post(&[("Authorization", &authorized), ("Host", "127.0.0.1:8080")]).await.header("set-cookie");
    assert!(local.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{local}");

    // Without the header, or with what is not valid, or from elsewhere, nothing is set.
    let own = format!("hw={token}");
    let expired = bearer(&signed(Signer::Secret, None, &{
        let mut claims = claims(1);
        claims["exp"] = (now() - 31).into();
        claims
    }));
    let long = bearer(&keys::of("x".repeat(3000)));
    for (status, code, headers) in [
        (401, "HW0731", vec![]),
        (401, "HW0731", vec![("Cookie", own.as_str())]),
        (401, "HW0731", vec![("Authorization", "Basic eDp5")]),
        (401, "HW0732", vec![("Authorization", "Bearer x")]),
        (401, "HW0732", vec![("Authorization", expired.as_str())]),
        (401, "HW0732", vec![("Authorization", authorized.as_str()), ("Authorization", authorized.as_str())]),
        (400, "HW0735", vec![("Authorization", long.as_str())]),
        (403, "HW0734", vec![("Authorization", authorized.as_str()), ("Origin", "https://evil.example")]),
        (403, "HW0734", vec![("Authorization", authorized.as_str()), ("Origin", "null")]),
        (403, "HW0734", vec![("Authorization", authorized.as_str()), ("Sec-Fetch-Site", "cross-site")]),
        (403, "HW0734", vec![("Authorization", authorized.as_str()), ("Sec-Fetch-Site", "same-site")]),
    ] {
        let answer = post(&headers).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{headers:?}: {answer:?}");
        assert_eq!(answer.header("set-cookie"), "", "{headers:?}");
    }
    let allowed =
        post(&[("Authorization", &authorized), ("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-site")])
            .await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-credentials").as_str()), (204, "true"));

    // It lets its owner in, from our own pages.
    assert_eq!(with_cookie(&ground, "/api/notes?limit=50", &[]).await.items().len(), 30);
    assert_eq!(with_cookie(&ground, "/api/notes?user_id=2", &[]).await.code(), (403, "HW0733".to_owned()));
    for headers in [
        vec![("Sec-Fetch-Site", "same-origin")],
        vec![("Sec-Fetch-Site", "none")],
        vec![("Origin", "https://feed.example")],
        vec![("Origin", "https://app.example"), ("Sec-Fetch-Site", "cross-site")],
    ] {
        assert_eq!(with_cookie(&ground, "/api/notes", &headers).await.status, 200, "{headers:?}");
    }
    for headers in [
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "null")],
        vec![("Origin", "https://feed.example.evil.example")],
        vec![("Origin", "https://app.example.evil.example")],
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
        vec![("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
        vec![("Origin", "https://app.example"), ("Origin", "https://evil.example")],
    ] {
        for target in ["/api/notes", "/api/notes/stream"] {
            let answer = with_cookie(&ground, target, &headers).await;
            assert_eq!(answer.code(), (401, "HW0731".to_owned()), "{headers:?}");
            assert!(!answer.body.contains("TITLE"), "{headers:?}");
        }
    }
    // A token in the header goes first, and a bad one there is not made good by the cookie.
    let other = bearer(&keys::of(2));
    let items = with_cookie(&ground, "/api/notes", &[("Authorization", &other)]).await.items();
    assert!(items.iter().all(|item| item["user_id"] == 2));
    assert_eq!(with_cookie(&ground, "/api/notes", &[("Authorization", "Bearer x")]).await.status, 401);
    // A second cookie of the name may have been planted.
    assert_eq!(
        with_cookie(&ground, "/api/notes", &[("Cookie", &format!("hw={}", keys::of(2)))]).await.code().1,
        "HW0732"
    );

    let cleared = ask(ground.address, "DELETE", "/session", &[]).await;
    assert_eq!(
        (cleared.status, cleared.header("set-cookie").starts_with("hw=; Max-Age=0; Path=/; HttpOnly")),
        (204, true)
    );
    let foreign = ask(ground.address, "DELETE", "/session", &[("Origin", "https://evil.example")]).await;
    assert_eq!((foreign.code(), foreign.header("set-cookie").as_str()), ((403, "HW0734".to_owned()), ""));
    assert_eq!(ask(ground.address, "GET", "/session", &[]).await.status, 405);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declared_cookie_there_is_no_session() {
    let ground = Ground::new("no_session", "", &secret()).await;
    let authorized = bearer(&keys::of(1));
    let answer = ask(ground.address, "POST", "/session", &[("Authorization", &authorized)]).await;
    assert_eq!(answer.code(), (404, "HW0727".to_owned()));
    assert_eq!(with_cookie(&ground, "/api/notes", &[]).await.code(), (401, "HW0731".to_owned()));
    ground.end().await;
}

async fn preflight(ground: &Ground, origin: &str) -> Answer {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "authorization, last-event-id"),
        ("Connection", "close"),
    ];
    let mut wire = Wire::open(ground.address).await;
    wire.send(head("OPTIONS", "/api/notes", &headers).as_bytes()).await;
    wire.end().await;
    wire.answer()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_read_where_that_is_declared() {
    let stage = Ground::stage("cors").await;
    let ground = |site: crate::stage::Site, stage| Ground { address: site.running.address, site, stage };
    let read = async |ground: &Ground, origin: &str| {
        ask(ground.address, "GET", "/api/board?limit=1", &[("Origin", origin)]).await
    };

    let site = stage.serve(&crate::ground::settings("", "")).await;
    let none = ground(site, stage);
    let answer = read(&none, "https://app.example").await;
    assert!(answer.status == 200 && !answer.head.to_lowercase().contains("access-control"), "{answer:?}");
    assert!(!preflight(&none, "https://app.example").await.head.to_lowercase().contains("access-control"));
    let Ground { stage, site, .. } = none;
    site.end().await;

    let site = stage.serve(&crate::ground::settings("cors = [\"*\"]", "")).await;
    let all = ground(site, stage);
    let answer = read(&all, "https://whoever.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(preflight(&all, "https://whoever.example").await.header("access-control-allow-methods"), "GET,HEAD");
    let Ground { stage, site, .. } = all;
    site.end().await;

    let site =
        stage.serve(&crate::ground::settings("cors = [\"https://app.example\", \"http://localhost:5173\"]", "")).await;
    let listed = ground(site, stage);
    for origin in ["https://app.example", "http://localhost:5173"] {
        let answer = read(&listed, origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        assert!(["etag", "headwater-position", "retry-after"].iter().all(|name| exposed.contains(name)), "{exposed}");
        let vary = answer.header("vary").to_lowercase();
        assert!(vary.contains("origin") && vary.contains("authorization") && vary.contains("cookie"), "{vary}");
        let allowed = preflight(&listed, origin).await.header("access-control-allow-headers").to_lowercase();
        assert!(
            ["authorization", "last-event-id", "if-none-match"].iter().all(|name| allowed.contains(name)),
            "{allowed}"
        );
        // What is refused can be read too.
        let refused = ask(listed.address, "GET", "/api/notes", &[("Origin", origin)]).await;
        assert_eq!((refused.status, refused.header("access-control-allow-origin").as_str()), (401, origin));
    }
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
    ] {
        assert_eq!(read(&listed, origin).await.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(preflight(&listed, origin).await.header("access-control-allow-origin"), "", "{origin}");
    }
    listed.end().await;
}
