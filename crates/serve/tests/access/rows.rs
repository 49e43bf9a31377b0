//! Other people's rows, by every way that leads to rows.

use serde_json::Value;

use crate::ground::{Ground, secret};
use crate::keys::{self, Signer, claims, signed};
use crate::wire::ask;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_rows_of_another() {
    let ground = Ground::new("rows", "", &secret()).await;
    let one = keys::of(1);
    for (target, status, code) in [
        ("/api/notes?user_id=2", 403, "HW0733"),
        ("/api/notes?user_id=01", 403, "HW0733"),
        ("/api/notes?user_id=%2B2", 403, "HW0733"),
        ("/api/notes?user_id=", 403, "HW0733"),
        ("/api/notes?user_id=1&user_id=2", 400, "HW0721"),
        ("/api/notes?user_id=2&user_id=1", 400, "HW0721"),
        ("/api/notes?user_id=1&%75ser_id=2", 400, "HW0721"),
        ("/api/notes?user_id[]=2", 400, "HW0725"),
        ("/api/notes?USER_ID=2", 400, "HW0725"),
        ("/api/notes?user_id%00=2", 400, "HW0725"),
        ("/api/notes?id=7001", 400, "HW0725"),
        ("/api/notes?viewer=2", 400, "HW0725"),
        ("/api/notes?user_id=2;user_id=1", 403, "HW0733"),
        ("/api/notes/stream?user_id=2", 403, "HW0733"),
        ("/v1/models/notes?user_id=2", 400, "HW0725"),
        ("/api/entries", 403, "HW0733"),
        ("/api/entries/stream", 403, "HW0733"),
        ("/v1/models/entries", 403, "HW0733"),
        ("/v1/models/entries?id=1", 403, "HW0733"),
        ("/v1/models/undeclared", 404, "HW0727"),
        ("/v1/models/board", 404, "HW0727"),
        ("/v1/models/headwater.model", 404, "HW0727"),
        ("/v1/models/pg_catalog.pg_authid", 404, "HW0727"),
    ] {
        for method in ["GET", "HEAD"] {
            let bearer = format!("Bearer {one}");
            let answer = ask(ground.address, method, target, &[("Authorization", &bearer)]).await;
            if method == "GET" {
                assert_eq!(answer.code(), (status, code.to_owned()), "{target}: {answer:?}");
            } else {
                assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{target}: {answer:?}");
            }
            assert!(!answer.body.contains("TITLE-OF") && !answer.body.contains("FOR-ADMIN"), "{target}: {answer:?}");
        }
    }
    for target in ["/api/notes", "/api/notes/stream", "/api/entries", "/v1/models/notes", "/v1/models/entries/stream"] {
        assert_eq!(ground.get(target, "").await.code(), (401, "HW0731".to_owned()), "{target}");
    }
    assert_eq!(ground.get("/api/notes?user_id=1&limit=50", &one).await.items().len(), 30);
    assert_eq!(ground.get("/v1/models/notes?id=7001", &one).await.items().len(), 0);
    assert_eq!(ground.get("/v1/models/notes?id=7003", &one).await.items().len(), 1);
    assert_eq!(ground.get("/api/notes?title=TITLE-OF-2-1", &one).await.items().len(), 0);
    let administrator = ground.get("/api/entries", &keys::of_admin()).await;
    assert!(administrator.body.contains("FOR-ADMINISTRATORS"));
    assert_eq!(ground.get("/api/notes", &keys::of_admin()).await.code(), (403, "HW0733".to_owned()));
    ground.end().await;
}

