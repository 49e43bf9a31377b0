//! `plan` and `apply`: the sequence that brings a database from what is installed to what is wanted.

use std::time::Duration;

use headwater_catalog::QualifiedName;
use headwater_compile::{CompiledModel, Diagnostic, Member, Mode, Queue, Severity, SourceFile, Statement};
use headwater_postgres::{Config, SchemaLock, connect};
use tokio_postgres::{Client, GenericClient};

use crate::access::{self, AccessChange};
use crate::batch;
use crate::build::{build, discard, start_over};
use crate::diff::{Action, Change, Diff, diff};
use crate::error::{During, Error, Problems};
use crate::fill::fill;
use crate::install::{INSTALL, install, installed_version};
use crate::installed::{self, InstalledModel};
use crate::locks::{Locking, Patience};
use crate::precheck;
use crate::progress::Progress;
use crate::queues;
use crate::swap::{self, Swap, wait_for_old_snapshots};
use crate::triggers::{self, Gap, Orphans};
use crate::verify;
use crate::wanted::{self, Generations, Wanted};

/// How `apply` goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long and how often table locks are waited for.
    pub patience: Patience,
    /// Rows in one range of a fill.
    pub rows_per_range: i64,
    /// How long another apply is waited for.
    pub wait_for_others: Duration,
}

impl Default for Options {
    /// 5,000 rows make a transaction of some tenths of a second: short for vacuum, long against its overhead.
    fn default() -> Self {
        Self { patience: Patience::default(), rows_per_range: 5_000, wait_for_others: Duration::from_secs(3600) }
    }
}

/// What `apply` would do.
#[derive(Debug)]
pub struct Plan {
    /// The models, compiled.
    pub wanted: Wanted,
    /// What is installed.
    pub installed: Vec<InstalledModel>,
    /// What differs.
    pub diff: Diff,
    /// Serving triggers that are missing or disabled.
    pub gaps: Vec<Gap>,
    /// Models that others may read than before.
    pub access: Vec<AccessChange>,
}

impl Plan {
    /// True where `apply` has nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diff.is_empty() && self.gaps.is_empty() && self.access.is_empty()
    }

    /// The change of one model.
    #[must_use]
    pub fn change(&self, model: &CompiledModel) -> Option<&Change> {
        self.diff.changes.iter().find(|change| change.name == model.name)
    }

    /// The models to build: those that read the tables of others after those others.
    pub fn to_build(&self) -> impl Iterator<Item = &CompiledModel> {
        let built = |model: &&CompiledModel| self.diff.to_build().any(|change| change.name == model.name);
        let (with_sides, without): (Vec<_>, Vec<_>) =
            self.wanted.models.iter().filter(built).partition(|model| !model.sides.is_empty());
        without.into_iter().chain(with_sides)
    }

    /// The statements that make one model, those of its fill included.
    #[must_use]
    pub fn statements(&self, model: &CompiledModel) -> Vec<Statement> {
        let mut statements = model.build.clone();
        let fill =
            |sql: &String| Statement { sql: sql.clone(), comment: "fill, once per range of keys".into(), undo: None };
        statements.extend(model.fill.step.iter().map(fill));
        let sql = format!("CREATE OR REPLACE VIEW {} AS\n{}", model.name, model.finish);
        statements.push(Statement {
            sql,
            comment: "what readers see".into(),
            undo: Some(format!("DROP VIEW {}", model.name)),
        });
        statements
    }

    /// The statements of the triggers that all models share.
    #[must_use]
    pub fn trigger_statements(&self) -> Vec<Statement> {
        self.wanted
            .serving_triggers()
            .into_iter()
            .flat_map(|source| source.functions.into_iter().chain(source.triggers))
            .collect()
    }
}

/// What `apply` did.
#[derive(Debug, Default)]
pub struct Applied {
    /// One per model, wanted or removed.
    pub changes: Vec<Change>,
    /// What was filled.
    pub built: Vec<Built>,
    /// Models that others may read than before.
    pub access: Vec<AccessChange>,
    /// Unchanged models that were repaired because triggers of theirs had been missing: name and repaired keys.
    pub repaired: Vec<(String, i64)>,
    /// Unchanged models that are marked broken, and why; `verify --repair` is for them.
    pub broken: Vec<(String, String)>,
    /// Warnings and notes, with the files.
    pub problems: Problems,
}

/// One model that was built.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Built {
    /// The model.
    pub name: String,
    /// Its rows when it was verified.
    pub rows: i64,
    /// How long its fill took in all, interruptions left out.
    pub backfill_ms: u64,
}

