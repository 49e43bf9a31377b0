//! **stages**: where the time of a trigger goes. The same `INSERT` of one row into like tables, each with a trigger that does a
//! little more; one client, without waiting for the disk, so that the backend's CPU time is what counts.

use std::sync::Arc;

use crate::arena::{Arena, prepare};
use crate::compare::{Measured, Spread, Variant, compare};
use crate::load::{Feed, Found, Load, Value};
use crate::report::{Bar, Outcome, figure, spread};
use crate::{Effort, Failure};

/// Projects in each table of counts.
const PROJECTS: i32 = 10_000;

/// How many turns are made of one.
const TURNS: u32 = 4;

/// A trigger that does so much.
struct Stage {
    name: &'static str,
    /// Per row, or per statement with a transition table.
    per_row: bool,
    definer: bool,
    declare: &'static str,
    body: &'static str,
}

const UPDATE_ROW: &str = "UPDATE {counts} SET n = n + 1 WHERE project_id = NEW.project_id;";
const CAUGHT: &str = "BEGIN NULL; EXCEPTION WHEN OTHERS THEN NULL; END;";
const READ: &str = "BEGIN SELECT project_id INTO p FROM hw_new; EXCEPTION WHEN OTHERS THEN NULL; END;";
const UPDATE: &str = "BEGIN
    SELECT project_id INTO p FROM hw_new;
    UPDATE {counts} SET n = n + 1 WHERE project_id = p;
  EXCEPTION WHEN OTHERS THEN NULL; END;";
const GROUPED: &str = "BEGIN
    UPDATE {counts} AS c SET n = c.n + a.n
    FROM (SELECT project_id, count(*) AS n FROM hw_new WHERE is_upvote GROUP BY project_id) AS a
    WHERE c.project_id = a.project_id;
  EXCEPTION WHEN OTHERS THEN NULL; END;";
const LOOP: &str = "BEGIN
    FOR r IN SELECT project_id, count(*) AS n FROM hw_new WHERE is_upvote GROUP BY project_id ORDER BY 1 LOOP
      UPDATE {counts} AS c SET n = c.n + r.n WHERE c.project_id = r.project_id;
    END LOOP;
  EXCEPTION WHEN OTHERS THEN NULL; END;";
const ASK_FIRST: &str = "BEGIN
    SELECT project_id, is_upvote, count(*) OVER () AS hw_rows INTO r FROM hw_new LIMIT 1;
    IF r.hw_rows = 1 THEN
      IF r.is_upvote THEN
        UPDATE {counts} SET n = n + 1 WHERE project_id = r.project_id;
      END IF;
    END IF;
  EXCEPTION WHEN OTHERS THEN NULL; END;";
const KEY_LOCK: &str = "BEGIN
    SELECT project_id INTO p FROM hw_new;
    INSERT INTO key_lock AS l (id) VALUES (p) ON CONFLICT (id) DO UPDATE SET v = l.v + 1;
    UPDATE {counts} SET n = n + 1 WHERE project_id = p;
  EXCEPTION WHEN OTHERS THEN NULL; END;";

#[rustfmt::skip]
const STAGES: &[Stage] = &[
    Stage { name: "row trigger, empty", per_row: true, definer: false, declare: "", body: "" },
    Stage { name: "row trigger, UPDATE", per_row: true, definer: false, declare: "", body: UPDATE_ROW },
    Stage { name: "statement trigger, empty", per_row: false, definer: false, declare: "", body: "" },
    Stage { name: "  + EXCEPTION block", per_row: false, definer: false, declare: "", body: CAUGHT },
    Stage { name: "  + SECURITY DEFINER", per_row: false, definer: true, declare: "", body: CAUGHT },
    Stage { name: "  + read the transition table", per_row: false, definer: true, declare: "p int;", body: READ },
    Stage { name: "  + UPDATE", per_row: false, definer: true, declare: "p int;", body: UPDATE },
    Stage { name: "  + key lock", per_row: false, definer: true, declare: "p int;", body: KEY_LOCK },
    Stage { name: "one row asked for first, UPDATE", per_row: false, definer: true, declare: "r record;", body: ASK_FIRST },
    Stage { name: "UPDATE … FROM grouped rows", per_row: false, definer: true, declare: "", body: GROUPED },
    Stage { name: "FOR grouped rows LOOP UPDATE", per_row: false, definer: true, declare: "r record;", body: LOOP },
];

