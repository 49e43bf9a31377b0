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
    ("doctor", &["catalog", "compile", "postgres", "deploy", "serve"]),
    ("cli", &["catalog", "compile", "postgres", "deploy", "maintain", "serve", "doctor"]),
    ("testkit", &["catalog", "compile", "postgres", "deploy", "maintain", "serve"]),
    ("bench", &["catalog", "compile", "postgres", "deploy", "maintain", "serve"]),
];

/// Crates that stay pure, and what they must never depend on, tests excepted: no connection, no clock, no runtime.
const PURE: [&str; 2] = ["catalog", "compile"];
const IMPURE: [&str; 6] = ["tokio", "tokio-postgres", "deadpool-postgres", "headwater-postgres", "reqwest", "chrono"];

/// The one crate that every crate's tests may use beside the arrows.
const FOR_TESTS: &str = "testkit";

/// What serves, and what looks at what is kept, is tested with a leader beside it.
const BESIDE: [(&str, &str); 2] = [("serve", "maintain"), ("doctor", "maintain")];

#[test]
fn dependencies_point_one_way() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut faults = Vec::new();
    for folder in std::fs::read_dir(crates).unwrap() {
        let folder = folder.unwrap().path();
        if let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) {
            faults.extend(faults_of(folder.file_name().unwrap().to_str().unwrap(), &manifest));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with the dependencies of the crate in the folder `name`.
fn faults_of(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no line in ARROWS")];
    };
    let for_tests = |section: &str| section.ends_with("dev-dependencies");
    let used = names_in(manifest, |section| section.ends_with("dependencies") && !for_tests(section));
    let used_by_tests = names_in(manifest, for_tests);
    let mut faults = Vec::new();
    for (dependency, only_tests) in
        used.iter().map(|name| (name, false)).chain(used_by_tests.iter().map(|name| (name, true)))
    {
        let Some(inner) = dependency.strip_prefix("headwater-") else { continue };
        let fine = allowed.contains(&inner) || (only_tests && (inner == FOR_TESTS || BESIDE.contains(&(name, inner))));
        if !fine {
            faults.push(format!("{name} depends on {inner}"));
        }
    }
    if PURE.contains(&name) {
        let impure = used.iter().filter(|used| IMPURE.contains(&used.as_str()));
        faults.extend(impure.map(|used| format!("{name} uses {used}")));
    }
    faults
}

/// The names on the left in the chosen sections; `[dependencies.name]` counts as well as `name = …`.
fn names_in(text: &str, chosen: impl Fn(&str) -> bool) -> BTreeSet<String> {
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

#[test]
fn wrong_arrows_are_seen_however_they_are_written() {
    let manifest = "
        [package]
        name = \"headwater-compile\"
        [dependencies]
        headwater-catalog.workspace = true
        # headwater-serve = { workspace = true }
        tokio = { workspace = true }
        [dependencies.headwater-postgres]
        workspace = true
        [dev-dependencies]
        headwater-testkit = { workspace = true }
        headwater-cli = { workspace = true }
    ";
    let expected = [
        "compile depends on postgres",
        "compile depends on cli",
        "compile uses headwater-postgres",
        "compile uses tokio",
    ];
    assert_eq!(faults_of("compile", manifest), expected);
    assert_eq!(faults_of("common", manifest), ["common has no line in ARROWS"]);
}
