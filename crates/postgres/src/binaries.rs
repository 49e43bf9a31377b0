//! Finding PostgreSQL's server programs: `initdb`, `pg_ctl` and `postgres` in one folder.
//!
//! Looked at in this order, the first that fits wins:
//!
//! 1. `HEADWATER_PG_BIN`, alone if set: who sets it means it.
//! 2. The folders on `PATH`, links followed.
//! 3. `pg_config --bindir`.
//! 4. The usual folders of packages, newest version first.
//! 5. What Headwater downloaded before.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::home::Home;
use crate::provision;

/// Names the folder of PostgreSQL's programs to use.
pub const BIN_VARIABLE: &str = "HEADWATER_PG_BIN";

/// The version that is downloaded where none is asked for and none is installed.
pub const DEFAULT_MAJOR: u32 = 17;

/// The programs that must lie side by side.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Where packages put them. A `*` stands for one path component, or a part of it.
const USUAL_PLACES: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/lib/postgresql*/bin",
];

/// A folder with PostgreSQL's server programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// Programs of the version `major`, or of any that Headwater supports; the failure names every place looked at.
    pub fn find(home: &Home, major: Option<u32>) -> Result<Self, Error> {
        let mut places = Vec::new();
        for folder in candidates(home) {
            let fault = match Self::at(home, &folder) {
                Ok(found) if found.suits(major) => return Ok(found),
                Ok(found) => format!("PostgreSQL {}", found.version),
                Err(fault) => fault,
            };
            let place = format!("{}: {fault}", folder.display());
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Err(Error::NoBinaries { wanted: major, places })
    }

    /// Like [`Binaries::find`], and downloads them where they are not found. `say` is told before that begins.
    pub fn find_or_obtain(home: &Home, major: Option<u32>, say: &dyn Fn(&str)) -> Result<Self, Error> {
        match Self::find(home, major) {
            Err(Error::NoBinaries { .. }) if std::env::var_os(BIN_VARIABLE).is_none() => {
                Self::obtain(home, major.unwrap_or(DEFAULT_MAJOR), say)
            }
            outcome => outcome,
        }
    }

    /// Downloads the version `major` into [`Home`] where it is not there yet.
    pub fn obtain(home: &Home, major: u32, say: &dyn Fn(&str)) -> Result<Self, Error> {
        let folder = provision::obtain(home, major, say)?.join("bin");
        Self::at(home, &folder).map_err(|fault| Error::Provision { reason: format!("{}: {fault}", folder.display()) })
    }

    /// The programs in `folder`, or why they are none.
    fn at(home: &Home, folder: &Path) -> Result<Self, String> {
        if !folder.is_dir() {
            return Err("no such folder".to_owned());
        }
        // Distributions link or copy pg_ctl alone into /usr/local/bin; the folder it comes from is the one to use.
        let pg_ctl = folder.join("pg_ctl").canonicalize().map_err(|_| "no pg_ctl".to_owned())?;
        let folder = pg_ctl.parent().ok_or("no folder")?.to_owned();
        if let Some(missing) = PROGRAMS.iter().find(|program| !folder.join(program).is_file()) {
            return Err(format!("no {missing}"));
        }
        let version = version_of(home, &folder)?;
        let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
        let major = major.ok_or_else(|| format!("`postgres --version` says {version:?}"))?;
        Ok(Self { folder, version, major })
    }

    fn suits(&self, wanted: Option<u32>) -> bool {
        wanted.map_or(self.major >= crate::connect::OLDEST_MAJOR, |wanted| wanted == self.major)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Such as `15.18`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Such as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The path of one program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What `postgres --version` says, run by the user who is to run the server.
fn version_of(home: &Home, folder: &Path) -> Result<String, String> {
    let mut command = home.user().command(&folder.join("postgres"), Path::new("/"));
    let output = command.arg("--version").output().map_err(|error| format!("postgres does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("postgres does not start: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(2).map(str::to_owned).ok_or_else(|| format!("`postgres --version` says {text:?}"))
}

/// The folders to look at, in order.
fn candidates(home: &Home) -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os(BIN_VARIABLE) {
        return vec![folder.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| folder.join("pg_ctl").exists()).collect();
    folders.extend(pg_config());
    for pattern in USUAL_PLACES {
        let found = expand(pattern);
        folders.extend(if found.is_empty() { vec![pattern.into()] } else { found });
    }
    folders.extend(expand(&home.path().join("postgresql/*/bin").to_string_lossy()));
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let fresh = !seen.contains(folder);
        seen.push(folder.clone());
        fresh
    });
    folders
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !folder.trim().is_empty()).then(|| folder.trim().into())
}

/// The folders that match a pattern in which a component may hold one `*`; the highest number in it first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        found = match component.split_once('*') {
            None => found.into_iter().map(|folder| folder.join(component)).collect(),
            Some((head, tail)) => found.iter().flat_map(|folder| matching(folder, head, tail)).collect(),
        };
    }
    found.retain(|folder| folder.is_dir());
    found
}

/// The entries of `folder` whose names start with `head` and end with `tail`, by the number in between, descending.
fn matching(folder: &Path, head: &str, tail: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(head) && name.ends_with(tail)).collect();
    let number = |name: &String| {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap_or(0)
    };
    names.sort_by_key(|name| std::cmp::Reverse(number(name)));
    names.into_iter().map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_give_the_newest_first() {
        let root = std::env::temp_dir().join(format!("headwater-binaries-{}", std::process::id()));
        for version in ["9", "15", "17"] {
            std::fs::create_dir_all(root.join(version).join("bin")).unwrap();
        }
        let found = expand(&root.join("*/bin").to_string_lossy());
        assert_eq!(found, [root.join("17/bin"), root.join("15/bin"), root.join("9/bin")]);
        std::fs::remove_dir_all(root).unwrap();
    }
}
