//! **bulk**: statements of 1,000 rows: `INSERT` of votes on 1,000 projects and on one, and an `UPDATE` of 1,000 votes, one
//! client. Compared with bare and with the row trigger, which must not be better.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::votes::{Counted, Poll, poll};
use crate::Failure;
use crate::arena::Arena;
use crate::compare::{Spread, Variant, compare};
use crate::load::{Feed, Load, Uuid, Value};
use crate::report::{Outcome, Verdict};

/// Rows in a statement.
const ROWS: usize = 1_000;

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let mut polls = Vec::new();
    for counted in [Counted::Bare, Counted::RowTrigger, Counted::StatementTrigger, Counted::OneModel] {
        polls.push(Bulk::of(arena, poll(arena, scale, counted).await?).await?);
    }
    let mut all = Vec::new();
    let mut verdicts = Vec::new();
    for case in [Case::ManyKeys, Case::OneKey, Case::Update] {
        let variants: Vec<Variant> = polls
            .iter()
            .enumerate()
            .map(|(position, bulk)| Variant {
                name: bulk.poll.name.to_owned(),
                load: bulk.load(case),
                against: (position > 0).then_some(0),
                limit: None,
            })
            .collect();
        let measured = compare(arena, case.name(), &variants).await?;
        let ratio = Spread::of(
            measured[1].turns.iter().zip(&measured[3].turns).map(|(one, other)| one.per_second() / other.per_second()),
        );
        verdicts.push(Verdict::at_most(
            format!("{}: time ÷ time with the row trigger", case.name()),
            ratio.median,
            1.0,
        ));
        all.extend(measured);
    }
    let mut outcome = Outcome::of(&all);
    outcome.verdicts.extend(verdicts);
    Ok(outcome)
}

#[derive(Debug, Clone, Copy)]
enum Case {
    ManyKeys,
    OneKey,
    Update,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::ManyKeys => "INSERT, 1,000 keys",
            Self::OneKey => "INSERT, one key",
            Self::Update => "UPDATE, random votes",
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::ManyKeys => "INSERT INTO upvotes (user_id, project_id) SELECT $1, unnest($2::uuid[])",
            Self::OneKey => "INSERT INTO upvotes (user_id, project_id) SELECT unnest($2::uuid[]), $1",
            Self::Update => "UPDATE upvotes SET is_upvote = NOT is_upvote WHERE id = ANY ($1)",
        }
    }
}

/// A copy of the showcase, with what bulk statements need.
struct Bulk {
    poll: Poll,
    /// Users for one-key statements; the first `ROWS` fresh ones, which no other statement uses.
    crowd: Arc<Vec<Uuid>>,
    next_project: Arc<AtomicUsize>,
    votes: Arc<Vec<Uuid>>,
}

impl Bulk {
    async fn of(arena: &Arena, poll: Poll) -> Result<Self, Failure> {
        let crowd = (0..ROWS).map(|_| poll.voters.next_user()).collect();
        let client = arena.connect(poll.config.get_dbname().unwrap_or_default()).await?;
        let votes = client.query("SELECT id FROM upvotes ORDER BY md5(id::text) LIMIT 200000", &[]).await?;
        let votes = Arc::new(votes.iter().map(|row| row.get(0)).collect());
        Ok(Self { poll, crowd: Arc::new(crowd), next_project: Arc::default(), votes })
    }

    fn load(&self, case: Case) -> Load {
        let feed: Feed = match case {
            Case::ManyKeys => {
                let voters = self.poll.voters.clone();
                Arc::new(move |_, _| {
                    let voters = voters.clone();
                    let mut begin = 0;
                    Box::new(move || {
                        // Another thousand projects each time, in the order of none of the indexes.
                        let projects = voters.projects();
                        begin += ROWS;
                        let keys = (0..ROWS.min(projects.len())).map(|n| projects[(begin + n) % projects.len()]);
                        vec![Value::Uuid(voters.next_user()), Value::Uuids(keys.collect())]
                    })
                })
            }
            Case::OneKey => {
                let (voters, crowd, next) =
                    (self.poll.voters.clone(), Arc::clone(&self.crowd), Arc::clone(&self.next_project));
                Arc::new(move |_, _| {
                    let (voters, crowd, next) = (voters.clone(), Arc::clone(&crowd), Arc::clone(&next));
                    Box::new(move || {
                        let project = voters.projects()[next.fetch_add(1, Ordering::Relaxed) % voters.projects().len()];
                        vec![Value::Uuid(project), Value::Uuids(crowd.to_vec())]
                    })
                })
            }
            Case::Update => {
                let votes = Arc::clone(&self.votes);
                Arc::new(move |_, _| {
                    let votes = Arc::clone(&votes);
                    let mut begin = 0;
                    Box::new(move || {
                        begin += ROWS;
                        vec![Value::Uuids((0..ROWS).map(|n| votes[(begin + n) % votes.len()]).collect())]
                    })
                })
            }
        };
        Load { config: self.poll.config.clone(), clients: 1, setup: String::new(), sql: case.sql().to_owned(), feed }
    }
}
