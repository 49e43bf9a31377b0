//! Diagnostics: a stable code, a sentence, the place in the user's file, the reason and what to do.

use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is refused.
    Note,
    /// The model is maintained, but not as its author may expect.
    Warning,
    /// The model is refused and nothing of it is installed.
    Error,
}

/// A stable code, `HW` and four digits. The hundreds tell the stage: 1 parse, 2 resolve, 3 analyze, 4 plan, 5 deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HW{:04}", self.0)
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One problem in one place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable code.
    pub code: Code,
    /// One sentence: what is wrong.
    pub message: String,
    /// The file it is in, as the user named it.
    pub file: String,
    /// The bytes of the file that it is about; empty at 0 where it is about the whole file.
    pub span: Range<usize>,
    /// A few words written under the span.
    pub label: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: u16, file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, file, span, message)
    }

    /// A warning.
    pub fn warning(code: u16, file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, file, span, message)
    }

    /// A note.
    pub fn note(code: u16, file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, file, span, message)
    }

    fn new(severity: Severity, code: u16, file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: Code(code),
            message: message.into(),
            file: file.to_owned(),
            span,
            label: None,
            hint: None,
        }
    }

    /// Adds the words under the span.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