/// Compiles `files` against the database and compares with what is installed. Writes nothing. Problems are in
/// [`Wanted::problems`]; those of the database are among them.
pub async fn plan(client: &mut Client, files: &[SourceFile]) -> Result<Plan, Error> {
    let installed = installed::load(client).await?;
    let wanted = wanted::compile(client, files, &installed::generations(&installed)).await?;
    compare(client, wanted, installed).await
}

async fn compare(
    client: &impl GenericClient,
    mut wanted: Wanted,
    installed: Vec<InstalledModel>,
) -> Result<Plan, Error> {
    let names = wanted.models.iter().map(|model| (model.name.clone(), model.version.clone())).collect();
    let mut diff = diff(&names, &installed);
    keep_refused(&mut diff, &wanted);
    wanted.problems.diagnostics.extend(precheck::check(client, &wanted, &diff).await?);
    let gaps = match installed_version(client).await? {
        Some(_) => trigger_gaps(client, &wanted).await?,
        None => Vec::new(),
    };
    let access = access::changes(&wanted, &installed);
    Ok(Plan { wanted, installed, diff, gaps, access })
}

/// A model that was declared and did not compile is not one that was removed.
fn keep_refused(diff: &mut Diff, wanted: &Wanted) {
    diff.changes.retain(|change| change.action != Action::Removed || !wanted.declared.contains_key(&change.name));
}

/// The serving triggers that are missing now: recorded ones that are gone or disabled, or lacking on new partitions;
/// and those that this program generates differently from what is recorded.
async fn trigger_gaps(client: &impl GenericClient, wanted: &Wanted) -> Result<Vec<Gap>, Error> {
    triggers::gaps(client, &triggers::pairs(&wanted.serving_triggers())).await
}

