//! `doctor`: every rule, one after the other; what was chosen of what they say.

use std::path::Path;

use headwater_catalog::quote_literal;
use headwater_compile::Severity;
use headwater_deploy::Error;
use headwater_deploy::Progress;
use headwater_deploy::project::Settings;
use headwater_deploy::project::doctor::Ignore;
use headwater_postgres::Config;

use crate::finding::Finding;
use crate::look::Look;
use crate::rules;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only findings with these codes; all where there are none.
    pub only: Vec<String>,
    /// No findings with these codes.
    pub ignore: Vec<String>,
}

/// What was found.
#[derive(Debug, Default, serde::Serialize)]
pub struct Report {
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// Those that the project accepts, with its reason.
    pub ignored: Vec<Ignored>,
}

/// A finding that the project accepts.
#[derive(Debug, serde::Serialize)]
pub struct Ignored {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
}

impl Report {
    /// True where something is at least as bad.
    #[must_use]
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}

/// Looks at a database. A look that fails is a finding; the others go on.
///
/// # Errors
/// Where the database cannot be reached, or goes away.
pub async fn examine(
    config: &Config,
    root: &Path,
    settings: Settings,
    choice: &Choice,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let mut look = Look::begin(config, root, settings).await?;
    let mut gathered = Gathered { findings: Vec::new(), progress, done: 0 };
    let taken = &mut gathered;
    progress.begin("looking", 24);
    let models = look.read_models().await;
    taken.take("installed models", models.map(|()| Vec::new()), &look)?;

    taken.take("Headwater's own state", rules::own_state::find(&look).await, &look)?;
    taken.take("change queues", rules::queues::find(&look).await, &look)?;
    taken.take("rights", rules::rights::find(&look).await, &look)?;
    taken.take("rights of everybody", rules::public_rights::find(&look).await, &look)?;
    taken.take("row security", rules::row_security::find(&look).await, &look)?;

    taken.take("the declared schema", rules::declared_schema::find(&look).await, &look)?;
    let indexes = rules::indexes::read(&look).await;
    match &indexes {
        Ok(indexes) => {
            taken.take("invalid indexes", Ok(rules::invalid_index::find(indexes)), &look)?;
            taken.take("duplicate indexes", Ok(rules::duplicate_index::find(indexes)), &look)?;
            taken.take("unused indexes", Ok(rules::unused_index::find(indexes, &look)), &look)?;
        }
        Err(_) => taken.take("indexes", indexes.map(|_| Vec::new()), &look)?,
    }
    taken.take("foreign keys", rules::foreign_key::find(&look).await, &look)?;

    taken.take("plans of models", rules::model_scan::find(&look).await, &look)?;
    taken.take("plans of routes", rules::route_scan::find(&look).await, &look)?;
    taken.take("plans of declared queries", rules::query_scan::find(&look).await, &look)?;

    let server = rules::server_settings::read(&look).await;
    match &server {
        Ok(server) => {
            taken.take("durability", Ok(rules::durability::find(server)), &look)?;
            taken.take("vacuum's settings", Ok(rules::vacuum_off::find(server)), &look)?;
            taken.take("connections", Ok(rules::connections::find(server, &look)), &look)?;
            taken.take("timeouts", Ok(rules::timeouts::find(server, &look)), &look)?;
            taken.take("memory", Ok(rules::memory::find(server)), &look)?;
        }
        Err(_) => taken.take("settings", server.map(|_| Vec::new()), &look)?,
    }
    taken.take("vacuum", rules::vacuum::find(&look).await, &look)?;
    taken.take("wraparound", rules::wraparound::find(&look).await, &look)?;
    taken.take("long transactions", rules::long_transaction::find(&look).await, &look)?;
    taken.take("prepared transactions", rules::prepared_transaction::find(&look).await, &look)?;
    taken.take("replication slots", rules::replication_slot::find(&look).await, &look)?;
    progress.end();
    Ok(chosen(gathered.findings, choice, &look.settings.doctor.ignore))
}

struct Gathered<'p> {
    findings: Vec<Finding>,
    progress: &'p dyn Progress,
    done: u64,
}

impl Gathered<'_> {
    /// Keeps what a rule found. What kept it from looking is a finding of its own; only a database that went away ends everything.
    fn take(&mut self, what: &str, found: Result<Vec<Finding>, Error>, look: &Look) -> Result<(), Error> {
        self.done += 1;
        self.progress.done(self.done);
        match found {
            Ok(found) => self.findings.extend(found),
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => self.findings.push(could_not_look(what, &error, look)),
        }
        Ok(())
    }
}

fn could_not_look(what: &str, error: &Error, look: &Look) -> Finding {
    let denied = match error {
        Error::Statement { source, .. } => source.code().is_some_and(|code| code.code() == "42501"),
        _ => false,
    };
    let finding = Finding::warning(801, what, format!("{what} could not be looked at: {error}"))
        .why("what was not looked at may be wrong");
    match (denied, error.hint()) {
        (true, _) => finding.advice(format!(
            "connect as the role that runs apply, or make {} a member of it: GRANT <that role> TO {}",
            quote_literal(look.role.as_str()),
            look.role
        )),
        (false, Some(hint)) => finding.advice(hint),
        (false, None) => finding.advice("try again; a larger timeout in [doctor] gives each look more time"),
    }
}

/// What was asked for, the worst first; what the project accepts apart.
fn chosen(findings: Vec<Finding>, choice: &Choice, accepted: &[Ignore]) -> Report {
    let is = |finding: &Finding, code: &String| finding.code.to_string().eq_ignore_ascii_case(code);
    let mut report = Report::default();
    for finding in findings {
        let wanted = choice.only.is_empty() || choice.only.iter().any(|code| is(&finding, code));
        if !wanted || choice.ignore.iter().any(|code| is(&finding, code)) {
            continue;
        }
        let fits = |known: &&Ignore| {
            is(&finding, &known.code) && known.object.as_ref().is_none_or(|object| *object == finding.object)
        };
        match accepted.iter().find(fits) {
            Some(known) => report.ignored.push(Ignored { finding, reason: known.reason.clone() }),
            None => report.findings.push(finding),
        }
    }
    report.findings.sort_by(|a, b| (b.severity, a.code, &a.object).cmp(&(a.severity, b.code, &b.object)));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_what_is_accepted_is_apart() {
        let findings = vec![
            Finding::note(824, "a", "m"),
            Finding::error(871, "b", "m"),
            Finding::warning(825, "d", "m"),
            Finding::warning(825, "c", "m"),
            Finding::warning(855, "pid 1", "m"),
        ];
        let known = Ignore { code: "hw0825".into(), object: Some("d".into()), reason: "small".into() };
        let choice = Choice { only: Vec::new(), ignore: vec!["HW0855".into()] };
        let report = chosen(findings.clone(), &choice, &[known]);
        let objects: Vec<_> = report.findings.iter().map(|finding| finding.object.as_str()).collect();
        assert_eq!(objects, ["b", "c", "a"]);
        assert_eq!(report.ignored[0].reason, "small");
        assert!(report.has(Severity::Error));
        let choice = Choice { only: vec!["HW0824".into()], ignore: Vec::new() };
        let report = chosen(findings, &choice, &[]);
        assert_eq!(report.findings.len(), 1);
        assert!(!report.has(Severity::Warning));
    }
}
