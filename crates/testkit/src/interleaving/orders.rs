//! The orders in which the steps of several sessions can meet.

use super::spec::Spec;

/// More orders than this are thinned out evenly.
const MOST: usize = 60;

/// An isolation level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// READ COMMITTED.
    Committed,
    /// REPEATABLE READ.
    Repeatable,
    /// SERIALIZABLE.
    Serializable,
}

impl Isolation {
    /// `rc`, `rr`, `ser`, or one per session with `-` between; the last stands for the remaining sessions.
    #[must_use]
    pub fn parse_all(text: &str, sessions: usize) -> Option<Vec<Self>> {
        let given: Option<Vec<Self>> = text
            .split('-')
            .map(|word| match word {
                "rc" => Some(Self::Committed),
                "rr" => Some(Self::Repeatable),
                "ser" => Some(Self::Serializable),
                _ => None,
            })
            .collect();
        let given = given?;
        let last = *given.last()?;
        Some((0..sessions).map(|session| given.get(session).copied().unwrap_or(last)).collect())
    }

    /// For BEGIN.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Committed => "READ COMMITTED",
            Self::Repeatable => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }

    fn short(self) -> &'static str {
        match self {
            Self::Committed => "rc",
            Self::Repeatable => "rr",
            Self::Serializable => "ser",
        }
    }

    /// True where the moment of BEGIN, and so of the snapshot, matters.
    #[must_use]
    pub fn keeps_snapshot(self) -> bool {
        self != Self::Committed
    }
}

/// `rr-rc`, or `rr` where all are the same.
#[must_use]
pub fn short(levels: &[Isolation]) -> String {
    match levels {
        [first, rest @ ..] if rest.iter().all(|level| level == first) => first.short().to_owned(),
        _ => levels.iter().map(|level| level.short()).collect::<Vec<_>>().join("-"),
    }
}

/// One element of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which session.
    pub session: usize,
    /// Which of its steps; `None` for BEGIN and the snapshot.
    pub step: Option<usize>,
    /// As it is shown.
    pub name: String,
}

/// `a b a1 b1 a.end b.end`.
#[must_use]
pub fn text(order: &[Token]) -> String {
    order.iter().map(|token| token.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// The orders of a spec at these levels: those given, or all. A session that keeps no snapshot begins with its first step.
#[must_use]
pub fn orders(spec: &Spec, levels: &[Isolation]) -> Vec<Vec<Token>> {
    let mut found = if spec.orders.is_empty() { all(&lanes(spec, levels)) } else { spec.orders.clone() };
    if spec.orders.is_empty() && found.len() > MOST {
        let stride = found.len().div_ceil(MOST);
        // Neither an even nor a round stride, which could fall in step with the pattern of the orders.
        let stride = stride + usize::from(stride % 2 == 0);
        found = found.into_iter().step_by(stride).collect();
    }
    found
}

fn lanes(spec: &Spec, levels: &[Isolation]) -> Vec<Vec<Token>> {
    spec.sessions
        .iter()
        .enumerate()
        .map(|(session, declared)| {
            let begin = Token { session, step: None, name: declared.name.clone() };
            let steps = declared.steps.iter().enumerate();
            let steps = steps.map(|(step, one)| Token { session, step: Some(step), name: one.name.clone() });
            levels[session].keeps_snapshot().then_some(begin).into_iter().chain(steps).collect()
        })
        .collect()
}

fn all(lanes: &[Vec<Token>]) -> Vec<Vec<Token>> {
    if lanes.iter().all(Vec::is_empty) {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for lane in (0..lanes.len()).filter(|lane| !lanes[*lane].is_empty()) {
        let mut rest = lanes.to_vec();
        let first = rest[lane].remove(0);
        for mut order in all(&rest) {
            order.insert(0, first.clone());
            found.push(order);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sessions_of_three_have_twenty_orders() {
        let spec = Spec::parse("t", "session a\nstep a1 { x }\nsession b\nstep b1 { y }\n").unwrap();
        assert_eq!(orders(&spec, &spec.levels[0]).len(), 6);
        assert_eq!(orders(&spec, &spec.levels[1]).len(), 20);
        assert_eq!(text(&orders(&spec, &spec.levels[1])[0]), "a a1 a.end b b1 b.end");
        assert_eq!(short(&spec.levels[3]), "rr-rc");
    }
}
