//! What the server says about models, and about what they read.

mod support;

use headwater_catalog::{Catalog, Ident, QualifiedName, Resolution, ResolutionError, TableKind, Volatility};
use headwater_postgres::{Client, Resolutions, SelectToResolve, connect, resolve};

fn public(name: &str) -> QualifiedName {
    QualifiedName::parse("public", name).unwrap()
}

fn model(name: &str, select: &str) -> SelectToResolve {
    SelectToResolve { name: public(name), select: select.to_owned(), column_names: Vec::new() }
}

async fn resolve_all(client: &mut Client, models: &[(&str, &str)]) -> (Catalog, Resolutions) {
    let models: Vec<_> = models.iter().map(|(name, select)| model(name, select)).collect();
    resolve(client, &models, None).await.unwrap()
}

/// Resolves one SELECT that is in order.
async fn resolve_one(client: &mut Client, select: &str) -> (Catalog, Resolution) {
    let (catalog, mut resolutions) = resolve_all(client, &[("one", select)]).await;
    (catalog, resolutions.remove(&public("one")).unwrap().unwrap())
}

async fn refusal(client: &mut Client, select: &str) -> ResolutionError {
    let (_, mut resolutions) = resolve_all(client, &[("one", select)]).await;
    resolutions.remove(&public("one")).unwrap().unwrap_err()
}

const SHOP: &str = "
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE DOMAIN short AS varchar(20);
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, mail text UNIQUE, tag short, mood mood);
    CREATE TABLE orders (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES users,
        total numeric(10, 2) NOT NULL, at timestamptz NOT NULL DEFAULT now(), gone int
    );
    ALTER TABLE orders DROP COLUMN gone;
    CREATE VIEW customers AS SELECT u.id, u.name FROM users u WHERE EXISTS (SELECT FROM orders WHERE user_id = u.id);
";

#[tokio::test]
async fn names_are_settled_by_the_server_and_nothing_stays() {
    let (mut client, _) = support::database("settled", SHOP).await;
    let select = "SELECT *, lower(name) AS l FROM users JOIN (SELECT user_id AS id, sum(total) FROM orders GROUP BY 1) o USING (id)";
    let (catalog, resolution) = resolve_one(&mut client, select).await;
    assert!(resolution.definition.contains("FROM (public.users"), "{}", resolution.definition);
    assert!(!resolution.definition.ends_with(';'));
    let columns: Vec<_> =
        resolution.columns.iter().map(|column| (column.name.as_str(), column.ty.sql.as_str())).collect();
    let expected = [
        ("id", "integer"),
        ("name", "text"),
        ("mail", "text"),
        ("tag", "public.short"),
        ("mood", "public.mood"),
        ("sum", "numeric"),
        ("l", "text"),
    ];
    assert_eq!(columns, expected);
    assert_eq!(catalog.tables.keys().cloned().collect::<Vec<_>>(), [public("orders"), public("users")]);
    assert!(catalog.server_version >= 140_000);

    let left = "SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text IN ('headwater_resolve', 'pg_temp') OR relname = 'one'";
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(client.query_one("SHOW search_path", &[]).await.unwrap().get::<_, &str>(0), "\"$user\", public");
}

