//! The examples, embedded in the program.

use std::path::Path;

use headwater_compile::SourceFile;
use headwater_deploy::Error;
use headwater_deploy::project::{Settings, parse_settings};

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// One folder under `examples/`.
#[derive(Debug)]
pub struct Example {
    /// Its name.
    pub name: String,
    /// Its headwater.toml.
    pub settings: Settings,
}

impl Example {
    /// The example called `name`.
    pub fn find(name: &str) -> Result<Self, Error> {
        let known = names();
        if !known.iter().any(|known| known == name) {
            return Err(Error::UnknownExample { name: name.to_owned(), known });
        }
        let mut example = Self { name: name.to_owned(), settings: Settings::default() };
        if let Some(text) = example.text("headwater.toml") {
            example.settings = parse_settings(&format!("examples/{name}/headwater.toml"), text.to_owned())?;
        }
        Ok(example)
    }

    /// The text of one of its files.
    pub fn text(&self, file: &str) -> Option<&'static str> {
        let path = format!("{}/{file}", self.name);
        FILES.iter().find(|(name, _)| *name == path).and_then(|(_, body)| std::str::from_utf8(body).ok())
    }

    /// The files of one of its folders, with names relative to it.
    pub fn files(&self, folder: &str) -> impl Iterator<Item = (String, &'static [u8])> {
        let folder = format!("{}/{}/", self.name, folder.trim_matches('/'));
        FILES.iter().filter_map(move |(name, body)| Some((name.strip_prefix(&folder)?.to_owned(), *body)))
    }

    /// Its model files, in alphabetical order.
    pub fn models(&self) -> Vec<SourceFile> {
        let models = self.settings.models.as_deref().unwrap_or(Path::new("models"));
        let folder = format!("{}/{}/", self.name, models.display());
        let models = FILES.iter().filter(|(name, _)| name.starts_with(&folder) && name.ends_with(".sql"));
        let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
        models.map(|(name, body)| SourceFile { path: format!("examples/{name}"), text: text(body) }).collect()
    }
}

/// Every folder that has settings.
fn names() -> Vec<String> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix("/headwater.toml")).map(str::to_owned).collect()
}