pub async fn run(arena: &Arena) -> Result<Outcome, Failure> {
    arena.base("stages_base", "empty", async |_| Ok(())).await?;
    let config = arena.copy("stages_base", "stages").await?;
    let tables = arena.baseline("stages.sql")?;
    let mut script = String::from(
        "CREATE TABLE key_lock (id int PRIMARY KEY, v bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);\n",
    );
    script.push_str(&named(&tables, 0));
    for (number, stage) in STAGES.iter().enumerate() {
        script.push_str(&named(&tables, number + 1));
        script.push_str(&trigger(stage, number + 1));
    }
    prepare(&config, &script).await?;
    let model = arena.copy("stages_base", "stages_headwater").await?;
    let own = format!(
        "{}\nINSERT INTO projects SELECT n, '' FROM generate_series(0, {PROJECTS} - 1) AS n",
        arena.baseline("group_size.sql")?
    );
    prepare(&model, &own).await?;
    arena.apply(&model, &[arena.baseline_model("group_counts.sql")?]).await?;

    let feed: Feed = Arc::new(|_, _| {
        let mut n = 0_i32;
        Box::new(move || {
            n = (n + 7919) % PROJECTS;
            vec![Value::Int(n)]
        })
    });
    let variant = |name: &str, config: &headwater_postgres::Config, table: &str| {
        let load = Load {
            config: config.clone(),
            clients: 1,
            setup: "SET synchronous_commit = off".to_owned(),
            sql: format!("INSERT INTO {table} (project_id) VALUES ($1)"),
            feed: Arc::clone(&feed),
        };
        Variant { name: name.to_owned(), load, against: (name != "bare").then_some(0), limit: None }
    };
    let mut variants = vec![variant("bare", &config, "stage_0")];
    variants
        .extend(STAGES.iter().enumerate().map(|(n, stage)| variant(stage.name, &config, &format!("stage_{}", n + 1))));
    variants.push(variant("headwater, one model (two counts)", &model, "votes"));
    // Many short turns: noise only ever adds, so the cheapest turn says most.
    let effort = Effort { turn: arena.effort.turn / TURNS, rounds: arena.effort.rounds * TURNS, ..arena.effort };
    Ok(outcome(&compare(&arena.with(effort), "one row", &variants).await?))
}

/// CPU time only: of the cheapest turn, and what that is above bare.
fn outcome(measured: &[Measured]) -> Outcome {
    let least = |row: &Measured| Spread::of(row.turns.iter().map(Found::cpu_each)).min;
    let bare = least(&measured[0]);
    let mut outcome = Outcome::of(measured);
    outcome.table =
        vec![["stage", "CPU µs", "above bare", "CPU ratio (min–max)", "median CPU µs"].map(str::to_owned).to_vec()];
    outcome.bars.clear();
    for row in measured {
        let cpu = least(row);
        let ratio = row.cpu_ratio.map(spread).unwrap_or_default();
        outcome.table.push(vec![
            row.variant.clone(),
            figure(cpu),
            figure(cpu - bare),
            ratio,
            figure(row.median(Found::cpu_each)),
        ]);
        let value = Spread::of(row.turns.iter().map(Found::cpu_each));
        outcome.bars.push(Bar {
            group: "backend CPU, µs a statement".into(),
            label: row.variant.trim().to_owned(),
            value,
            limit: None,
        });
    }
    outcome
}

fn named(sql: &str, number: usize) -> String {
    sql.replace("{table}", &format!("stage_{number}")).replace("{counts}", &format!("counts_{number}"))
}

fn trigger(stage: &Stage, number: usize) -> String {
    let declare = if stage.declare.is_empty() { String::new() } else { format!("DECLARE {}", stage.declare) };
    let definer = if stage.definer { " SECURITY DEFINER" } else { "" };
    let (table, each) = if stage.per_row { ("", "ROW") } else { (" REFERENCING NEW TABLE AS hw_new", "STATEMENT") };
    let text = format!(
        "CREATE FUNCTION on_stage_{number}() RETURNS trigger LANGUAGE plpgsql{definer} AS $$\n{declare}\nBEGIN\n  {body}\n  RETURN NULL;\nEND\n$$;\n\
         CREATE TRIGGER t AFTER INSERT ON {{table}}{table} FOR EACH {each} EXECUTE FUNCTION on_stage_{number}();\n",
        body = stage.body,
    );
    named(&text, number)
}
