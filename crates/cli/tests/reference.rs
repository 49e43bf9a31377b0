//! `docs/reference/commands.md` shows what the program says of itself.

use std::path::Path;
use std::process::Command;

const COMMANDS: [&str; 16] = [
    "", "check", "plan", "apply", "maintain", "serve", "run", "wait", "status", "verify", "refresh", "doctor", "bench",
    "compare", "remove", "demo",
];

#[test]
fn every_help_text_is_in_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/commands.md");
    let reference = std::fs::read_to_string(&path).expect("the reference");
    for command in COMMANDS {
        let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"));
        let output = program.args(Some(command).filter(|name| !name.is_empty())).arg("--help").env("COLUMNS", "100");
        let output = output.output().expect("the program runs");
        let help = String::from_utf8(output.stdout).expect("the help is text");
        let shown = format!("```\n{}\n```", help.trim_end());
        assert!(
            reference.contains(&shown),
            "headwater {command} --help differs from {}; it says:\n{help}",
            path.display()
        );
    }
}
