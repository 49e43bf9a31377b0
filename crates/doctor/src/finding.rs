//! What a rule says.

use headwater_compile::{Code, Severity};

/// Something that should be put right, or known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Its stable code, HW0801 to HW0899.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a table, an index, a model, a route, a setting.
    pub object: String,
    /// One sentence: what is so.
    pub message: String,
    /// What follows from it.
    pub why: String,
    /// What to do, in order.
    pub fix: Vec<Fix>,
}

/// One step of putting a finding right.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fix {
    /// A statement to run in the database, by itself.
    Sql(String),
    /// A command to run in a shell.
    Command(String),
    /// A statement to add to a model's file.
    Model(String),
    /// What no statement does.
    Advice(String),
}

impl Finding {
    /// An error: data may be lost or wrong, or something does not work.
    pub fn error(code: u16, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, object, message)
    }

    /// A warning: it works, and will be slow or break one day.
    pub fn warning(code: u16, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, object, message)
    }

    /// A note: worth knowing.
    pub fn note(code: u16, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, object, message)
    }

    fn new(severity: Severity, code: u16, object: impl Into<String>, message: impl Into<String>) -> Self {
        let (object, message) = (object.into(), message.into());
        Self { code: Code(code), severity, object, message, why: String::new(), fix: Vec::new() }
    }

    /// Says what follows from it.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Adds a statement that puts it right.
    #[must_use]
    pub fn sql(self, statement: impl Into<String>) -> Self {
        self.fixed_by(Fix::Sql(statement.into()))
    }

    /// Adds a command that puts it right.
    #[must_use]
    pub fn command(self, command: impl Into<String>) -> Self {
        self.fixed_by(Fix::Command(command.into()))
    }

    /// Adds what to think about.
    #[must_use]
    pub fn advice(self, advice: impl Into<String>) -> Self {
        self.fixed_by(Fix::Advice(advice.into()))
    }

    /// Adds a step.
    #[must_use]
    pub fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix.push(fix);
        self
    }
}
