//! `headwater doctor`: findings, the worst first, each with what to do.

use headwater_compile::Severity;
use headwater_deploy::project::read_settings;
use headwater_doctor::{Choice, Finding, Fix, Report, examine};
use serde_json::json;

use crate::arguments;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome};

pub async fn run(session: &Session, options: &arguments::Doctor) -> Outcome {
    let target = session.target().await?;
    let settings = read_settings(&session.root)?;
    let choice = Choice { only: options.only.clone(), ignore: options.ignore.clone() };
    let report = examine(&target.config, &session.root, settings, &choice, &session.bars).await?;
    let good = !report.has(options.fail_on.severity());
    if session.json {
        outln!("{}", json!({ "good": good, "findings": report.findings, "ignored": report.ignored }));
    } else {
        print(&report);
    }
    Ok(if good { FINE } else { FOUND })
}

fn print(report: &Report) {
    for finding in &report.findings {
        print_finding(finding);
    }
    outln!("{}", summary(report));
}

fn print_finding(finding: &Finding) {
    outln!("{}  {:<7}  {}", finding.code, word(finding.severity), finding.message);
    outln!("  why    {}", finding.why);
    for fix in &finding.fix {
        match fix {
            Fix::Sql(statement) => outln!("  run    {statement};"),
            Fix::Command(command) => outln!("  then   {command}"),
            Fix::Model(statement) => outln!("  model  {statement}"),
            Fix::Advice(advice) => outln!("  note   {advice}"),
        }
    }
    outln!();
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn summary(report: &Report) -> String {
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let of = |number: usize, word: &str| {
        (number > 0).then(|| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
    };
    let counts = [
        of(count(Severity::Error), "error"),
        of(count(Severity::Warning), "warning"),
        of(count(Severity::Note), "note"),
        (!report.ignored.is_empty()).then(|| format!("{} ignored by headwater.toml", report.ignored.len())),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    if counts.is_empty() { "nothing to say".to_owned() } else { counts.join(", ") }
}
