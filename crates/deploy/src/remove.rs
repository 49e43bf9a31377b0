//! `remove`: some models, or everything that Headwater has in a database.

use std::collections::BTreeSet;

use headwater_catalog::QualifiedName;
use headwater_compile::Diagnostic;
use headwater_postgres::Config;
use tokio_postgres::Client;

use crate::apply::{Applied, Options, apply_installed, take_lock};
use crate::error::{Error, Problems};
use crate::installed::{self, InstalledModel};
use crate::locks::{Locking, lock_tables, lockable};
use crate::progress::Progress;
use crate::triggers::Orphans;
use crate::verify::choose_declared;
use crate::view;

/// Removes these models and leaves the others as they are. When none is left, Headwater's schema goes too.
pub async fn remove(
    config: &Config,
    models: &[String],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Applied, Error> {
    let mut lock = take_lock(config, options, progress).await?;
    let installed = installed::load(&*lock).await?;
    let going: BTreeSet<_> = choose_declared(&installed, models)?.into_iter().map(|model| model.name.clone()).collect();
    let stays = |model: &InstalledModel| !going.contains(&model.name);
    if !installed.iter().any(|model| model.serves() && stays(model)) {
        drop(lock);
        remove_all(config, options, progress).await?;
        return Ok(Applied::default());
    }
    apply_installed(&mut lock, stays, |model| model.generation, options, progress).await
}

/// Removes everything: triggers, functions, public views, model tables, the schema `headwater`. In one transaction;
/// leaves no trace. Returns the names of the models that were there.
pub async fn remove_all(config: &Config, options: &Options, progress: &dyn Progress) -> Result<Vec<String>, Error> {
    let mut lock = take_lock(config, options, progress).await?;
    if !installed::is_present(&*lock).await? {
        return Ok(Vec::new());
    }
    let installed = installed::load(&*lock).await?;
    let views: BTreeSet<_> = installed.iter().filter(|model| model.served).map(|model| model.name.clone()).collect();
    refuse_dependents(&lock, &views).await?;
    let orphans = Orphans::find(&*lock, &BTreeSet::new()).await?;
    let mut statements = Vec::new();
    if !views.is_empty() {
        let names: Vec<_> = views.iter().map(ToString::to_string).collect();
        statements.push(format!("DROP VIEW IF EXISTS {}", names.join(", ")));
    }
    statements.extend(lock_tables(&lockable(&*lock, &orphans.tables).await?));
    statements.extend(orphans.drop_statements());
    statements.push("DROP SCHEMA headwater CASCADE".to_owned());
    let locking =
        Locking { doing: "removing Headwater", tables: &orphans.tables, exclusive: true, patience: options.patience };
    locking.run(&mut lock, &statements, progress).await?;
    Ok(views.iter().map(QualifiedName::short).collect())
}

/// The schema is dropped with CASCADE, so nothing of the application's may stand on a public view.
async fn refuse_dependents(client: &Client, views: &BTreeSet<QualifiedName>) -> Result<(), Error> {
    let going: Vec<_> = views.iter().map(ToString::to_string).collect();
    let mut diagnostics = Vec::new();
    for name in views {
        let dependents = view::dependents(client, name, &going).await?;
        if !dependents.is_empty() {
            let message = format!("{} cannot be removed: {} read it", name.short(), dependents.join(", "));
            diagnostics.push(Diagnostic::error(562, "", 0..0, message).hint("drop what depends on it first"));
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(Error::Problems(Problems { diagnostics, files: Vec::new() })) }
}
