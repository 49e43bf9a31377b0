//! The sci-fi platform's feed: complete payloads, concurrent writers, deletes that take along what is theirs and cost what they take.

mod expected;

use headwater_compile::SourceFile;
use headwater_deploy::batch::{self, Batch, How};
use headwater_deploy::{Silent, apply, wanted};
use headwater_maintain::leader::{Settings, Unobserved, lead};
use headwater_postgres::Client;
use headwater_testkit::TestDatabase;
use headwater_testkit::example::{Example, verify_all};
use serde_json::Value;

const SCIFI: Example = Example("scifi");

async fn apply_to(database: &TestDatabase, models: &[SourceFile]) {
    if let Err(error) = apply::apply(&database.config(), models, &apply::Options::default(), &Silent).await {
        panic!("{error:#?}");
    }
}

async fn text(client: &Client, sql: &str) -> String {
    let rows = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    row.unwrap_or_else(|| panic!("no row: {sql}"))
}

async fn number(client: &Client, sql: &str) -> i64 {
    let text = text(client, sql).await;
    text.parse().unwrap_or_else(|_| panic!("{sql}: {text}"))
}

async fn batch(database: &TestDatabase) -> Batch {
    batch::run(&mut database.connect().await, How { careful: true, force: false }).await.expect("a batch")
}

/// The same rows by either way: filled from what was there, and brought by a batch.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_type_has_its_whole_payload() {
    for filled in [true, false] {
        let database = SCIFI.load(Some("0.01")).await;
        let client = database.connect().await;
        if !filled {
            apply_to(&database, &SCIFI.models()).await;
        }
        client.batch_execute(include_str!("one_of_each.sql")).await.expect("the rows");
        match filled {
            true => apply_to(&database, &SCIFI.models()).await,
            false => assert!(batch(&database).await.keys > 0),
        }
        client.batch_execute("SET timezone = 'Asia/Tokyo'").await.expect("a session's own time zone");
        let expected = expected::events();
        assert_eq!(expected.len(), 18);
        for event in expected {
            // A row's created_at is printed in the session's zone; what is inside the payload is UTC, whoever wrote.
            let sql = format!(
                "SELECT to_jsonb(e) || jsonb_build_object('created_at', to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') || CASE WHEN extract(milliseconds FROM e.created_at)::int % 1000 <> 0 THEN '.5' ELSE '' END || '+00:00') FROM platform_feed_events e WHERE id = '{}'",
                event["id"].as_str().expect("an id")
            );
            let found: Value = serde_json::from_str(&text(&client, &sql).await).expect("JSON");
            assert_eq!(found, event, "filled: {filled}, {}", event["event_type"]);
        }
        assert_eq!(number(&client, "SELECT count(DISTINCT event_type) FROM platform_feed_events").await, 18);
        verify_all(&database).await;
    }
}

