//! The showcase's models: chosen by name, since a file may hold several, and as declared or all eventual.

use headwater_compile::SourceFile;
use headwater_postgres::Client;

use crate::Failure;
use crate::arena::Arena;

/// The materialized views of document 003's category B, each of which it computes anew at every write.
pub const VIEWS: [&str; 8] = [
    "mv_chain_posts",
    "mv_chains_discovery",
    "mv_feed_projects",
    "mv_investors_directory",
    "mv_leaderboard_builders",
    "mv_leaderboard_projects",
    "mv_project_details",
    "mv_search_index",
];

/// A comment that begins so holds options of the model below it.
const OPTIONS: &str = "-- headwater:";

/// When models are maintained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As their files say.
    Declared,
    /// All in batches.
    Eventual,
}

/// The models of the showcase with these names, or all where none is named.
pub fn showcase(arena: &Arena, names: &[&str], mode: Mode) -> Result<Vec<SourceFile>, Failure> {
    let files = arena.showcase_models(&[])?;
    let models: Vec<SourceFile> = files.iter().flat_map(|file| chosen(file, names, mode)).collect();
    if !names.is_empty() && models.len() != names.len() {
        return Err(format!("{} of the {} models wanted are in the showcase", models.len(), names.len()).into());
    }
    Ok(models)
}

/// Ordinary views with the SELECTs of all models, by their names, where nothing of that name is there: the query that a page without a model runs.
pub async fn as_views(arena: &Arena, client: &Client) -> Result<(), Failure> {
    let (models, _) = headwater_compile::parse::parse(&arena.showcase_models(&[])?);
    for model in models {
        let name = model.name.to_string();
        let there: bool = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await?.get(0);
        if !there {
            client.batch_execute(&format!("CREATE VIEW {name} AS {}", model.select)).await?;
        }
    }
    Ok(())
}

/// The same model, eventual.
pub fn eventual(file: &SourceFile) -> SourceFile {
    SourceFile { path: file.path.clone(), text: file.text.replace("-- headwater: realtime", "-- headwater: eventual") }
}

/// A file for each model chosen.
fn chosen(file: &SourceFile, names: &[&str], mode: Mode) -> Vec<SourceFile> {
    pieces(&file.text)
        .into_iter()
        .filter_map(|text| {
            let (_, rest) = text.split_once("CREATE MATERIALIZED VIEW ")?;
            let name = rest.split_whitespace().next()?;
            let path = file.path.strip_suffix(".sql").unwrap_or(&file.path);
            (names.is_empty() || names.contains(&name))
                .then(|| SourceFile { path: format!("{path}/{name}.sql"), text: text.clone() })
        })
        .map(|model| if mode == Mode::Eventual { eventual(&model) } else { model })
        .collect()
}

/// Each from its first line of options to those of the next model.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut among_options = false;
    for line in text.lines() {
        let options = line.starts_with(OPTIONS);
        if pieces.is_empty() || options && !among_options && pieces.iter().any(|piece| piece.contains(OPTIONS)) {
            pieces.push(String::new());
        }
        among_options = options;
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
            piece.push('\n');
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-- Two.\n\n-- headwater: realtime\n-- headwater: access public\nCREATE MATERIALIZED VIEW a AS SELECT 1;\n\n-- The other.\n-- headwater: eventual\nCREATE MATERIALIZED VIEW b AS SELECT 2;\n";

    fn file() -> SourceFile {
        SourceFile { path: "models/two.sql".into(), text: TEXT.into() }
    }

    #[test]
    fn a_file_for_each_model() {
        let found = chosen(&file(), &[], Mode::Declared);
        let paths: Vec<_> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["models/two/a.sql", "models/two/b.sql"]);
        assert!(found[0].text.contains("realtime") && !found[0].text.contains("SELECT 2"));
    }

    #[test]
    fn one_of_them_eventual() {
        let found = chosen(&file(), &["a"], Mode::Eventual);
        assert!(found.len() == 1 && found[0].text.contains("-- headwater: eventual\n-- headwater: access public\n"));
    }
}
