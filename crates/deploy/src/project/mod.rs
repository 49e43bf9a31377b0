//! A project folder: `headwater.toml` and `models/*.sql`. Only reading; nothing here knows a database.

pub mod bench;
pub mod doctor;
pub mod script;
pub mod serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater_compile::{Diagnostic, SourceFile};

use crate::error::{Error, Problems};
pub use bench::Bench;
pub use doctor::Doctor;
pub use serve::Serve;

/// `headwater.toml`, every key optional.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The database's address; the command line and `DATABASE_URL` go before it.
    pub database: Option<String>,
    /// The folder of models, `models` where not given.
    pub models: Option<PathBuf>,
    /// What `demo` loads and runs.
    pub demo: Demo,
    /// How the leader keeps house.
    pub maintain: Maintain,
    /// What is served over HTTP.
    pub serve: Serve,
    /// What `doctor` looks for.
    pub doctor: Doctor,
    /// What `bench` measures besides the routes.
    pub bench: Bench,
}

/// `[maintain]`: how `headwater maintain` keeps house. Times are written as `250ms`, `10s`, `5m`, `6h` or `30d`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Maintain {
    /// How long entries of the log are kept.
    #[serde(deserialize_with = "time")]
    pub log_keep: Duration,
    /// Within how long every model is compared with its SELECT once; `never`, that is zero, for never.
    #[serde(deserialize_with = "time")]
    pub verify_every: Duration,
    /// The share of the leader's time that these comparisons may take, in percent.
    pub verify_budget_percent: f64,
}

impl Default for Maintain {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { log_keep: day, verify_every: day, verify_budget_percent: 1.0 }
    }
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    if text == "never" { Ok(Duration::ZERO) } else { duration(&text).map_err(serde::de::Error::custom) }
}

/// A time as settings and the command line write it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match &text[end..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        other => return Err(format!("\"{other}\" is no unit of time; write 250ms, 20s, 5m, 1h or 30d")),
    };
    let number: f64 = text[..end].parse().map_err(|_| "write it as 250ms, 20s, 5m, 1h or 30d".to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

/// `[demo]`: how `headwater demo` brings this project about from nothing. Paths are relative to `headwater.toml`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Demo {
    /// Creates the source tables: a file, or several in order.
    #[serde(deserialize_with = "one_or_several")]
    pub schema: Vec<String>,
    /// Fills them; reads the setting `<example>.scale`.
    pub data: String,
    /// Creates their indexes, after the data because that is faster.
    pub indexes: String,
    /// What the writers write.
    pub traffic: String,
    /// The scale where none is asked for.
    pub scale: f64,
    /// Transactions a second, all writers together; as many as they can where not given.
    pub rate: Option<f64>,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            schema: vec!["schema.sql".into()],
            data: "data.sql".into(),
            indexes: "indexes.sql".into(),
            traffic: "traffic/writes.sql".into(),
            scale: 1.0,
            rate: None,
        }
    }
}

/// A text, or a list of them.
fn one_or_several<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    Ok(match <Texts as serde::Deserialize>::deserialize(deserializer)? {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    })
}

/// What a project folder holds.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// Its settings.
    pub settings: Settings,
    /// Its model files, by path.
    pub files: Vec<SourceFile>,
}

impl Project {
    /// Reads `headwater.toml`, where there is one, and every `.sql` file of the models folder in alphabetical order.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let settings = read_settings(root)?;
        let folder = root.join(settings.models.as_deref().unwrap_or(Path::new("models")));
        let mut paths = sql_files(&folder)?;
        paths.sort();
        if paths.is_empty() {
            return Err(Error::NoModels { path: folder.display().to_string() });
        }
        let files = paths.iter().map(|path| read_model(path)).collect::<Result<_, _>>()?;
        Ok(Self { settings, files })
    }

    /// Takes exactly these files, in this order.
    pub fn of_files(paths: &[PathBuf]) -> Result<Self, Error> {
        let files = paths.iter().map(|path| read_model(path)).collect::<Result<_, _>>()?;
        Ok(Self { settings: Settings::default(), files })
    }
}

/// Reads only the settings: commands that need a database and no models use it.
pub fn read_settings(root: &Path) -> Result<Settings, Error> {
    let path = root.join("headwater.toml");
    match std::fs::read_to_string(&path) {
        Ok(text) => parse_settings(&path.display().to_string(), text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(source) => Err(Error::Read { path: path.display().to_string(), source }),
    }
}

/// The settings in `text`; what is wrong with them is underlined there.
pub fn parse_settings(path: &str, text: String) -> Result<Settings, Error> {
    toml::from_str(&text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("not valid TOML").to_owned();
        let diagnostic = Diagnostic::error(552, path, error.span().unwrap_or(0..0), message)
            .hint("headwater.toml knows: database = \"postgres://…\", models = \"models\", and the sections [demo], [maintain], [serve], [doctor] and [bench]");
        let files = vec![SourceFile { path: path.to_owned(), text }];
        Error::Problems(Problems { diagnostics: vec![diagnostic], files })
    })
}

fn sql_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = |source| Error::Read { path: folder.display().to_string(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn read_model(path: &Path) -> Result<SourceFile, Error> {
    let name = path.display().to_string();
    let shown = name.strip_prefix("./").unwrap_or(&name).to_owned();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile { path: shown, text }),
        Err(source) => Err(Error::Read { path: shown, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_the_place_of_a_mistake() {
        let settings = parse_settings("headwater.toml", "database = \"postgres://x\"\n".into()).unwrap();
        assert_eq!(settings.database.as_deref(), Some("postgres://x"));
        let Err(Error::Problems(problems)) = parse_settings("headwater.toml", "modles = \"m\"\n".into()) else {
            panic!("an unknown key is an error");
        };
        assert_eq!(problems.diagnostics[0].span, 0..6);
    }
}
