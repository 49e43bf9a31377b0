//! HW0832: keeping a model reads a large table from end to end.
//!
//! Two things are asked for each change: which keys it reaches, and what their rows are now. `users` renamed, `projects` joined by `user_id`:
//! without an index on `projects (user_id)` each rename reads all projects, inside the writer's transaction where the model is realtime. What is
//! planned is what the trigger functions and batches hold ([`headwater_compile::lookups`]), so the models are compiled from their
//! installed definitions.

use headwater_compile::{CompiledModel, Mode, lookups};
use headwater_deploy::Error;
use headwater_deploy::installed::{InstalledModel, definitions, generations};
use headwater_deploy::wanted;

use crate::finding::Finding;
use crate::look::Look;
use crate::queries::explain::{Query, add, finding, judge};

/// Looks at every model that serves.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    if look.models.iter().all(|model| !model.serves()) {
        return Ok(Vec::new());
    }
    let mut client = look.scratch().await?;
    let wanted = wanted::compile(&mut client, &definitions(&look.models), &generations(&look.models)).await?;
    let mut found = Vec::new();
    for installed in look.models.iter().filter(|model| model.serves()) {
        match wanted.models.iter().find(|model| model.name == installed.name) {
            Some(model) if model.version == installed.version => {
                for lookup in lookups(model, &wanted.catalog) {
                    look_at(look, model, &lookup, &mut found).await?;
                }
            }
            other => found.push(compiled_otherwise(installed, other)),
        }
    }
    Ok(found)
}

async fn look_at(
    look: &Look,
    model: &CompiledModel,
    lookup: &headwater_compile::Lookup,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let query = Query { sql: lookup.sql.clone(), parameters: Vec::new(), texts: false };
    let name = model.name.short();
    for judged in judge(look, &query, &format!("planning {} of {name}", lookup.what)).await? {
        // A batch's functions take an index wherever there is one.
        if judged.has_index && model.mode == Mode::Eventual {
            continue;
        }
        add(found, finding(look, 832, &name, &format!("{} of {name}", lookup.what), &judged));
    }
    Ok(())
}

/// A version that this program would not make: its statements are not known here.
fn compiled_otherwise(installed: &InstalledModel, compiled: Option<&CompiledModel>) -> Finding {
    let name = installed.name.short();
    let message = match compiled {
        Some(_) => format!("{name} is installed in another version than this program makes of its definition"),
        None => format!("the definition of {name} does not compile any more"),
    };
    Finding::warning(877, &name, message)
        .why("its tables, settings or Headwater have changed since; how it is kept was not looked at")
        .command("headwater apply")
}
