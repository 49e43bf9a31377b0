//! Diagnostics and errors: the file, the line, the text underlined, the reason and what to do.

use std::fmt;
use std::io::IsTerminal;

use headwater_compile::{Severity, SourceFile};
use headwater_deploy::{Error, Problems};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Draws every problem on standard error.
pub fn problems(problems: &Problems) {
    for diagnostic in &problems.diagnostics {
        let file = problems.files.iter().find(|file| file.path == diagnostic.file);
        draw(&Drawn {
            severity: match diagnostic.severity {
                Severity::Error => miette::Severity::Error,
                Severity::Warning => miette::Severity::Warning,
                Severity::Note => miette::Severity::Advice,
            },
            code: diagnostic.code.to_string(),
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
            label: (diagnostic.span.end > 0)
                .then(|| LabeledSpan::new_with_span(diagnostic.label.clone(), diagnostic.span.clone())),
            source: file.map(|file| NamedSource::new(&file.path, file.text.clone()).with_language("sql")),
        });
    }
}

/// Draws a failure: its problems where it has some, and itself. As JSON on standard output where that was asked for.
pub fn error(error: &Failure, as_json: bool) {
    if as_json {
        outln!("{}", error_json(error));
        return;
    }
    if let Failure::Deploy(Error::Problems(found)) = error {
        problems(found);
        eprintln!("headwater: {}", error.message());
        return;
    }
    draw(&Drawn {
        severity: miette::Severity::Error,
        code: error.code().to_string(),
        message: error.message(),
        hint: error.hint(),
        label: None,
        source: None,
    });
}

fn error_json(error: &Failure) -> Value {
    let diagnostics = match error {
        Failure::Deploy(Error::Problems(found)) => problems_json(found),
        _ => Value::Array(Vec::new()),
    };
    json!({
        "error": { "code": error.code(), "message": error.message(), "hint": error.hint() },
        "diagnostics": diagnostics,
    })
}

/// Every problem with its line and column, both from 1, the column in characters.
pub fn problems_json(problems: &Problems) -> Value {
    let one = |diagnostic: &headwater_compile::Diagnostic| {
        let (line, column) = match problems.files.iter().find(|file| file.path == diagnostic.file) {
            Some(file) if diagnostic.span.end > 0 => place(file, diagnostic.span.start),
            _ => (1, 1),
        };
        let mut value = json!(diagnostic);
        value["line"] = json!(line);
        value["column"] = json!(column);
        value
    };
    problems.diagnostics.iter().map(one).collect()
}

fn place(file: &SourceFile, offset: usize) -> (usize, usize) {
    let before = file.text.get(..offset).unwrap_or(&file.text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn draw(drawn: &Drawn) {
    let theme =
        if std::io::stderr().is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false).render_report(&mut text, drawn) {
        Ok(()) => eprintln!("{text}"),
        Err(_) => eprintln!("{}: {}", drawn.code, drawn.message),
    }
}

/// What miette draws.
#[derive(Debug)]
struct Drawn {
    severity: miette::Severity,
    code: String,
    message: String,
    hint: Option<String>,
    label: Option<LabeledSpan>,
    source: Option<NamedSource<String>>,
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let file = SourceFile { path: "m.sql".into(), text: "SELECT 1;\nSELECT 'ü', x;".into() };
        assert_eq!(place(&file, 0), (1, 1));
        assert_eq!(place(&file, file.text.find('x').unwrap()), (2, 13));
    }
}
