//! The folder `.headwater/` of a project: downloaded PostgreSQL programs and private servers live in it.
//!
//! | path | holds |
//! | --- | --- |
//! | `postgresql/<major>/` | downloaded programs |
//! | `pg<major>/` | the private server of the demo and of development |
//! | `test/pg<major>/` | the private server of the tests |
//! | `elsewhere` | a link to the folder in use instead, where this one cannot be |

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use headwater_catalog::ident::short_hash;

use crate::error::Error;
use crate::server_user::ServerUser;

/// The name of the folder in a project.
pub const FOLDER: &str = ".headwater";

/// A folder that the server's user can reach, and that user.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
    user: ServerUser,
}

impl Home {
    /// The home of the project in `folder`: `.headwater/` in it. Where root started this in a folder that the server's
    /// user cannot enter (`/root`, say), a folder of root's under `/var/tmp`, which `.headwater/elsewhere` links to.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let user = ServerUser::choose()?;
        let project = std::path::absolute(folder).map_err(Error::io(folder))?;
        let path = project.join(FOLDER);
        std::fs::create_dir_all(&path).map_err(Error::io(&path))?;
        if user.can_enter(&path) {
            return Ok(Self { path, user });
        }
        let elsewhere = elsewhere(&path)?;
        if !user.can_enter(&elsewhere) {
            let reason = format!("the user {user:?} can enter neither {} nor {}", path.display(), elsewhere.display());
            return Err(Error::PrivateServer { verb: "started", reason });
        }
        Ok(Self { path: elsewhere, user })
    }

    /// The home of the project in the current folder.
    pub fn here() -> Result<Self, Error> {
        Self::of(Path::new("."))
    }

    /// The folder, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who runs servers in it.
    #[must_use]
    pub fn user(&self) -> &ServerUser {
        &self.user
    }
}

/// A folder under `/var/tmp`, ours alone to write, whose name follows from `path`.
fn elsewhere(path: &Path) -> Result<PathBuf, Error> {
    let folder = Path::new("/var/tmp").join(format!("headwater-{}", short_hash(&[&path.to_string_lossy()])));
    match std::fs::DirBuilder::new().mode(0o755).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(Error::io(&folder)(error)),
        _ => {}
    }
    // Anyone may create folders there, so one that somebody else prepared is not to be trusted.
    let ours = std::fs::metadata(path).map_err(Error::io(path))?.uid();
    let found = std::fs::symlink_metadata(&folder).map_err(Error::io(&folder))?;
    if !found.is_dir() || found.uid() != ours || found.mode() & 0o022 != 0 {
        let reason = format!("{} belongs to somebody else", folder.display());
        return Err(Error::PrivateServer { verb: "started", reason });
    }
    let link = path.join("elsewhere");
    if !link.is_symlink() {
        std::os::unix::fs::symlink(&folder, &link).map_err(Error::io(&link))?;
    }
    Ok(folder)
}
