//! What is installed: the rows of `headwater.model`.

use headwater_catalog::QualifiedName;
use headwater_compile::{Compare, SourceFile};
use tokio_postgres::{GenericClient, Row};

use crate::error::{During, Error};
use crate::verify::tick_function;
use crate::wanted::Generations;

/// Where a version of a model is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Set by `apply` with the version's objects; its triggers maintain it; nobody reads it yet. Durable.
    Building,
    /// Set by the swap: the public view reads it. Durable.
    Serving,
    /// Set by a trigger function whose maintenance failed, from `building` or `serving`. `verify --repair` sets it
    /// back; a broken version that never served is built anew.
    Broken,
    /// Set by the swap that replaced or removed it; its objects are dropped next.
    Retired,
}

impl State {
    fn parse(text: &str) -> Self {
        match text {
            "building" => Self::Building,
            "serving" => Self::Serving,
            "retired" => Self::Retired,
            _ => Self::Broken,
        }
    }
}

/// One version of one model in the database.
#[derive(Debug, Clone)]
pub struct InstalledModel {
    /// The public name.
    pub name: QualifiedName,
    /// The version.
    pub version: String,
    /// The model table's name in the schema `headwater`.
    pub table_name: String,
    /// Where it is in its life.
    pub state: State,
    /// Why it is broken.
    pub reason: Option<String>,
    /// True once the public view has read it.
    pub served: bool,
    /// Rows change as time passes.
    pub timed: bool,
    /// It is maintained in batches.
    pub eventual: bool,
    /// Its part of a batch, once batches have it.
    pub step: Option<String>,
    /// Computes everything afresh.
    pub rebuild: String,
    /// The columns that identify a row.
    pub key_columns: Vec<String>,
    /// The columns that readers see.
    pub columns: Vec<String>,
    /// Who may read it where it is served, in the words of the option.
    pub access: Option<String>,
    /// `live` or `append` where its changes are in the log.
    pub retain: Option<String>,
    /// Of an event log whose rows go with their key in the SELECT: the columns that follow it, too.
    pub follow: Option<Vec<String>>,
    /// The public view shows stored columns just as they are, in an order at most.
    pub plain: bool,
    /// The source tables, as quoted qualified names.
    pub sources: Vec<String>,
    /// The declaration as its author wrote it.
    pub definition: String,
    /// The file it came from.
    pub file: String,
    /// How often it was refreshed.
    pub generation: i32,
    /// How it is compared with its SELECT.
    pub compare: Compare,
    /// The statements that drop its objects.
    pub discard: Vec<String>,
    /// The ends of the ranges of its fill, once the fill has begun.
    pub boundaries: Option<Vec<String>>,
    /// How many ranges are filled.
    pub filled_ranges: i32,
    /// All of them are.
    pub filled: bool,
}

/// Everything in `headwater.model`; empty where nothing is installed.
pub async fn load(client: &impl GenericClient) -> Result<Vec<InstalledModel>, Error> {
    if !is_present(client).await? {
        return Ok(Vec::new());
    }
    let rows = client.query(include_str!("../sql/installed.sql"), &[]).await.during("reading the installed models")?;
    rows.iter().map(from_row).collect()
}

/// True where Headwater's schema is installed. An error where the schema's name is taken by something else.
pub async fn is_present(client: &impl GenericClient) -> Result<bool, Error> {
    let row = client
        .query_one(include_str!("../sql/schema_state.sql"), &[])
        .await
        .during("looking for the schema headwater")?;
    match (row.get("present"), row.get("ours")) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => Err(Error::ForeignSchema),
    }
}

/// The declarations of the serving models as files, so that they can be compiled without the project's folder.
#[must_use]
pub fn definitions(installed: &[InstalledModel]) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for model in installed.iter().filter(|model| model.serves()) {
        files.push(SourceFile {
            path: format!("{} ({})", model.file, model.name.short()),
            text: model.definition.clone(),
        });
    }
    files
}

/// How often each serving model was refreshed.
#[must_use]
pub fn generations(installed: &[InstalledModel]) -> Generations {
    installed.iter().filter(|model| model.served).map(|model| (model.name.clone(), model.generation)).collect()
}

impl InstalledModel {
    /// The function to call as time passes; eventual models have batches for that.
    #[must_use]
    pub fn tick(&self) -> Option<String> {
        (self.timed && !self.eventual).then(|| tick_function(&self.name, &self.version))
    }

    /// True for what the compiler added to a declared model: a side, which comes and goes with that model.
    #[must_use]
    pub fn is_side(&self) -> bool {
        self.definition.is_empty()
    }

    /// True while the public view reads it, broken or not.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.served && self.state != State::Retired
    }
}

fn from_row(row: &Row) -> Result<InstalledModel, Error> {
    let name = QualifiedName::parse(row.get("schema_name"), row.get("name")).map_err(|_| Error::ForeignSchema)?;
    Ok(InstalledModel {
        name,
        version: row.get("version"),
        table_name: row.get("table_name"),
        state: State::parse(row.get("state")),
        reason: row.get("reason"),
        served: row.get::<_, Option<String>>("installed_at").is_some(),
        timed: row.get("timed"),
        eventual: row.get::<_, &str>("mode") == "eventual",
        step: row.get("step"),
        rebuild: row.get::<_, Option<String>>("rebuild").unwrap_or_default(),
        key_columns: row.get("key_columns"),
        columns: row.get("columns"),
        access: row.get("access"),
        retain: row.get("retain"),
        follow: row.get("follow"),
        plain: row.get("plain"),
        sources: row.get("sources"),
        definition: row.get("definition"),
        file: row.get("file"),
        generation: row.get("generation"),
        compare: Compare {
            summary: row.get("compare_summary"),
            sample: row.get("compare_sample"),
            repair: row.get("compare_repair"),
        },
        discard: row.get("discard"),
        boundaries: row.get("boundaries"),
        filled_ranges: row.get("filled_ranges"),
        filled: row.get("filled"),
    })
}