/// Brings the database to the models in `files`. Nothing is written where there is an error in any of them.
pub async fn apply(
    config: &Config,
    files: &[SourceFile],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Applied, Error> {
    let mut lock = take_lock(config, options, progress).await?;
    let plan = plan(&mut lock, files).await?;
    carry_out(&mut lock, plan, options, progress).await
}

/// As [`apply`], for models that are taken from what is installed: `refresh` and `remove` use it.
pub(crate) async fn apply_installed(
    lock: &mut SchemaLock,
    keep: impl Fn(&InstalledModel) -> bool,
    generations: impl Fn(&InstalledModel) -> i32,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Applied, Error> {
    let installed = installed::load(&**lock).await?;
    let kept: Vec<_> = installed.iter().filter(|model| model.serves() && keep(model)).cloned().collect();
    let generations: Generations = kept.iter().map(|model| (model.name.clone(), generations(model))).collect();
    let mut wanted = wanted::compile(lock, &installed::definitions(&kept), &generations).await?;
    for model in &mut wanted.models {
        if let Some(origin) = kept.iter().find(|origin| origin.name == model.name) {
            model.file.clone_from(&origin.file);
        }
    }
    for model in kept.iter().filter(|model| generations[&model.name] == model.generation) {
        same_compiler(model, &wanted)?;
    }
    let plan = compare(&**lock, wanted, installed).await?;
    carry_out(lock, plan, options, progress).await
}

/// What is left alone must compile to what is installed: its triggers are generated together with the others.
fn same_compiler(model: &InstalledModel, wanted: &Wanted) -> Result<(), Error> {
    match wanted.models.iter().find(|compiled| compiled.name == model.name) {
        Some(compiled) if compiled.version != model.version => Err(Error::OtherCompiler {
            model: model.name.short(),
            installed: model.version.clone(),
            compiled: compiled.version.clone(),
        }),
        _ => Ok(()),
    }
}

/// Takes the schema lock; says so when another apply holds it.
pub(crate) async fn take_lock(
    config: &Config,
    options: &Options,
    progress: &dyn Progress,
) -> Result<SchemaLock, Error> {
    match SchemaLock::acquire(connect(config).await?, Duration::ZERO).await {
        Err(busy @ headwater_postgres::Error::Busy { .. }) => progress.say(&format!("{busy}; waiting for it")),
        taken => return Ok(taken?),
    }
    Ok(SchemaLock::acquire(connect(config).await?, options.wait_for_others).await?)
}

/// The sequence. Each step is a short transaction, and every prefix of it leaves a state that the next apply either
/// goes on with or drops.
async fn carry_out(
    lock: &mut SchemaLock,
    plan: Plan,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Applied, Error> {
    if plan.wanted.problems.errors() > 0 {
        return Err(Error::Problems(plan.wanted.problems));
    }
    let broken = broken(&plan);
    if plan.is_empty() && everything_is_recorded(&**lock, &plan.wanted).await? {
        return Ok(Applied {
            changes: plan.diff.changes,
            broken,
            problems: plan.wanted.problems,
            ..Applied::default()
        });
    }
    install(lock).await?;
    drop_stale(lock, &plan, options, progress).await?;
    build_new(lock, &plan, progress).await?;
    let building: Vec<_> = plan.to_build().collect();
    maintain_building(lock, &plan, &building, options, progress).await?;
    let built = fill_all(lock, &building, options, progress).await?;
    if !building.is_empty() {
        wait_for_old_snapshots(lock, progress).await?;
    }
    let swap = Swap::prepare(&**lock, &plan).await?;
    swap.run(lock, options.patience, progress).await?;
    drop_retired(lock).await?;
    let repaired = repair_after_gaps(lock, &plan).await?;
    Ok(Applied {
        changes: plan.diff.changes,
        built,
        access: plan.access,
        repaired,
        broken,
        problems: plan.wanted.problems,
    })
}

/// The broken models that stay as they are.
fn broken(plan: &Plan) -> Vec<(String, String)> {
    let unchanged = |model: &&InstalledModel| {
        plan.diff.changes.iter().any(|change| change.name == model.name && change.action == Action::Unchanged)
    };
    let broken = plan.installed.iter().filter(|model| model.serves() && model.state == installed::State::Broken);
    broken.filter(unchanged).map(|model| (model.name.short(), model.reason.clone().unwrap_or_default())).collect()
}

async fn everything_is_recorded(client: &impl GenericClient, wanted: &Wanted) -> Result<bool, Error> {
    if installed_version(client).await? != Some(crate::install::SCHEMA_VERSION) {
        return Ok(false);
    }
    let sql = "SELECT value FROM headwater.meta WHERE key = 'batches'";
    let batches = client.query_opt(sql, &[]).await.during("reading the version of the batches")?;
    if batches.is_none_or(|row| row.get::<_, String>(0) != swap::batches_version(wanted)) {
        return Ok(false);
    }
    let serving = wanted.serving_triggers();
    let recorded = triggers::recorded(client).await?;
    let same = |source: &headwater_compile::SourceTriggers| {
        recorded.get(&source.table.to_string()).is_some_and(|(version, _)| *version == triggers::version(source))
    };
    Ok(recorded.len() == serving.len() && serving.iter().all(same))
}

/// Drops the versions that an earlier apply left and nobody wants. Their triggers are shared with the versions whose
/// build goes on, so those begin their fill anew.
async fn drop_stale(
    lock: &mut SchemaLock,
    plan: &Plan,
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let never_served = plan.installed.iter().any(|model| !model.served && plan.diff.stale.contains(&model.table_name));
    if never_served {
        let recorded = triggers::recorded(&**lock).await?;
        let keep = recorded.into_values().flat_map(|(_, functions)| functions).collect();
        Orphans::find(&**lock, &keep).await?.drop(lock, options.patience, progress).await?;
        for model in resumed(plan) {
            start_over(&**lock, model.table.name.as_str()).await?;
        }
    }
    leave_batches(lock, plan).await?;
    for table in &plan.diff.stale {
        discard(lock, table).await?;
    }
    Ok(())
}

/// What is dropped next is no longer part of any batch: the functions that batches call name the tables of all members.
async fn leave_batches(lock: &mut SchemaLock, plan: &Plan) -> Result<(), Error> {
    let stale = |model: &InstalledModel| plan.diff.stale.contains(&model.table_name);
    let models = installed::load(&**lock).await?;
    if !models.iter().any(|model| stale(model) && model.step.is_some()) {
        return Ok(());
    }
    let doing = "taking what was left half-built out of the batches";
    let installed: Vec<Queue> = queues::load(&**lock).await?.into_iter().map(|installed| installed.queue).collect();
    let members = members(models.iter().filter(|model| !stale(model)));
    let transaction = lock.transaction().await.during(doing)?;
    transaction.batch_execute(&batch::keep_out()).await.during(doing)?;
    for statement in headwater_compile::batches(&[], &[], &installed, &members, &plan.wanted.catalog) {
        transaction.batch_execute(&statement.sql).await.during(doing)?;
    }
    let sql = "UPDATE headwater.model SET step = NULL WHERE table_name = ANY ($1)";
    transaction.execute(sql, &[&plan.diff.stale]).await.during(doing)?;
    // What the batches call is not what the swap recorded any more.
    transaction.batch_execute("DELETE FROM headwater.meta WHERE key = 'batches'").await.during(doing)?;
    transaction.batch_execute(&batch::next_generation()).await.during(doing)?;
    transaction.commit().await.during(doing)
}

/// The models among these that batches maintain.
fn members<'a>(models: impl Iterator<Item = &'a InstalledModel>) -> Vec<Member> {
    models
        .filter_map(|model| {
            let table = QualifiedName::parse("headwater", &model.table_name).ok()?;
            Some(Member { table, step: model.step.clone()?, timed: model.timed })
        })
        .collect()
}

fn resumed(plan: &Plan) -> impl Iterator<Item = &CompiledModel> {
    plan.to_build().filter(|model| plan.change(model).is_some_and(|change| change.resumes))
}

async fn build_new(lock: &mut SchemaLock, plan: &Plan, progress: &dyn Progress) -> Result<(), Error> {
    let new: Vec<_> =
        plan.to_build().filter(|model| plan.change(model).is_some_and(|change| !change.resumes)).collect();
    progress.begin("creating tables", new.len() as u64);
    for (done, model) in new.into_iter().enumerate() {
        progress.done(done as u64);
        build(lock, &plan.wanted, model).await?;
    }
    progress.end();
    Ok(())
}

/// Puts the triggers in place that maintain the versions being built. A version whose fill goes on and whose triggers
/// have been away begins anew: it may have missed changes.
async fn maintain_building(
    lock: &mut SchemaLock,
    plan: &Plan,
    building: &[&CompiledModel],
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), Error> {
    if building.is_empty() {
        return Ok(());
    }
    let going_on: Vec<_> = resumed(plan).collect();
    let installed = queues::load(&**lock).await?;
    let unfed: Vec<Queue> = plan
        .wanted
        .queues
        .iter()
        .filter(|queue| !installed.iter().any(|installed| installed.serving && installed.queue.name == queue.name))
        .cloned()
        .collect();
    let gaps = triggers::gaps(&**lock, &triggers::pairs(&plan.wanted.building_triggers(&going_on, &unfed))).await?;
    for model in going_on {
        if model.sources.iter().any(|source| gaps.iter().any(|gap| gap.source == source.to_string())) {
            start_over(&**lock, model.table.name.as_str()).await?;
        }
    }
    create_queues(lock, &unfed).await?;
    let triggers = plan.wanted.building_triggers(building, &unfed);
    triggers::install_building(lock, &triggers, &plan.wanted.catalog, options.patience, progress).await?;
    take_into_batches(lock, plan, building, &unfed).await?;
    empty_unfilled(lock, building, options, progress).await
}

/// Triggers come table by table, and those that came first have made rows that miss what happened to tables whose triggers came later. A
/// fill adds what is not there and leaves alone what is, so it begins with nothing. The lock waits for writers under way who have made
/// such rows; whoever comes after them finds all triggers.
async fn empty_unfilled(
    lock: &mut SchemaLock,
    building: &[&CompiledModel],
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let names: Vec<&str> = building.iter().map(|model| model.table.name.as_str()).collect();
    let sql = "SELECT table_name FROM headwater.model WHERE table_name = ANY ($1) AND boundaries IS NULL";
    let unfilled = lock.query(sql, &[&names]).await.during("looking which fills have not begun")?;
    let unfilled: Vec<String> = unfilled.iter().map(|row| row.get(0)).collect();
    for model in building.iter().filter(|model| unfilled.contains(&model.table.name.as_str().to_owned())) {
        let doing = format!("emptying {} before its fill", model.name.short());
        let tables = [model.table.to_string()];
        Locking { doing: &doing, tables: &tables, exclusive: true, patience: options.patience }
            .run(lock, &[format!("TRUNCATE {}", model.table)], progress)
            .await?;
    }
    Ok(())
}

async fn create_queues(lock: &mut SchemaLock, unfed: &[Queue]) -> Result<(), Error> {
    let doing = "creating change queues";
    let transaction = lock.transaction().await.during(doing)?;
    for sql in unfed.iter().flat_map(queues::create) {
        transaction.batch_execute(&sql).await.during(doing)?;
    }
    transaction.commit().await.during(doing)
}

/// From now on every batch maintains the eventual versions that are being built, too.
async fn take_into_batches(
    lock: &mut SchemaLock,
    plan: &Plan,
    building: &[&CompiledModel],
    unfed: &[Queue],
) -> Result<(), Error> {
    let eventual: Vec<_> = building.iter().filter(|model| model.mode == Mode::Eventual).copied().collect();
    if eventual.is_empty() {
        return Ok(());
    }
    let doing = "taking what is built into the batches";
    let installed: Vec<Queue> = queues::load(&**lock).await?.into_iter().map(|installed| installed.queue).collect();
    let models = installed::load(&**lock).await?;
    let mut members = members(models.iter());
    members.retain(|member| eventual.iter().all(|model| model.table != member.table));
    let functions =
        headwater_compile::batches(&eventual, &plan.wanted.queues, &installed, &members, &plan.wanted.catalog);
    let transaction = lock.transaction().await.during(doing)?;
    transaction.batch_execute(&batch::keep_out()).await.during(doing)?;
    for statement in functions {
        transaction.batch_execute(&statement.sql).await.during(doing)?;
    }
    for queue in unfed {
        transaction.batch_execute(&queues::forget_seen(queue)).await.during(doing)?;
    }
    for model in eventual {
        let step = model.step.as_ref().map(ToString::to_string);
        let sql = "UPDATE headwater.model SET step = $2 WHERE table_name = $1";
        transaction.execute(sql, &[&model.table.name.as_str(), &step]).await.during(doing)?;
    }
    transaction.batch_execute(&batch::next_generation()).await.during(doing)?;
    transaction.commit().await.during(doing)
}

async fn fill_all(
    lock: &mut SchemaLock,
    building: &[&CompiledModel],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<Built>, Error> {
    let mut built = Vec::new();
    for model in building {
        let took = fill(lock, model, options.rows_per_range, progress).await?;
        let rows = check_exact(lock, model).await?;
        built.push(Built {
            name: model.name.short(),
            rows,
            backfill_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }
    Ok(built)
}

/// Nothing is served that has not been proved equal to its SELECT.
async fn check_exact(lock: &mut SchemaLock, model: &CompiledModel) -> Result<i64, Error> {
    let table = model.table.name.as_str();
    let found = match model.mode {
        Mode::Eventual => verify::compare_eventual(lock, &model.compare).await?,
        Mode::Realtime => {
            let tick = verify::tick_function(&model.name, &model.version);
            verify::compare(lock, &model.compare, model.timed.then_some(tick.as_str())).await?
        }
    };
    let installed = installed::load(&**lock).await?;
    let broken = installed.iter().find(|row| row.table_name == table && row.state == installed::State::Broken);
    if let Some(row) = broken {
        return Err(Error::BrokeWhileBuilding {
            model: model.name.short(),
            reason: row.reason.clone().unwrap_or_default(),
        });
    }
    if !found.is_exact() {
        let (missing, extra, altered) = (found.missing, found.extra, found.altered);
        return Err(Error::NotExact { model: model.name.short(), missing, extra, altered });
    }
    Ok(found.rows)
}

/// After the swap: its transaction held the source tables, so dropping, which may wait for readers, has its own.
async fn drop_retired(lock: &mut SchemaLock) -> Result<(), Error> {
    let retired: Vec<_> =
        installed::load(&**lock).await?.into_iter().filter(|model| model.state == installed::State::Retired).collect();
    for model in retired {
        discard(lock, &model.table_name).await?;
    }
    Ok(())
}

/// A trigger that was missing has missed changes.
async fn repair_after_gaps(lock: &mut SchemaLock, plan: &Plan) -> Result<Vec<(String, i64)>, Error> {
    let mut repaired = Vec::new();
    for change in plan.diff.changes.iter().filter(|change| change.action == Action::Unchanged) {
        let Some(model) = plan.wanted.models.iter().find(|model| model.name == change.name) else { continue };
        if model.sources.iter().any(|source| plan.gaps.iter().any(|gap| gap.source == source.to_string())) {
            let installed = installed::load(&**lock).await?;
            let Some(row) = installed.iter().find(|row| row.serves() && row.name == model.name) else { continue };
            repaired.push((model.name.short(), verify::repair(lock, row).await?));
        }
    }
    Ok(repaired)
}

/// The SQL that installs Headwater's own tables, for `plan --sql`.
#[must_use]
pub fn install_sql() -> &'static str {
    INSTALL
}

/// The diagnostics that are no errors.
#[must_use]
pub fn warnings(problems: &Problems) -> Vec<&Diagnostic> {
    problems.diagnostics.iter().filter(|diagnostic| diagnostic.severity != Severity::Error).collect()
}
