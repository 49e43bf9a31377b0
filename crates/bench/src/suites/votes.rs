//! **vote-one-model**, **vote-showcase**, **scaling**: `INSERT` of one vote into the showcase's `upvotes` (five indexes, two
//! foreign keys), on keys that no other client touches: each client has projects of its own.
//!
//! One model: the number of upvotes per project, kept by nobody (bare), by the row trigger that an expert writes for it, by
//! a statement trigger with a transition table, by Headwater. Limits against bare: 1.15, 1.15, 1.20 at 1, 4, 16 clients, and not
//! worse than the row trigger. All models: 2. Scaling: throughput at 16 clients ÷ at one, against the same of bare: 0.9.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_postgres::Config;

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::{Measured, Spread, Variant, compare};
use crate::load::{Feed, Load, Uuid, Value};
use crate::report::{Outcome, Verdict};

/// A vote.
pub const VOTE: &str = "INSERT INTO upvotes (user_id, project_id) VALUES ($1, $2)";

/// Users that never voted before, and the projects.
#[derive(Clone)]
pub struct Voters {
    users: Arc<[Uuid]>,
    projects: Arc<[Uuid]>,
    next_user: Arc<AtomicUsize>,
}

impl Voters {
    /// Reads them; in a database of which no other `Voters` are in use.
    pub async fn of(arena: &Arena, config: &Config) -> Result<Self, Failure> {
        let client = arena.connect(config.get_dbname().unwrap_or_default()).await?;
        let users = "SELECT id FROM users WHERE username LIKE 'fresh\\_%' AND NOT EXISTS (SELECT FROM upvotes WHERE user_id = users.id) ORDER BY id";
        let projects = "SELECT id FROM projects WHERE NOT is_deleted ORDER BY md5(id::text)";
        let ids = async |sql: &str| -> Result<Arc<[Uuid]>, Failure> {
            Ok(client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
        };
        let (users, projects) = (ids(users).await?, ids(projects).await?);
        if users.is_empty() || projects.is_empty() {
            return Err("nobody is left to vote: every fresh user has voted already, or there is no project".into());
        }
        Ok(Self { users, projects, next_user: Arc::default() })
    }

    /// The projects, in an order that says nothing.
    pub fn projects(&self) -> &Arc<[Uuid]> {
        &self.projects
    }

    /// A user that has not voted yet.
    pub fn next_user(&self) -> Uuid {
        self.users[self.next_user.fetch_add(1, Ordering::Relaxed) % self.users.len()]
    }

    /// Client `c` of `n` votes on every nth project; when it is through with them, the next user goes on.
    pub fn feed(&self) -> Feed {
        let voters = self.clone();
        Arc::new(move |client, clients| {
            let voters = voters.clone();
            let (mut user, mut position) = (voters.next_user(), client);
            Box::new(move || {
                if position >= voters.projects.len() {
                    (user, position) = (voters.next_user(), client);
                }
                position += clients;
                vec![Value::Uuid(user), Value::Uuid(voters.projects[position - clients])]
            })
        })
    }
}

/// A copy of the showcase in which votes are cast.
pub struct Poll {
    pub name: &'static str,
    pub config: Config,
    pub voters: Voters,
}

impl Poll {
    fn variant(&self, clients: usize, against: Option<usize>, limit: Option<f64>) -> Variant {
        let load = Load {
            config: self.config.clone(),
            clients,
            setup: String::new(),
            sql: VOTE.to_owned(),
            feed: self.voters.feed(),
        };
        Variant { name: self.name.to_owned(), load, against, limit }
    }
}

/// How votes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Bare,
    RowTrigger,
    StatementTrigger,
    OneModel,
    Showcase,
}