/// What is kept for one must not be given to another, nor may a tag tell what another has.
#[tokio::test(flavor = "multi_thread")]
async fn kept_pages_are_kept_apart() {
    let ground = Ground::new("apart", "", &secret()).await;
    for _ in 0..3 {
        for user in 1..=3 {
            let answer = ground.get("/api/notes?limit=50", &keys::of(user)).await;
            assert!(answer.items().iter().all(|item| item["user_id"] == user), "{answer:?}");
            assert!(answer.header("cache-control").starts_with("private"), "{answer:?}");
            assert!(answer.header("vary").contains("authorization"), "{answer:?}");
        }
    }
    let tag = ground.get("/api/notes?limit=50", &keys::of(1)).await.header("etag");
    for (user, status) in [(1, 304), (2, 200)] {
        let bearer = format!("Bearer {}", keys::of(user));
        let headers = [("Authorization", bearer.as_str()), ("If-None-Match", tag.as_str())];
        assert_eq!(ask(ground.address, "GET", "/api/notes?limit=50", &headers).await.status, status);
    }
    ground.end().await;
}

/// `varchar(5)` cuts what is cast to it: a longer name would become that of another.
#[tokio::test(flavor = "multi_thread")]
async fn one_subject_is_one_person() {
    let ground = Ground::new("subjects", "", &secret()).await;
    assert_eq!(ground.get("/v1/models/words", &keys::of("alice")).await.items().len(), 1);
    for subject in ["alice2", "alice ", " alice", "ALICE", "alic", "alice\u{301}", "%", "alice' OR true --"] {
        let answer = ground.get("/v1/models/words", &keys::of(subject)).await;
        assert!(answer.status == 200 && answer.items().is_empty(), "{subject}: {answer:?}");
        assert!(!ground.get("/v1/models/words", &keys::of(subject)).await.body.contains("SAID-BY"), "{subject}");
    }
    for subject in ["01", "+1", " 1", "1 ", "0x1", "1.0", "1_0", "one", "99999999999", "1; DROP TABLE note"] {
        let answer = ground.get("/api/notes", &keys::of(subject)).await;
        assert_eq!(answer.code(), (403, "HW0733".to_owned()), "{subject}: {answer:?}");
    }
    let nobody = signed(Signer::Secret, None, &{
        let mut claims = claims("1");
        claims.as_object_mut().unwrap().remove("sub");
        claims
    });
    assert_eq!(ground.get("/api/notes", &nobody).await.code(), (401, "HW0731".to_owned()));
    ground.end().await;
}

/// A cursor is a place, and no permission: whoever made it, and whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_open_nothing() {
    use base64::Engine as _;
    let ground = Ground::new("cursors", "", &secret()).await;
    let encode = |text: &str| format!("~{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text));
    let page: Value = serde_json::from_str(&ground.get("/api/notes?limit=5", &keys::of(2)).await.body).expect("a page");
    let of_another = page["next_cursor"].as_str().expect("a cursor").to_owned();
    let mut cursors = vec![of_another, encode(r#"["infinity","2147483647"]"#), encode("[null,null]")];
    cursors.push("infinity".to_owned());
    for cursor in &cursors {
        let answer = ground.get(&format!("/api/notes?limit=50&cursor={cursor}"), &keys::of(1)).await;
        assert!(answer.items().iter().all(|item| item["user_id"] == 1), "{cursor}: {answer:?}");
    }
    for (text, code) in [
        (r#"["2026-01-01","7001","1"]"#, "HW0723"),
        (r#"["2026-01-01"]"#, "HW0723"),
        (r#"{"at":"2026-01-01"}"#, "HW0723"),
        (r#"["2026-01-01",7001]"#, "HW0723"),
        (r#"["2026-01-01","7001) OR (1=1"]"#, "HW0726"),
        (r#"["'; DROP TABLE note; --","1"]"#, "HW0726"),
        (r#"["2026-01-01","99999999999999"]"#, "HW0726"),
    ] {
        let answer = ground.get(&format!("/api/notes?cursor={}", encode(text)), &keys::of(1)).await;
        assert_eq!(answer.code(), (400, code.to_owned()), "{text}: {answer:?}");
        assert!(!answer.body.contains("DROP") && !answer.body.contains("7001"), "{answer:?}");
    }
    assert_eq!(ground.stage.column("SELECT count(*) FROM note").await, ["90"]);
    ground.end().await;
}
