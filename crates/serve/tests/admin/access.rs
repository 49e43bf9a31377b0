//! Who may ask, and from where.

use serde_json::json;

use crate::ground::{Ground, HEALTH, body, settings};
use crate::keys;
use crate::wire::ask;

const SEEN: [&str; 5] =
    [HEALTH, "/v1/admin/overview", "/v1/admin/series", "/v1/admin/refreshes", "/v1/admin/models/post_list"];

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_and_do_anything() {
    let mut ground = Ground::new("admin_access", "").await;
    let (user, admin) = (keys::of("root"), keys::of_admin());
    let operate = "/v1/admin/models/post_list/verify";
    for path in SEEN {
        for (token, status, code) in
            [("", 401, "HW0731"), ("x.y.z", 401, "HW0732"), (&user, 403, "HW0733"), (&admin, 200, "")]
        {
            let answer = ground.ask("GET", path, token).await;
            assert_eq!(answer.code(), (status, code.to_owned()), "{path} {token:?}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert!(status == 200 || !answer.body.contains("post_list"), "{path} {}", answer.body);
        }
        assert_eq!(ground.ask("POST", path, &admin).await.status, 405, "{path}");
    }
    for (token, status, code) in [("", 401, "HW0731"), ("x.y.z", 401, "HW0732"), (&user, 403, "HW0733")] {
        assert_eq!(ground.ask("POST", operate, token).await.code(), (status, code.to_owned()));
        assert_eq!(ground.ask("GET", "/v1/admin/operations/1", token).await.code(), (status, code.to_owned()));
    }
    assert_eq!(ground.ask("GET", operate, &admin).await.status, 405);
    assert_eq!(ground.told("/v1/admin/overview").await["operations"], json!([]), "nothing was begun");
    for (method, path, status, code) in [
        ("POST", "/v1/admin/models/nothing/verify", 404, "HW0771"),
        ("POST", "/v1/admin/models/post_list/drop", 404, "HW0727"),
        ("GET", "/v1/admin/models/nothing", 404, "HW0771"),
        ("GET", "/v1/admin/operations/99", 404, "HW0775"),
        ("GET", "/v1/admin/series?since=x", 400, "HW0724"),
    ] {
        assert_eq!(ground.ask(method, path, &admin).await.code(), (status, code.to_owned()), "{path}");
    }

    // The cookie is enough for our own pages, and for no others; a header from elsewhere neither.
    let session = format!("hw={admin}");
    let host = ground.address().to_string();
    let own = format!("http://{host}");
    for (headers, status, code) in [
        (vec![("Cookie", session.as_str()), ("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")], 202, ""),
        (vec![("Cookie", &session), ("Origin", "https://evil.example")], 403, "HW0734"),
        (
            vec![("Cookie", &session), ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")],
            403,
            "HW0734",
        ),
        (vec![("Cookie", &session), ("Origin", "null")], 403, "HW0734"),
        (vec![("Cookie", &session), ("Origin", "https://app.example")], 403, "HW0734"),
        (vec![("Cookie", &session), ("Sec-Fetch-Site", "same-site")], 403, "HW0734"),
    ] {
        let mut all = headers.clone();
        all.push(("Host", &host));
        let answer = ask(ground.address(), "POST", operate, &all).await;
        assert_eq!(answer.code(), (status, code.to_owned()), "{headers:?}");
    }
    let bearer = format!("Bearer {admin}");
    let foreign = [("Authorization", bearer.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(ask(ground.address(), "POST", operate, &foreign).await.code(), (403, "HW0734".to_owned()));
    assert_eq!(ground.ended(1).await["state"], "done");
    assert_eq!(ground.told("/v1/admin/overview").await["operations"].as_array().unwrap().len(), 1);

    // The page is for everybody, holds nothing, and may do little.
    let page = ask(ground.address(), "GET", "/console/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8".to_owned()));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("https:"), "{policy}");
    let enter = ask(ground.address(), "GET", "/console", &[]).await;
    assert_eq!((enter.status, enter.header("location")), (308, "console/".to_owned()));
    for missing in ["/console/../Cargo.toml", "/console/nothing.js", "/console/%2e%2e/"] {
        assert_eq!(ask(ground.address(), "GET", missing, &[]).await.status, 404, "{missing}");
    }

    let document = body(&ask(ground.address(), "GET", "/openapi.json", &[]).await);
    for path in SEEN.iter().chain(&["/v1/admin/operations/{number}", "/v1/admin/models/{name}/repair"]) {
        let path = path.replace("post_list", "{name}");
        assert!(document["paths"][&path].is_object(), "{path} {document:#}");
    }

    // What is not declared is not there.
    ground.serve(&settings("console = false\noperations = false\nhealth = \"/state\"")).await.unwrap();
    assert_eq!(ground.ask("POST", operate, &admin).await.code(), (403, "HW0773".to_owned()));
    assert_eq!(ground.ask("GET", "/console/", "").await.status, 404);
    assert_eq!(ground.ask("GET", HEALTH, &admin).await.status, 404);
    assert_eq!(ground.ask("GET", "/state", &admin).await.status, 200);
    ground.serve(&settings("").replace("[serve.admin]", "")).await.unwrap();
    for path in SEEN.iter().chain(&["/console/", "/console"]) {
        assert_eq!(ground.ask("GET", path, &admin).await.status, 404, "{path}");
    }
    assert_eq!(ground.ask("POST", operate, &admin).await.status, 404);
    let alone = ground.serve("[serve.admin]\n").await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(alone.contains("administrators prove who they are"), "{alone}");
    ground.end().await;
}

/// What is shown of a model is what is installed.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_shown_as_it_is_installed() {
    let ground = Ground::new("admin_model", "").await;
    let found = ground.told("/v1/admin/models/post_list").await;
    assert!(found["definition"].as_str().unwrap().contains("-- as pages show it"), "{found}");
    assert!(found["explanation"].as_str().unwrap().contains("keyed"), "{found}");
    assert_eq!(found["sources"], json!(["author", "post"]));
    let objects = found["objects"].as_array().unwrap();
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    assert!(of("function").iter().any(|object| object["name"].as_str().unwrap().ends_with("_step")), "{objects:#?}");
    assert!(of("trigger").len() >= 6, "three events of two tables at least");
    assert!(of("table")[0]["sql"].as_str().unwrap().contains("author text"), "{}", of("table")[0]);
    // It can be run as it is: PostgreSQL reads what PostgreSQL writes.
    for object in of("function").iter().chain(&of("trigger function")) {
        ground.run(object["sql"].as_str().unwrap()).await;
    }
    assert_eq!(ground.told("/v1/admin/models/other.names").await["sources"], json!(["author"]));
    ground.end().await;
}
