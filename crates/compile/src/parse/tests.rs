//! Whole texts in, every diagnostic and every model out.

use super::*;

/// Every diagnostic of `files`, as lines of text: what, where, the bytes in question, label and hint.
fn diagnostics(files: &[(&str, &str)]) -> String {
    let files = sources(files);
    let line = |diagnostic: Diagnostic| {
        let text = &files.iter().find(|file| file.path == diagnostic.file).unwrap().text;
        let (line, bytes) = (words::line(text, diagnostic.span.start), &text[diagnostic.span.clone()]);
        let Diagnostic { severity, code, message, file, label, hint, .. } = diagnostic;
        let hint = hint.map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
        format!("{severity:?} {code}: {message}\n  {file}:{line} «{bytes}» {}\n{hint}", label.unwrap())
    };
    parse(&files).1.into_iter().map(line).collect()
}

fn sources(files: &[(&str, &str)]) -> Vec<SourceFile> {
    files.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() }).collect()
}

/// Compares the diagnostics of one file with `expected`.
#[track_caller]
fn check(sql: &str, expected: &str) {
    let found = diagnostics(&[("m.sql", sql)]);
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

/// The models of files without any problem.
#[track_caller]
fn models(files: &[(&str, &str)]) -> Vec<ParsedModel> {
    assert_eq!(diagnostics(files), "");
    parse(&sources(files)).0
}

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

#[test]
fn a_model_with_options_and_indexes() {
    let sql = "\
-- Gemüse; nicht Obst.
-- headwater: realtime
-- headwater: access owner(user_id)
--headwater:require keyed
-- headwater: retain live
CREATE MATERIALIZED VIEW IF NOT EXISTS \"Größe\" (a, \"B\") AS -- why
  WITH x AS (SELECT ';' AS q) -- and; why
  SELECT q, 1 FROM x -- done
WITH DATA;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS by_a ON ONLY public.\"Größe\" USING btree (a, lower(\"B\") DESC)
  INCLUDE (b) WHERE a > 'ü'
";
    let index_text = &sql[sql.find("CREATE UNIQUE").unwrap()..].trim_end();
    let found = models(&[("m.sql", sql)]).remove(0);
    let at = |text: &str| {
        let start = sql.find(text).unwrap();
        start..start + text.len()
    };
    let select = "WITH x AS (SELECT ';' AS q) -- and; why\n  SELECT q, 1 FROM x";
    let statement = sql[at("CREATE MATERIALIZED").start..at(";\n\nCREATE UNIQUE").start].to_owned();
    let options = "-- headwater: realtime\n--headwater:require keyed\n-- headwater: retain live\n";
    assert_eq!(
        found,
        ParsedModel {
            file: "m.sql".into(),
            name: QualifiedName::parse("public", "Größe").unwrap(),
            name_span: at("\"Größe\""),
            select: select.into(),
            select_offset: at(select).start,
            column_names: vec![ident("a"), ident("B")],
            options: Options {
                mode: Mode::Realtime,
                require: Some(Tier::Keyed),
                access: Some(Access {
                    words: "owner(user_id)".into(),
                    span: at("owner(user_id)"),
                    readers: Readers::Owner(ident("user_id")),
                }),
                retain: Some(Retain::Live),
                max_lag: None,
            },
            span: at(&statement),
            text: format!("{options}{statement};\n{index_text};\n"),
            access_line: "-- headwater: access owner(user_id)\n".into(),
            indexes: vec![ParsedIndex {
                name: Some(ident("by_a")),
                unique: true,
                columns: vec![Some(ident("a")), None],
                has_predicate: true,
                stmt: found.indexes[0].stmt.clone(),
                text: (*index_text).into(),
                span: at(index_text),
                file: "m.sql".into(),
            }],
        }
    );
    assert_eq!(found.indexes[0].stmt.index_including_params.len(), 1);
}

#[test]
fn indexes_may_stand_in_another_file() {
    let files = [
        ("a.sql", "CREATE INDEX ON sales.v (x);"),
        ("b.sql", "\u{feff};;CREATE MATERIALIZED VIEW Sales.V AS TABLE t;; CREATE INDEX ON sales.v (y);"),
    ];
    let found = models(&files);
    assert_eq!(
        found.iter().map(|model| (model.name.to_string(), model.text.as_str())).collect::<Vec<_>>(),
        [(
            "\"sales\".\"v\"".to_owned(),
            "CREATE MATERIALIZED VIEW Sales.V AS TABLE t;\nCREATE INDEX ON sales.v (x);\nCREATE INDEX ON sales.v (y);\n"
        )]
    );
}

#[test]
fn empty_files_and_lone_comments_declare_nothing() {
    assert_eq!(models(&[("a.sql", ""), ("b.sql", " \n\t;"), ("c.sql", "-- nothing\n/* here */")]), []);
}

/// Each wrong SELECT with the word where PostgreSQL stops and the hint; the model after it is never hidden.
#[test]
fn syntax_errors_point_at_the_word() {
    let cases = [
        ("SELECT 'ü', a, FROM t", "FROM", "remove the comma before FROM, or write what should follow it"),
        ("SELECT count(a FROM t", "FROM", "the parenthesis opened in line 1 is not closed"),
        ("SELECT (a", ";", "the parenthesis opened in line 1 is not closed"),
        ("SELECT f(a))", ")", "no parenthesis is open here: remove this one, or add the one that opens it"),
        ("SELECT a, b t x", "x", "a comma, an operator or a word such as FROM is missing before x"),
        ("SELECT a, desc FROM t", "desc", "desc is a reserved word: as a name it stands in double quotes"),
        ("SELECT `a` FROM `t`", "FROM", "PostgreSQL quotes names with double quotes, not with backticks"),
        (
            "SELECT a FROM t WHERE b WHERE c",
            "WHERE",
            "clauses stand in this order: SELECT, FROM, JOIN, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT",
        ),
        ("SELECT a FROM t WHERE b = GROUP BY c", "GROUP", "something is missing after ="),
        ("SELECT a FROM t WHERE", ";", "something is missing after WHERE"),
        ("SELECT 'it's a', 'he's b'", "a", "a quote inside a string is written twice: 'it''s'"),
        ("SELECT CASE WHEN a THEN b FROM t", "FROM", "a CASE has no END before FROM"),
    ];
    for (select, word, hint) in cases {
        check(
            &format!("/* ä */ CREATE MATERIALIZED VIEW v AS {select}; SELECT;"),
            &format!(
                "Error HW0101: syntax error at or near \"{word}\"\n  m.sql:1 «{word}» unexpected\n  hint: {hint}\n\
                 Error HW0103: SELECT has no place in a model file\n  m.sql:1 «SELECT» not allowed here\n  hint: to \
                 declare a model, write CREATE MATERIALIZED VIEW name AS before the SELECT\n"
            ),
        );
    }
}

#[test]
fn syntax_errors_of_the_declaration() {
    check(
        "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1;
CREATE MATERIALIZED VIEW v SELECT 1;
CREATE MATERIALIZED VIEW AS SELECT 1;
\\i other.sql
;
CREATE MATERIALIZED VIEW v AS SELECT 1 LIMIT 2, 3;
CREATE MATERIALIZED VIEW v AS SELECT 1 FETCH FIRST 1 ROWS WITH TIES;
CREATE MATERIALIZED VIEW v AS SELECT 1

CREATE INDEX ON v (a);
CREATE MATERIALIZED VIEW v AS SELECT 1 +",
        "\
Error HW0101: syntax error at or near \"MATERIALIZED\"
  m.sql:1 «MATERIALIZED» unexpected
  hint: remove OR REPLACE: a changed model replaces the one that serves
Error HW0101: syntax error at or near \"SELECT\"
  m.sql:2 «SELECT» unexpected
  hint: write AS before SELECT
Error HW0101: syntax error at or near \"AS\"
  m.sql:3 «AS» unexpected
  hint: a name is missing here; a reserved word as a name stands in double quotes
Error HW0101: syntax error at or near \"\\\"
  m.sql:4 «\\» unexpected
  hint: model files are plain SQL: psql's backslash commands have no place in them
Error HW0101: LIMIT #,# syntax is not supported
  m.sql:6 «3» here
  hint: write LIMIT and OFFSET apart: LIMIT 10 OFFSET 20
Error HW0101: WITH TIES cannot be specified without ORDER BY clause
  m.sql:7 «TIES» here
Error HW0101: syntax error at or near \"CREATE\"
  m.sql:10 «CREATE» unexpected
  hint: a semicolon is missing before CREATE
Error HW0101: syntax error at end of input
  m.sql:11 «+» the statement ends here
  hint: something is missing after +
",
    );
}

#[test]
fn words_that_cannot_be_scanned() {
    check(
        "SELECT 'é' || 12ab; CREATE INDEX ON v (a); CREATE MATERIALIZED VIEW v AS SELECT \"\"; SELECT E'\\u12';
-- headwater: realtime
CREATE MATERIALIZED VIEW w AS SELECT 'it''s', 'ü
more; SELECT 1;",
        "\
Error HW0102: trailing junk after numeric literal
  m.sql:1 «12ab» a number with letters after it
  hint: put a name that starts with a digit into double quotes, or write a space after the number
Error HW0102: zero-length delimited identifier
  m.sql:1 «\"\"» an empty name
  hint: strings stand in single quotes: ''
Error HW0102: invalid Unicode escape
  m.sql:1 «E'\\u12'» this cannot be read
  hint: see \"Lexical Structure\" in PostgreSQL's documentation
Error HW0102: unterminated quoted string
  m.sql:3 «'ü» this string is not closed
  hint: close it with a quote; a quote inside a string is written twice: 'it''s'
",
    );
    for (sql, sentence, label, hint) in [
        ("/* a", "unterminated /* comment", "this comment is not closed", "close it with */; comments nest"),
        ("\"a", "unterminated quoted identifier", "this name is not closed", "close it with a double quote"),
        ("$q$ a", "unterminated dollar-quoted string", "this string is not closed", "close it with the same $tag$"),
        ("a\0b", "the file contains a NUL byte", "here", "save the file as UTF-8 text"),
    ] {
        let bytes = if sql.contains('\0') { "\0" } else { sql };
        check(sql, &format!("Error HW0102: {sentence}\n  m.sql:1 «{bytes}» {label}\n  hint: {hint}\n"));
    }
}

#[test]
fn every_other_statement_is_refused_with_an_alternative() {
    let general = "model files hold CREATE MATERIALIZED VIEW and CREATE INDEX on models; everything else belongs in the \
                   application's migrations";
    let declare = "to declare a model, write CREATE MATERIALIZED VIEW name AS before the SELECT";
    let view = "write CREATE MATERIALIZED VIEW to declare a model; views and tables that models read belong in the \
                application's migrations";
    for (sql, headline, hint) in [
        ("CREATE TABLE t (a int)", "CREATE TABLE", general),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$", "CREATE FUNCTION", general),
        ("VACUUM", "VACUUM", general),
        ("COMMENT ON TABLE t IS ''", "COMMENT ON TABLE", general),
        ("((SELECT 1))", "SELECT", declare),
        ("WITH a AS (SELECT 1) TABLE a", "WITH", declare),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW", view),
        ("CREATE TEMP TABLE v AS SELECT 1", "CREATE TEMP TABLE", view),
        ("REFRESH MATERIALIZED VIEW v", "REFRESH MATERIALIZED VIEW", "remove it: Headwater keeps the model up to date"),
        (
            "DROP MATERIALIZED VIEW v",
            "DROP MATERIALIZED VIEW",
            "remove it: a model is dropped by deleting its declaration",
        ),
        (
            "ALTER TABLE t ADD a int",
            "ALTER TABLE",
            "change the declaration itself; the application's tables change in its migrations",
        ),
        ("BEGIN", "BEGIN", "remove it: Headwater chooses the transactions in which it installs models"),
        ("SET search_path = a", "SET", "remove it; write the schema before each name instead of setting search_path"),
        ("TRUNCATE t", "TRUNCATE", "remove it: model files declare, they do not change data"),
        ("GRANT SELECT ON t TO r", "GRANT", "remove it; grants belong in the application's migrations"),
    ] {
        check(
            sql,
            &format!(
                "Error HW0103: {headline} has no place in a model file\n  m.sql:1 «{headline}» not allowed here\n  \
                 hint: {hint}\n"
            ),
        );
    }
}

#[test]
fn indexes_need_their_model() {
    check(
        "CREATE INDEX ON dashboard (a);
CREATE MATERIALIZED VIEW dashboard AS SELECT 1;
CREATE INDEX ON \"dashbord\" (a);
CREATE INDEX ON app.users (a);
CREATE INDEX ON db.app.users (a);
CREATE MATERIALIZED VIEW broken AS SELECT , 1;
CREATE INDEX ON broken (a);",
        "\
Error HW0104: the index stands before the model \"dashboard\"
  m.sql:1 «dashboard» declared below
  hint: move the index after the model, so that psql can run the file too
Error HW0104: there is no model \"dashbord\"
  m.sql:3 «\"dashbord\"» no such model
  hint: did you mean \"dashboard\"?
Error HW0104: there is no model \"app.users\"
  m.sql:4 «app.users» no such model
  hint: indexes on the application's tables belong in its migrations
Error HW0103: a model's name has at most a schema before it
  m.sql:5 «db.app.users» too many parts
  hint: leave the database out: models live in the database that Headwater connects to
Error HW0101: syntax error at or near \",\"
  m.sql:6 «,» unexpected
",
    );
}

#[test]
fn names_are_declared_once() {
    let found = diagnostics(&[
        ("a.sql", "\n-- é\nCREATE MATERIALIZED VIEW v AS SELECT 1;"),
        ("b.sql", "CREATE MATERIALIZED VIEW public.\"v\" AS SELECT 2;"),
    ]);
    assert_eq!(
        found,
        "\
Note HW0105: the model \"v\" is declared here first, and again in b.sql:1
  a.sql:3 «v» declared here first
Error HW0105: the model \"v\" is declared twice: here and in a.sql:3
  b.sql:1 «public.\"v\"» declared again
  hint: rename or remove one of them
"
    );
}

#[test]
fn options_are_checked() {
    check(
        "\
-- headwater: eventual max_lag soon
-- é headwater: realtime is the default
-- headwater: realtme
-- headwater: owner(user_id)
-- headwater:
-- headwater: require
-- headwater: require fast mode
-- headwater: retain append keep 180 parsecs
-- headwater: access
-- headwater: access owner(a, b) too
-- headwater: realtime now
CREATE MATERIALIZED VIEW v AS
-- headwater: access public
SELECT 1;
-- headwater: access admin
CREATE INDEX ON v (a);
-- headwater: retain live",
        "\
Error HW0111: \"eventual\" takes nothing, or \"max_lag\" and a time
  m.sql:1 «soon» not understood
  hint: write -- headwater: eventual, or -- headwater: eventual max_lag 1s
Error HW0107: unknown option \"realtme\"
  m.sql:3 «realtme» not an option
  hint: did you mean \"realtime\"? the options are: realtime, eventual, retain, require, access
Error HW0107: unknown option \"owner(user_id)\"
  m.sql:4 «owner(user_id)» not an option
  hint: the options are: realtime, eventual, retain, require, access
Error HW0107: an option is missing
  m.sql:5 «» here
  hint: the options are: realtime, eventual, retain, require, access
Error HW0111: \"require\" takes \"delta\" or \"keyed\"
  m.sql:6 «require» the value is missing
  hint: write -- headwater: require delta, or -- headwater: require keyed
Error HW0111: the option \"require\" is given twice
  m.sql:7 «require» given before
  hint: keep one of them
Error HW0111: \"require\" takes \"delta\" or \"keyed\"
  m.sql:7 «fast mode» not one of them
  hint: write -- headwater: require delta, or -- headwater: require keyed
Error HW0111: \"retain\" takes \"live\" or \"append\"
  m.sql:8 «parsecs» not understood
  hint: write -- headwater: retain live, or retain append [keep 180 days by created_at] [follow deletes | follow column, …]
Error HW0111: \"access\" takes who may read the model
  m.sql:9 «access» the value is missing
  hint: write -- headwater: access public, access owner(column) or access admin
Error HW0111: the option \"access\" is given twice
  m.sql:10 «access» given before
  hint: keep one of them
Error HW0111: \"access\" takes who may read the model
  m.sql:10 «owner(a, b) too» not understood
  hint: write -- headwater: access public, access owner(column) or access admin
Error HW0111: a model is either realtime or eventual
  m.sql:11 «realtime» the other is given before
  hint: keep one of them
Error HW0111: \"realtime\" takes no value
  m.sql:11 «now» remove this
  hint: write -- headwater: realtime
Error HW0113: this option belongs to no model
  m.sql:13 «-- headwater: access public» has no effect here
  hint: options stand directly before CREATE MATERIALIZED VIEW
Error HW0113: this option belongs to no model
  m.sql:15 «-- headwater: access admin» has no effect here
  hint: options stand directly before CREATE MATERIALIZED VIEW
Error HW0113: this option belongs to no model
  m.sql:17 «-- headwater: retain live» has no effect here
  hint: options stand directly before CREATE MATERIALIZED VIEW
",
    );
}

#[test]
fn long_names_and_parameters_are_refused() {
    let long = "ü".repeat(32);
    check(
        &format!("CREATE MATERIALIZED VIEW v AS SELECT 'ü' AS \"{long}\", $1 FROM {}x;", &long[..62]),
        &format!(
            "\
Error HW0108: the name is longer than 63 bytes
  m.sql:1 «\"{long}\"» PostgreSQL would cut it silently
  hint: choose a shorter name
Error HW0109: a model has no parameters such as $1
  m.sql:1 «$1» a parameter
  hint: select the value as a column, and let readers filter on it
"
        ),
    );
}

#[test]
fn what_only_concerns_storage_is_ignored_aloud() {
    check(
        "\
CREATE MATERIALIZED VIEW v (a) USING heap WITH (fillfactor = 70) TABLESPACE t AS (SELECT 1) WITH NO DATA;
CREATE UNLOGGED MATERIALIZED VIEW w AS SELECT 1;
COMMENT ON MATERIALIZED VIEW v IS 'ü';
CREATE MATERIALIZED VIEW a.b.c AS SELECT 1;",
        "\
Warning HW0110: USING is ignored: Headwater stores the model in a table of its own
  m.sql:1 «USING heap» ignored
  hint: remove it
Warning HW0110: WITH (…) is ignored: Headwater stores the model in a table of its own
  m.sql:1 «WITH (fillfactor = 70)» ignored
  hint: remove it
Warning HW0110: TABLESPACE is ignored: Headwater stores the model in a table of its own
  m.sql:1 «TABLESPACE t» ignored
  hint: remove it
Warning HW0110: WITH NO DATA is ignored: a model is always filled
  m.sql:1 «WITH NO DATA» ignored
  hint: remove it
Error HW0103: materialized views cannot be unlogged
  m.sql:2 «UNLOGGED» not possible
  hint: remove UNLOGGED
Note HW0110: COMMENT ON MATERIALIZED VIEW is ignored
  m.sql:3 «COMMENT ON MATERIALIZED VIEW» ignored
  hint: an SQL comment (-- …) before the model serves its readers here
Error HW0103: a model's name has at most a schema before it
  m.sql:4 «a.b.c» too many parts
  hint: leave the database out: models live in the database that Headwater connects to
",
    );
    let found = models(&[("m.sql", "CREATE MATERIALIZED VIEW v AS (SELECT 1 AS data) -- x\n;")]);
    assert_eq!(found[0].select, "(SELECT 1 AS data)");
}

#[test]
fn deep_statements_parse_or_are_refused() {
    let model = |select: String| format!("CREATE MATERIALIZED VIEW v AS SELECT {select};");
    for select in [format!("1{}", " + 1".repeat(4_000)), format!("{}1{}", "(SELECT ".repeat(1_000), ")".repeat(1_000))]
    {
        assert_eq!(models(&[("m.sql", &model(select))]).len(), 1);
    }
    for select in ["NOT ".repeat(20_000) + "a", format!("1{}", " + 1".repeat(20_000))] {
        check(
            &model(select),
            "Error HW0112: the statement is nested too deeply\n  m.sql:1 «CREATE» starts here\n  hint: move parts of it \
             into views, or write a chain of operators with parentheses in halves\n",
        );
    }
}