/// Nothing makes a change compute the whole model again.
#[tokio::test(flavor = "multi_thread")]
async fn every_source_leads_to_its_events() {
    let database = SCIFI.load(None).await;
    let generations = wanted::Generations::new();
    let compiled =
        wanted::compile(&mut database.connect().await, &SCIFI.models(), &generations).await.expect("compiled");
    let feed =
        compiled.models.iter().find(|model| model.name.name.as_str() == "platform_feed_events").expect("the feed");
    assert_eq!(feed.sources.len(), 16);
    assert_eq!((feed.tier, feed.key.as_slice()), ("keyed", ["id".to_owned()].as_slice()));
    assert!(!feed.explanation.contains("the whole model"), "{}", feed.explanation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_after_concurrent_writers() {
    let database = SCIFI.load(Some("0.02")).await;
    apply_to(&database, &SCIFI.models()).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let config = database.config();
    let leader = tokio::spawn(async move { lead(&config, &Settings::default(), stopped, &Unobserved).await });
    for _ in 0..2 {
        SCIFI.write(&database).await;
        verify_all(&database).await;
    }
    let client = database.connect().await;
    assert_eq!(number(&client, "SELECT count(DISTINCT event_type) FROM platform_feed_events").await, 18);
    // However many tie, a page goes on exactly where the one before it ended.
    let (mut seen, mut last) = (0, "'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'".to_owned());
    loop {
        let sql = format!(
            "SELECT count(*) || '|' || coalesce(quote_literal(min(created_at)) || ', ' || quote_literal((array_agg(id ORDER BY created_at, id))[1]), '') FROM (SELECT created_at, id FROM platform_feed_events WHERE (created_at, id) < ({last}) ORDER BY created_at DESC, id DESC LIMIT 50) page"
        );
        let page = text(&client, &sql).await;
        let (count, next) = page.split_once('|').expect("two parts");
        if count == "0" {
            break;
        }
        seen += count.parse::<i64>().expect("a count");
        last = next.to_owned();
    }
    let _ = stop.send(true);
    leader.await.expect("the leader does not panic").expect("the leader ends well");
    assert_eq!(seen, number(&client, "SELECT count(*) FROM platform_feed_events").await);
    let plan = text(&client, "SET enable_sort = off; SET enable_incremental_sort = off; EXPLAIN (FORMAT JSON) SELECT id FROM platform_feed_events WHERE (created_at, id) < (now(), 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY created_at DESC, id DESC LIMIT 50").await;
    assert!(plan.contains("idx_feed_events_page"), "{plan}");
}

/// A database whose feed is compared with a copy of itself, statement by statement.
struct Stage {
    database: TestDatabase,
    client: Client,
    events: i64,
}

/// What a statement made of the feed.
struct Difference {
    gone: i64,
    altered: i64,
    /// Keys that were recomputed, in the feed and the two other models.
    keys: i64,
}

impl Stage {
    async fn new() -> Self {
        let database = SCIFI.load(Some("0.05")).await;
        apply_to(&database, &SCIFI.models()).await;
        let client = database.connect().await;
        let events = number(&client, "SELECT count(*) FROM platform_feed_events").await;
        Self { database, client, events }
    }

    /// The model is `before` as it was before the statement; `name` is a row that it is about.
    async fn run(&self, pick: &str, statement: &str) -> Difference {
        let copy = format!(
            "DROP TABLE IF EXISTS before, x; CREATE TABLE before AS SELECT * FROM platform_feed_events; CREATE TABLE x AS SELECT id FROM ({pick}) AS picked;"
        );
        self.client.batch_execute(&copy).await.expect("a copy");
        let pos = number(&self.client, "SELECT coalesce(max(pos), 0) FROM headwater.log").await;
        self.client.batch_execute(statement).await.expect(statement);
        let batch = batch(&self.database).await;
        verify_all(&self.database).await;
        // The log says the same as the comparison.
        let logged = |op: &str| {
            format!(
                "SELECT count(*) FROM headwater.log WHERE model = 'platform_feed_events' AND pos > {pos} AND op = '{op}'"
            )
        };
        let gone = number(
            &self.client,
            "SELECT count(*) FROM before b WHERE NOT EXISTS (SELECT FROM platform_feed_events e WHERE e.id = b.id)",
        )
        .await;
        let altered = number(&self.client, "SELECT count(*) FROM before b JOIN platform_feed_events e USING (id) WHERE b IS DISTINCT FROM ROW(e.*)::before").await;
        assert_eq!(number(&self.client, &logged("gone")).await, gone, "{statement}");
        assert_eq!(number(&self.client, &logged("put")).await, altered, "{statement}");
        Difference { gone, altered, keys: batch.keys }
    }

    async fn count(&self, condition: &str) -> i64 {
        number(&self.client, &format!("SELECT count(*) FROM before b, x WHERE {condition}")).await
    }
}

const DWELLER: &str = "SELECT perspective_dweller_id AS id FROM platform_stories WHERE perspective_dweller_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";
const STORY: &str = "SELECT story_id AS id FROM platform_story_reviews GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";
const WORLD: &str = "SELECT world_id AS id FROM platform_aspects GROUP BY 1 ORDER BY abs(count(*) - 5), 1 LIMIT 1";
// One who has not reviewed a proposal twice: each review of an account that is gone counts as a reviewer of its own.
const AGENT: &str = "SELECT s.author_id AS id FROM platform_stories s JOIN platform_story_reviews r ON r.story_id = s.id WHERE s.author_id IS NOT NULL AND NOT EXISTS (SELECT FROM platform_reviews v WHERE v.agent_id = s.author_id AND v.proposal_id IS NOT NULL GROUP BY v.proposal_id HAVING count(*) > 1) GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";

#[tokio::test(flavor = "multi_thread")]
async fn deletes_take_along_what_is_theirs_and_cost_what_they_take() {
    let stage = Stage::new().await;

    // Its actions, its claims and itself; the stories told from its point of view go on without it.
    let found = stage.run(DWELLER, "DELETE FROM platform_dwellers USING x WHERE platform_dwellers.id = x.id").await;
    let own = stage.count("b.dweller_id = x.id").await;
    let told =
        stage.count("b.event_type = 'story_created' AND b.payload #>> '{perspective_dweller,id}' = x.id::text").await;
    assert!(own > 1 && told > 0);
    assert_eq!((found.gone, found.altered), (own, told + 1), "the stories, and its world's dweller_count");
    let without = "SELECT count(*) FROM before b JOIN platform_feed_events e USING (id), x WHERE b.payload #>> '{perspective_dweller,id}' = x.id::text AND e.payload = b.payload || '{\"perspective_dweller\": null}' AND to_jsonb(e) - 'payload' = to_jsonb(b) - 'payload'";
    assert_eq!(number(&stage.client, without).await, told);
    assert!(
        found.keys <= 3 * (own + told) + 10,
        "{} keys for {own} events and {told} stories of {}",
        found.keys,
        stage.events
    );

    let found = stage.run(STORY, "DELETE FROM platform_stories USING x WHERE platform_stories.id = x.id").await;
    let own = stage.count("b.story_id = x.id").await;
    assert!(own > 1);
    assert_eq!((found.gone, found.altered), (own, 0));
    assert!(found.keys <= 3 * own + 10, "{} keys for {own} events of {}", found.keys, stage.events);

    // Three levels of cascades. The proposal that it was stays, with its own events.
    let found = stage.run(WORLD, "DELETE FROM platform_worlds USING x WHERE platform_worlds.id = x.id").await;
    let own = stage.count("b.world_id = x.id").await;
    assert!(own > 20);
    assert_eq!((found.gone, found.altered), (own, 0));
    assert!(found.keys <= 3 * own + 10, "{} keys for {own} events of {}", found.keys, stage.events);
    assert!(found.keys * 4 < stage.events, "not the whole model");

    // What the agent did stays, without the agent; its registration goes with it.
    let found = stage.run(AGENT, "DELETE FROM platform_agents USING x WHERE platform_agents.id = x.id").await;
    let did = stage.count("b.agent_id = x.id AND b.event_type <> 'agent_registered'").await;
    let shown = stage.count("b.agent_id IS DISTINCT FROM x.id AND (b.payload #>> '{author,id}' = x.id::text OR b.payload #>> '{reviewer,id}' = x.id::text)").await;
    assert!(did > 5 && shown > 0);
    assert_eq!((found.gone, found.altered), (1, did + shown));
    let nulls = "jsonb_strip_nulls(jsonb_build_object('agent', CASE WHEN b.agent_id = x.id THEN 'true'::jsonb END, 'author', CASE WHEN b.payload #>> '{author,id}' = x.id::text THEN 'true'::jsonb END, 'reviewer', CASE WHEN b.payload #>> '{reviewer,id}' = x.id::text THEN 'true'::jsonb END))";
    let unlike = format!(
        "SELECT count(*) FROM before b JOIN platform_feed_events e USING (id), x WHERE e.payload IS DISTINCT FROM b.payload || (SELECT coalesce(jsonb_object_agg(k, NULL), '{{}}') FROM jsonb_object_keys({nulls}) k) OR e.agent_id IS DISTINCT FROM nullif(b.agent_id, x.id) OR to_jsonb(e) - '{{payload,agent_id}}'::text[] IS DISTINCT FROM to_jsonb(b) - '{{payload,agent_id}}'::text[]"
    );
    assert_eq!(number(&stage.client, &unlike).await, 0, "nothing else has changed");
    assert!(found.keys <= 3 * (did + shown) + 20, "{} keys for {did} events of {}", found.keys, stage.events);
}

/// A mention is affected by its own columns alone: the follower count stands in one event of a world, its name in all of them.
#[tokio::test(flavor = "multi_thread")]
async fn changes_cost_what_they_change() {
    let stage = Stage::new().await;
    let found = stage
        .run(
            WORLD,
            "UPDATE platform_worlds SET follower_count = follower_count + 1 FROM x WHERE platform_worlds.id = x.id",
        )
        .await;
    assert_eq!((found.gone, found.altered), (0, 1));
    assert!(found.keys <= 2, "{} keys", found.keys);
    let found = stage
        .run(
            STORY,
            "UPDATE platform_stories SET reaction_count = reaction_count + 1 FROM x WHERE platform_stories.id = x.id",
        )
        .await;
    assert_eq!((found.gone, found.altered, found.keys), (0, 1, 1));
    let found =
        stage.run(WORLD, "UPDATE platform_worlds SET name = 'Renamed' FROM x WHERE platform_worlds.id = x.id").await;
    let shown = stage.count("b.payload #>> '{world,id}' = x.id::text").await;
    assert!(shown > 20);
    assert_eq!((found.gone, found.altered), (0, shown));
    // A status that moves on takes no event away.
    let approved = "SELECT id FROM platform_aspects WHERE status = 'approved' ORDER BY id LIMIT 1";
    let found = stage
        .run(approved, "UPDATE platform_aspects SET status = 'rejected' FROM x WHERE platform_aspects.id = x.id")
        .await;
    assert_eq!(found.gone, 0);
    assert!(found.altered >= 2);
}

/// The README's variant: an event stays as it was, whatever becomes of those in it.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_feed_stays_as_it_was() {
    let mut models = SCIFI.models();
    for file in &mut models {
        file.text = file.text.replace("-- headwater: retain live\n", "-- headwater: retain append\n");
    }
    let database = SCIFI.load(Some("0.01")).await;
    apply_to(&database, &models).await;
    let client = database.connect().await;
    client.batch_execute("CREATE TABLE before AS SELECT * FROM platform_feed_events").await.expect("a copy");
    client.batch_execute("UPDATE platform_agents SET name = 'Renamed'; DELETE FROM platform_worlds WHERE id IN (SELECT id FROM platform_worlds LIMIT 3); UPDATE platform_stories SET reaction_count = 99").await.expect("changes");
    client.batch_execute("INSERT INTO platform_agents (username, name) VALUES ('new', 'New')").await.expect("an agent");
    batch(&database).await;
    assert_eq!(
        number(&client, "SELECT count(*) FROM (SELECT * FROM before EXCEPT SELECT * FROM platform_feed_events) b")
            .await,
        0
    );
    assert_eq!(text(&client, "SELECT string_agg(payload #>> '{agent,username}', ',') FROM (SELECT * FROM platform_feed_events EXCEPT SELECT * FROM before) e").await, "@new");
    verify_all(&database).await;
}
