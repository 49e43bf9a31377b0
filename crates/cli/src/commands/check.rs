//! `headwater check`: compile only.

use headwater_deploy::{Project, wanted};
use serde_json::json;

use crate::arguments::Check;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, draw};

pub async fn run(session: &Session, options: &Check) -> Outcome {
    let project = if options.files.is_empty() { session.project()? } else { Project::of_files(&options.files)? };
    let mut client = session.target().await?.connect().await?;
    let wanted = wanted::compile(&mut client, &project.files, &wanted::Generations::new()).await?;
    let errors = wanted.problems.errors();
    if session.json {
        let models: Vec<_> = wanted
            .models
            .iter()
            .map(
                |model| json!({ "name": model.name.short(), "tier": model.tier, "key": model.key, "file": model.file }),
            )
            .collect();
        outln!(
            "{}",
            json!({ "ok": errors == 0, "models": models, "diagnostics": draw::problems_json(&wanted.problems) })
        );
    } else {
        draw::problems(&wanted.problems);
        outln!("models that compile: {}, errors: {errors}", wanted.models.len());
    }
    Ok(if errors == 0 { FINE } else { FOUND })
}
