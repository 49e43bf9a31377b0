//! What is refused, when it is declared and when it is asked.

use hyper::StatusCode;

use crate::stage::{FEED, ROUTES, SCHEMA, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_what_is_wrong() {
    let stage = Stage::new("wrong", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    for (path, status, code) in [
        ("/api/feed?limit=0", 400, "HW0724"),
        ("/api/feed?limit=51", 400, "HW0724"),
        ("/api/feed?limit=x", 400, "HW0724"),
        ("/api/feed?offset=101", 400, "HW0724"),
        ("/api/feed?sort=best", 400, "HW0724"),
        ("/api/feed?world=1&world=2", 400, "HW0721"),
        ("/api/feed?world=one", 400, "HW0726"),
        ("/api/feed?world=99999999999", 400, "HW0726"),
        ("/api/feed?body=x", 400, "HW0725"),
        ("/api/feed?cursor=~!!", 400, "HW0723"),
        ("/api/feed?cursor=tomorrow%20at%20noon", 400, "HW0726"),
        ("/api/feed?title=%00", 400, "HW0722"),
        ("/api/feed?after=x", 400, "HW0724"),
        ("/api/nothing", 404, "HW0727"),
        ("/api/feed/", 404, "HW0727"),
        ("/v1/models/nothing", 404, "HW0727"),
        ("/v1/models/feed?world=1", 400, "HW0725"),
    ] {
        let answer = site.client.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path}: {:?}", answer.body);
        assert!(!answer.body.windows(6).any(|part| part == b"SELECT"), "{path}");
    }
    let generic = site.client.get("/v1/models/feed?id=7").await;
    assert_eq!(generic.items(), stage.json("SELECT * FROM feed WHERE id = 7").await);
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/openapi.json", 200)] {
        assert_eq!(site.client.get(path).await.status, StatusCode::from_u16(status).unwrap(), "{path}");
    }
    let document = site.client.get("/openapi.json").await.json();
    assert_eq!(document["paths"]["/api/feed"]["get"]["parameters"][0]["name"], "world");
    assert!(document["paths"]["/v1/models/feed/stream"].is_object());
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_that_is_not_declared() {
    let hidden = "-- headwater: eventual\nCREATE MATERIALIZED VIEW hidden AS SELECT p.id, p.body, p.rank::numeric AS price, now() AS read_at FROM posts p;\nCREATE UNIQUE INDEX ON hidden (id);";
    let stage = Stage::new("declared", SCHEMA, &[FEED, hidden]).await;
    let site = stage.serve("").await;
    assert_eq!(site.client.get("/v1/models/hidden").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.client.get("/v1/models/feed").await.status, StatusCode::OK);
    site.end().await;
    for (route, reason) in [
        (r#"path = "/x", model = "hidden""#, "access is not declared"),
        (r#"path = "/x", model = "hiden", access = "public""#, "there is no model \"hiden\" (there are: feed, hidden)"),
        (r#"path = "/x", model = "hidden", access = "everyone""#, "access is public, owner(column) or admin"),
        (
            r#"path = "/x", model = "hidden", access = "owner(who)""#,
            "has no column \"who\" (it has: id, body, price, read_at)",
        ),
        (
            r#"path = "/x", model = "hidden", access = "public", live = true"#,
            "live needs a model whose changes are kept",
        ),
        (r#"path = "/x", model = "hidden", access = "public", filters = ["price"]"#, "cannot be chosen by price"),
        (r#"path = "/x", model = "feed", sorts = [{ name = "a", by = "rank backwards" }]"#, "is not written as"),
        (r#"path = "/x", model = "feed", limit = 200"#, "limit must lie between 1 and max_limit"),
        (r#"path = "/x/stream", model = "feed""#, "the server's own"),
        (r#"path = "/x y", model = "feed""#, "a path is written as"),
        (r#"path = "/x", model = "feed", item = "nonsense(id)""#, "nonsense"),
    ] {
        let outcome = stage.try_serve(&format!("[serve]\nroute = [{{ {route} }}]")).await;
        let error = outcome.err().unwrap_or_else(|| panic!("{route} is served"));
        assert!(error.code() == 701 && error.to_string().contains(reason), "{route}: {error}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_follow_the_models() {
    let stage = Stage::new("follow", SCHEMA, &[FEED]).await;
    let site = stage.serve("").await;
    let mut stream = site.client.stream("/v1/models/feed/stream?limit=1", &[]).await;
    assert_eq!(stream.next().await.unwrap().name, "model_items");
    let wider = FEED.replace("p.body FROM", "p.body, p.rank + 1 AS next FROM");
    let more = FEED.replace("VIEW feed", "VIEW more").replace("ON feed", "ON more");
    stage.apply(&[&wider, &more]).await;
    loop {
        let event = stream.next().await.expect("a reset before the end");
        if event.name == "model_reset" {
            break;
        }
    }
    while site.client.get("/v1/models/more?limit=1").await.status != StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(site.client.get("/v1/models/feed?limit=1").await.items()[0].get("next").is_some());
    stage.apply(&[&wider]).await;
    while site.client.get("/v1/models/more?limit=1").await.status != StatusCode::NOT_FOUND {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    site.end().await;
    stage.end().await;
}
