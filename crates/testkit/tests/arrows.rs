//! Dependencies between the crates point one way; this reads every Cargo.toml and says which one does not.

use std::collections::BTreeSet;
use std::path::Path;

/// Every crate, with the crates of this workspace that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("catalog", &[]),
    ("compile", &["catalog"]),
    ("postgres", &["catalog"]),
    ("deploy", &["catalog", "compile", "postgres"]),
    ("maintain", &["catalog", "compile", "postgres", "deploy"]),
    ("serve", &["catalog", "compile", "postgres", "deploy"]),
    ("cli", &["catalog", "compile", "postgres", "deploy", "maintain", "serve"]),
    ("testkit", &["catalog", "compile", "postgres", "deploy", "maintain", "serve"]),
];

/// Crates that stay pure, and what they must never depend on, tests excepted: no connection, no clock, no runtime.
const PURE: [&str; 2] = ["catalog", "compile"];
const IMPURE: [&str; 6] = ["tokio", "tokio-postgres", "deadpool-postgres", "headwater-postgres", "reqwest", "chrono"];

/// The one crate that every crate's tests may use beside the arrows.
const FOR_TESTS: &str = "testkit";

#[test]
fn dependencies_point_one_way() {
    let mut faults = Vec::new();
    for folder in std::fs::read_dir(crates()).unwrap() {
        let folder = folder.unwrap().path();
        let Ok(text) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let name = folder.file_name().unwrap().to_str().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{name} has no line in ARROWS"));
            continue;
        };
        for dependency in section(&text, |section| section.ends_with("dependencies")) {
            let Some(inner) = dependency.strip_prefix("headwater-") else { continue };
            if !allowed.contains(&inner) && !(inner == FOR_TESTS && dev(&text, &dependency)) {
                faults.push(format!("{name} depends on {inner}"));
            }
        }
        if PURE.contains(&name) {
            let used =
                section(&text, |section| section.ends_with("dependencies") && !section.ends_with("dev-dependencies"));
            faults.extend(
                used.iter().filter(|used| IMPURE.contains(&used.as_str())).map(|used| format!("{name} uses {used}")),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// True where the dependency is declared for tests only.
fn dev(text: &str, dependency: &str) -> bool {
    !section(text, |section| section.ends_with("dependencies") && !section.ends_with("dev-dependencies"))
        .contains(dependency)
}

/// The names on the left in the chosen sections; `[dependencies.name]` counts as well as `name = …`.
fn section(text: &str, chosen: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = chosen(header);
            if let Some((section, name)) = header.rsplit_once('.')
                && chosen(section)
            {
                names.insert(name.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            names.extend(line.split(['=', '.', ' ']).next().filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    names
}

fn crates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
