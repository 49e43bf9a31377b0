//! As whom a private server runs. PostgreSQL refuses to run as root, so root hands it to `postgres`, else `nobody`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// Tried in this order. The user must have an entry in passwd, or initdb fails.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The user who runs a private server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerUser {
    /// Whoever runs this process.
    Myself,
    /// Another one, because this process is root's.
    Other {
        /// The name in passwd.
        name: String,
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
}

impl ServerUser {
    /// Whoever is to run a private server that this process starts.
    pub fn choose() -> Result<Self, Error> {
        if id(&["-u"]) != Some(0) {
            return Ok(Self::Myself);
        }
        for name in CANDIDATES {
            if let (Some(uid), Some(gid)) = (id(&["-u", name]), id(&["-g", name])) {
                return Ok(Self::Other { name: name.to_owned(), uid, gid });
            }
        }
        Err(Error::PrivateServer {
            verb: "started",
            reason: "this process runs as root, and neither `postgres` nor `nobody` is a user here".to_owned(),
        })
    }

    /// A command that runs as this user, in `folder`, undisturbed by the environment's PostgreSQL and locale settings.
    #[must_use]
    pub fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes this user the owner of `path`.
    pub fn own(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Myself => Ok(()),
            Self::Other { uid, gid, .. } => {
                std::os::unix::fs::chown(path, Some(*uid), Some(*gid)).map_err(Error::io(path))
            }
        }
    }

    /// True where this user can enter `folder`, so every folder above it included.
    #[must_use]
    pub fn can_enter(&self, folder: &Path) -> bool {
        let mut command = self.command(Path::new("/bin/sh"), Path::new("/"));
        command.args(["-c", "cd \"$0\""]).arg(folder).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// What `id` prints, as a number.
fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