/// A copy of the showcase for it.
pub async fn poll(arena: &Arena, scale: f64, counted: Counted) -> Result<Poll, Failure> {
    let base = arena.showcase(scale).await?;
    let (name, database) = match counted {
        Counted::Bare => ("bare", "votes_bare"),
        Counted::RowTrigger => ("row trigger", "votes_row"),
        Counted::StatementTrigger => ("statement trigger", "votes_statement"),
        Counted::OneModel => ("headwater", "votes_model"),
        Counted::Showcase => ("headwater, all models", "votes_showcase"),
    };
    let config = arena.copy(&base, database).await?;
    match counted {
        Counted::Bare => prepare(&config, "").await?,
        Counted::RowTrigger => prepare(&config, &arena.baseline("vote_row_trigger.sql")?).await?,
        Counted::StatementTrigger => prepare(&config, &arena.baseline("vote_statement_trigger.sql")?).await?,
        Counted::OneModel => arena.apply(&config, &[arena.baseline_model("vote_counts.sql")?]).await?,
        Counted::Showcase => arena.apply(&config, &arena.showcase_models(&[])?).await?,
    }
    Ok(Poll { name, voters: Voters::of(arena, &config).await?, config })
}

/// One count.
pub async fn one_model(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let mut polls = Vec::new();
    for counted in [Counted::Bare, Counted::RowTrigger, Counted::StatementTrigger, Counted::OneModel] {
        polls.push(poll(arena, scale, counted).await?);
    }
    let mut all = Vec::new();
    let mut against_expert = Vec::new();
    for (clients, limit) in [(1, 1.15), (4, 1.15), (16, 1.20)] {
        let variants: Vec<Variant> = polls
            .iter()
            .enumerate()
            .map(|(position, poll)| {
                poll.variant(clients, (position > 0).then_some(0), (position == 3).then_some(limit))
            })
            .collect();
        let measured = compare(arena, "one vote", &variants).await?;
        let ratio = round_by_round(&measured[1], &measured[3]);
        let cpu = Spread::of(
            measured[3].turns.iter().zip(&measured[1].turns).map(|(one, other)| one.cpu_each() / other.cpu_each()),
        );
        against_expert.push(Verdict::at_most(
            format!("time ÷ time with the row trigger, {clients} clients"),
            ratio.median,
            1.0,
        ));
        against_expert.push(Verdict::at_most(
            format!("CPU ÷ CPU with the row trigger, {clients} clients"),
            cpu.median,
            1.0,
        ));
        all.extend(measured);
    }
    let mut outcome = Outcome::of(&all);
    outcome.verdicts.extend(against_expert);
    Ok(outcome)
}

/// Throughput of one ÷ throughput of the other, round by round.
fn round_by_round(one: &Measured, other: &Measured) -> Spread {
    Spread::of(one.turns.iter().zip(&other.turns).map(|(one, other)| one.per_second() / other.per_second()))
}

/// All models.
pub async fn showcase(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let polls = [poll(arena, scale, Counted::Bare).await?, poll(arena, scale, Counted::Showcase).await?];
    let mut all = Vec::new();
    for clients in [1, 4, 16] {
        let variants = [polls[0].variant(clients, None, None), polls[1].variant(clients, Some(0), Some(2.0))];
        all.extend(compare(arena, "one vote", &variants).await?);
    }
    Ok(Outcome::of(&all))
}

/// 16 clients against one.
pub async fn scaling(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let polls = [poll(arena, scale, Counted::Bare).await?, poll(arena, scale, Counted::OneModel).await?];
    let variants: Vec<Variant> =
        [1, 16].iter().flat_map(|clients| polls.iter().map(|poll| poll.variant(*clients, None, None))).collect();
    let measured = compare(arena, "one vote", &variants).await?;
    let gain = |one: usize, sixteen: usize| round_by_round(&measured[sixteen], &measured[one]);
    let (bare, headwater) = (gain(0, 2), gain(1, 3));
    let kept = Spread::of((0..measured[0].turns.len()).map(|round| {
        let per_second = |variant: usize| measured[variant].turns[round].per_second();
        (per_second(3) / per_second(1)) / (per_second(2) / per_second(0))
    }));
    let mut outcome = Outcome::of(&measured);
    outcome.notes.push(format!(
        "16 clients ÷ 1 client: bare {:.2}, headwater {:.2}; kept {:.2} ({:.2}–{:.2})",
        bare.median, headwater.median, kept.median, kept.min, kept.max
    ));
    outcome.verdicts.push(Verdict::at_least("headwater's gain from 1 to 16 clients ÷ bare's", kept.median, 0.9));
    Ok(outcome)
}
