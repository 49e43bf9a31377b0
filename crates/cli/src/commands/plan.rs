//! `headwater plan`: what apply would do, and how each model is maintained.

use headwater_compile::{CompiledModel, Statement};
use headwater_deploy::{Plan, plan};
use serde_json::{Value, json};

use crate::arguments;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, draw};

pub async fn run(session: &Session, options: &arguments::Plan) -> Outcome {
    let project = session.project()?;
    let mut client = session.target().await?.connect().await?;
    let plan = plan(&mut client, &project.files).await?;
    let errors = plan.wanted.problems.errors();
    if session.json {
        outln!("{}", as_json(&plan, options.sql && errors == 0));
    } else {
        draw::problems(&plan.wanted.problems);
        print(&plan, options.sql && errors == 0);
    }
    Ok(if errors == 0 { FINE } else { FOUND })
}

fn print(plan: &Plan, with_sql: bool) {
    for model in &plan.wanted.models {
        print_model(plan, model);
        if with_sql {
            print_statements(&plan.statements(model));
        }
    }
    for change in
        plan.diff.changes.iter().filter(|change| !plan.wanted.models.iter().any(|model| model.name == change.name))
    {
        outln!("{}  {}", change.name.short(), change.action);
    }
    for gap in &plan.gaps {
        let what = if gap.disabled { "is disabled" } else { "is missing" };
        outln!("the trigger {} on {} {what}", gap.function, gap.relation);
    }
    for change in &plan.access {
        outln!("{change}");
    }
    if with_sql {
        outln!("-- the triggers of all models\n");
        print_statements(&plan.trigger_statements());
    }
    if plan.is_empty() {
        outln!("nothing to do");
    }
}

fn print_model(plan: &Plan, model: &CompiledModel) {
    let (action, resumes) = plan.change(model).map_or((String::new(), ""), |change| {
        (change.action.to_string(), if change.resumes { " (its build goes on)" } else { "" })
    });
    outln!("{}  {action}{resumes}", model.name.short());
    outln!("  tier     {}", model.tier);
    for line in model.explanation.lines() {
        outln!("  {line}");
    }
    outln!();
}

fn print_statements(statements: &[Statement]) {
    for statement in statements {
        outln!("-- {}\n{};\n", statement.comment, statement.sql);
    }
}

fn as_json(plan: &Plan, with_sql: bool) -> Value {
    let model = |model: &CompiledModel| {
        let mut value = json!({
            "name": model.name.short(), "file": model.file, "version": model.version, "tier": model.tier,
            "key": model.key, "timed": model.timed, "explanation": model.explanation,
            "sources": model.sources.iter().map(|source| source.short()).collect::<Vec<_>>(),
        });
        if with_sql {
            value["statements"] = json!(plan.statements(model));
        }
        value
    };
    let mut value = json!({
        "models": plan.wanted.models.iter().map(model).collect::<Vec<_>>(),
        "changes": plan.diff.changes,
        "missing_triggers": plan.gaps,
        "access": plan.access,
        "diagnostics": draw::problems_json(&plan.wanted.problems),
    });
    if with_sql {
        value["triggers"] = json!(plan.trigger_statements());
    }
    value
}
