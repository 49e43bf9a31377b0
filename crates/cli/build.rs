//! Embeds the examples, so that the program works wherever it is copied: writes `examples.rs`, a table of path and content
//! of every file under the repository's `examples/`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut table = String::from("pub static FILES: &[(&str, &[u8])] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root).expect("found under the root");
        let _ = writeln!(
            table,
            "    ({:?}, include_bytes!({:?})),",
            name.display().to_string(),
            file.display().to_string()
        );
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("examples.rs");
    std::fs::write(out, table).expect("the build folder can be written");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if is_embedded(&path) {
            files.push(path);
        }
    }
}

/// What an example is made of; not what it says of itself.
fn is_embedded(path: &Path) -> bool {
    const KINDS: [&str; 8] = ["sql", "toml", "html", "css", "js", "svg", "png", "webmanifest"];
    path.extension().is_some_and(|extension| KINDS.iter().any(|kind| extension == *kind))
}