#[tokio::test]
async fn tables_tell_their_keys_and_columns() {
    let setup = "
        CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (
            a int NOT NULL, b uuid NOT NULL, c text NOT NULL, d text COLLATE loose NOT NULL, e text,
            PRIMARY KEY (b, a)
        );
        CREATE UNIQUE INDEX ON t (c);
        CREATE UNIQUE INDEX ON t (d, a) INCLUDE (e);
        CREATE UNIQUE INDEX ON t (e);
        CREATE UNIQUE INDEX ON t (lower(c));
        CREATE UNIQUE INDEX ON t (a) WHERE e = 'x';
        CREATE UNIQUE INDEX ON t (c COLLATE \"C\", a);
        ALTER TABLE t ADD UNIQUE (a, c) DEFERRABLE;
        INSERT INTO t SELECT i, gen_random_uuid(), i, i, i FROM generate_series(1, 50) i;
        ANALYZE t;
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child () INHERITS (parent);
        CREATE TABLE grandchild () INHERITS (child);
        CREATE TABLE parted (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE parted_2030 PARTITION OF parted FOR VALUES FROM ('2030-01-01') TO ('2031-01-01') PARTITION BY RANGE (id);
        CREATE TABLE parted_2030_a PARTITION OF parted_2030 FOR VALUES FROM (0) TO (10);
        INSERT INTO parted VALUES (1, '2030-05-05'), (2, '2030-05-05');
        ANALYZE parted_2030_a;
        CREATE MATERIALIZED VIEW mat AS SELECT 1 AS x;
        CREATE TEMP TABLE temp_table (x int);
    ";
    let (mut client, _) = support::database("keys", setup).await;
    let select = "SELECT 1 AS one FROM t, parent, parted, mat, temp_table, pg_class";
    let (catalog, _) = resolve_one(&mut client, select).await;
    let keys = |name: &str| -> Vec<String> {
        let keys = &catalog.tables[&public(name)].keys;
        keys.iter().map(|key| key.iter().map(Ident::as_str).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(keys("t"), ["b,a", "c", "d,a"]);
    assert_eq!(keys("parent"), [""; 0]);
    assert_eq!(keys("parted"), ["id,day"]);
    let members = |name: &str| catalog.tables[&public(name)].members.clone();
    assert_eq!(members("parent"), [public("child"), public("grandchild")]);
    assert_eq!(members("parted"), [public("parted_2030"), public("parted_2030_a")]);
    assert_eq!(catalog.tables[&public("t")].estimated_rows, 50.0);
    assert_eq!(catalog.tables[&public("parted")].estimated_rows, 2.0);
    let kinds: Vec<_> = catalog.tables.values().map(|table| (table.name.name.as_str(), table.kind)).collect();
    for expected in [
        ("pg_class", TableKind::System),
        ("mat", TableKind::MaterializedView),
        ("parted", TableKind::Partitioned),
        ("parent", TableKind::Ordinary),
        ("temp_table", TableKind::Temporary),
    ] {
        assert!(kinds.contains(&expected), "{kinds:?}");
    }
    let t = &catalog.tables[&public("t")];
    let facts = |name: &str| {
        let column = t.column(&Ident::new(name).unwrap()).unwrap();
        (column.not_null, column.ty.equal_is_identical)
    };
    assert_eq!([facts("c"), facts("d"), facts("e")], [(true, true), (true, false), (false, true)]);
}

#[tokio::test]
async fn types_tell_how_they_compare() {
    let setup = "
        CREATE EXTENSION citext;
        CREATE TYPE mood AS ENUM ('glad', 'sad');
        CREATE DOMAIN short AS varchar(20);
        CREATE DOMAIN shorter AS short;
        CREATE TYPE plain AS (a int, b text);
        CREATE TYPE pointed AS (a int, p point);
    ";
    let (mut client, _) = support::database("types", setup).await;
    // Each with: base, comparable, hashable, equal is identical.
    let cases = [
        ("int", "int4", true, true, true),
        ("text", "text", true, true, true),
        ("varchar(5)", "varchar", true, true, true),
        ("char(5)", "bpchar", true, true, false),
        ("numeric(5,2)", "numeric", true, true, false),
        ("float8", "float8", true, true, false),
        ("interval", "interval", true, true, false),
        ("jsonb", "jsonb", true, true, false),
        ("json", "json", false, false, false),
        ("xml", "xml", false, false, false),
        ("point", "point", false, false, false),
        ("money", "money", true, false, true),
        ("tsvector", "tsvector", true, false, false),
        ("varbit", "varbit", true, false, true),
        ("bytea", "bytea", true, true, true),
        ("inet", "inet", true, true, true),
        ("cidr", "cidr", true, true, true),
        ("regclass", "regclass", true, true, false),
        ("citext", "citext", true, true, false),
        ("mood", "mood", true, true, true),
        ("short", "varchar", true, true, true),
        ("shorter", "varchar", true, true, true),
        ("plain", "plain", true, true, false),
        ("pointed", "pointed", false, false, false),
        ("int[]", "_int4", true, true, false),
        ("point[]", "_point", false, false, false),
        ("money[]", "_money", true, false, false),
        ("mood[]", "_mood", true, true, false),
        ("int4range", "int4range", true, true, false),
        ("datemultirange", "datemultirange", true, true, false),
        ("\"char\"", "char", true, true, true),
        ("uuid", "uuid", true, true, true),
        ("timestamptz", "timestamptz", true, true, true),
    ];
    let list: Vec<_> =
        cases.iter().map(|case| format!("NULL::{} AS \"{}\"", case.0, case.0.replace('"', "'"))).collect();
    let (_, resolution) = resolve_one(&mut client, &format!("SELECT {}", list.join(", "))).await;
    for (case, column) in cases.iter().zip(&resolution.columns) {
        let ty = &column.ty;
        let found = (case.0, ty.base.as_str(), ty.comparable, ty.hashable, ty.equal_is_identical);
        assert_eq!(found, *case);
        // The server itself agrees.
        let sort = format!("SELECT FROM (VALUES (NULL::{0}), (NULL)) v (x) ORDER BY v.x", case.0);
        assert_eq!(client.query_typed(&sort, &[]).await.is_ok(), ty.comparable, "{}", case.0);
    }
}

#[tokio::test]
async fn views_are_followed() {
    let (mut client, _) = support::database("views", SHOP).await;
    let (catalog, resolution) = resolve_one(&mut client, "SELECT upper(name) AS n FROM customers").await;
    assert!(resolution.definition.contains("FROM public.customers"));
    let view = &catalog.views[&public("customers")];
    assert!(view.definition.contains("FROM public.orders"), "{}", view.definition);
    assert_eq!(view.columns.len(), 2);
    assert_eq!(catalog.tables.keys().cloned().collect::<Vec<_>>(), [public("orders"), public("users")]);
    // The functions of the views are the model's too.
    let names: Vec<_> = resolution.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["int4eq", "upper"]);
}

#[tokio::test]
async fn functions_are_found_wherever_they_hide() {
    let setup = "
        CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql STABLE RETURN $1 + 1;
        CREATE FUNCTION step(int, int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $2; END';
        CREATE AGGREGATE latest (int) (SFUNC = step, STYPE = int);
        CREATE TABLE t (id int, at timestamptz, words text);
    ";
    let (mut client, _) = support::database("functions", setup).await;
    let uses = async |client: &mut Client, select: &str| -> Vec<(String, Volatility)> {
        let (_, resolution) = resolve_one(client, select).await;
        resolution.functions.into_iter().map(|function| (function.name, function.volatility)).collect()
    };
    for (select, function, volatility) in [
        ("SELECT mine(id) AS x FROM t", "mine", Volatility::Stable),
        ("SELECT latest(id) AS x FROM t", "step", Volatility::Volatile),
        ("SELECT id + 1 AS x FROM t", "int4pl", Volatility::Immutable),
        ("SELECT count(*) FILTER (WHERE random() < 0.5) AS x FROM t", "random", Volatility::Volatile),
        ("SELECT row_number() OVER (ORDER BY now()) AS x FROM t", "row_number", Volatility::Immutable),
        ("SELECT row_number() OVER (ORDER BY now()) AS x FROM t", "now", Volatility::Stable),
        ("SELECT CURRENT_DATE AS x FROM t", "current_date", Volatility::Stable),
        ("SELECT at::text AS x FROM t", "timestamptz_out", Volatility::Stable),
        ("SELECT (SELECT max(at) FROM t)::text AS x", "timestamptz_out", Volatility::Stable),
        ("SELECT id::text AS x FROM t", "int4out", Volatility::Immutable),
        ("SELECT words::date AS x FROM t", "date_in", Volatility::Stable),
        ("SELECT id AS x FROM t WHERE id = ANY (SELECT length(words) FROM t)", "length", Volatility::Immutable),
        ("SELECT x.n FROM t, LATERAL generate_series(1, id) x (n)", "generate_series", Volatility::Immutable),
        ("WITH c AS (SELECT abs(id) AS x FROM t) SELECT x FROM c", "int4abs", Volatility::Immutable),
    ] {
        let found = uses(&mut client, select).await;
        let function = if function == "int4abs" { "abs" } else { function };
        assert!(found.contains(&(function.to_owned(), volatility)), "{select}: {found:?}");
    }
    let (_, resolution) = resolve_one(&mut client, "SELECT mine(1) AS x, latest(id) AS y FROM t").await;
    let source =
        |name: &str| resolution.functions.iter().find(|function| function.name == name).unwrap().source.clone();
    assert!(source("mine").contains("RETURN ($1 + 1)"));
    assert!(source("step").contains("RETURN $2"));
    assert!(resolution.functions.iter().any(|function| function.name == "latest" && function.aggregate));
}

#[tokio::test]
async fn refusals_keep_their_place_and_hide_no_other() {
    let (mut client, _) = support::database("refusals", SHOP).await;
    let select = "SELECT 'ä€' AS sign, nmae FROM users";
    let error = refusal(&mut client, select).await;
    assert_eq!((error.sqlstate.as_str(), error.offset), ("42703", select.find("nmae")));
    assert!(error.hint.is_some());

    let two = refusal(&mut client, "SELECT 1; DROP TABLE users").await;
    assert_eq!(two.sqlstate, "42601");
    assert_eq!(refusal(&mut client, "SELECT $1::int AS x").await.sqlstate, "42P02");
    assert_eq!(refusal(&mut client, "SELECT 1 AS x, 2 AS x").await.sqlstate, "42701");

    let models = [("bad", "SELECT * FROM nowhere"), ("good", "SELECT 1 AS x"), ("worse", "SELEC 1")];
    let (_, resolutions) = resolve_all(&mut client, &models).await;
    let outcomes: Vec<_> = resolutions.values().map(Result::is_ok).collect();
    assert_eq!(outcomes, [false, true, false]);
}

#[tokio::test]
async fn column_names_of_the_declaration_count() {
    let (mut client, _) = support::database("column_names", "").await;
    let names = ["a", "B b"].map(|name| Ident::new(name).unwrap()).to_vec();
    let model =
        SelectToResolve { name: public("m"), select: "SELECT 1, 2 AS x".to_owned(), column_names: names.clone() };
    let (_, resolutions) = resolve(&mut client, &[model], None).await.unwrap();
    let columns = &resolutions[&public("m")].as_ref().unwrap().columns;
    assert_eq!(columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn models_read_models() {
    let (mut client, _) = support::database("nested", SHOP).await;
    let models = [("above", "SELECT count(*) AS n FROM below"), ("below", "SELECT DISTINCT user_id FROM orders")];
    // Not installed yet: the order of declaration does not matter.
    let (catalog, resolutions) = resolve_all(&mut client, &models).await;
    assert!(resolutions.values().all(Result::is_ok), "{resolutions:?}");
    let (name, view) = catalog.views.first_key_value().unwrap();
    assert!(resolutions[&public("above")].as_ref().unwrap().definition.contains(&name.short()));
    assert!(view.definition.contains("public.orders"));

    // Installed, as a view over something else: still the declared SELECT, not the installed view's.
    client
        .batch_execute("CREATE TABLE store (user_id int); CREATE VIEW below AS SELECT user_id FROM store")
        .await
        .unwrap();
    let models = [("above", "SELECT count(*) AS n FROM public.below"), models[1]];
    let (catalog, _) = resolve_all(&mut client, &models).await;
    assert!(catalog.views[&public("below")].definition.contains("public.orders"));
    assert_eq!(catalog.tables.keys().cloned().collect::<Vec<_>>(), [public("orders")]);

    let models = [("below", "SELECT * FROM public.below")];
    let (_, resolutions) = resolve_all(&mut client, &models).await;
    assert_eq!(resolutions[&public("below")].as_ref().unwrap_err().sqlstate, "42P17");
}

#[tokio::test]
async fn a_model_does_not_hide_a_table_of_its_name_elsewhere() {
    let (mut client, _) = support::database("shadows", SHOP).await;
    let other = QualifiedName::parse("public", "users").unwrap();
    let named_alike = SelectToResolve {
        name: QualifiedName::parse("pg_temp", "users").unwrap(),
        select: "SELECT 1 AS x".to_owned(),
        column_names: Vec::new(),
    };
    let (catalog, _) = resolve(&mut client, &[named_alike, model("m", "SELECT name FROM users")], None).await.unwrap();
    assert!(catalog.tables.contains_key(&other));
}

#[tokio::test]
async fn a_role_that_may_create_no_schema_uses_temporary_views() {
    let setup = format!(
        "{SHOP} DO $$ BEGIN CREATE ROLE hw_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO hw_reader"
    );
    let (_owner, mut config) = support::database("reader", &setup).await;
    config.user("hw_reader");
    let mut client = connect(&config).await.unwrap();
    let (catalog, resolution) = resolve_one(&mut client, "SELECT count(*) AS n FROM customers").await;
    assert!(resolution.definition.contains("public.customers"));
    assert_eq!(catalog.tables.len(), 2);
    // Such a role sees a model's refusal in the same place.
    assert_eq!(refusal(&mut client, "SELECT nmae FROM users").await.offset, Some(7));
}
