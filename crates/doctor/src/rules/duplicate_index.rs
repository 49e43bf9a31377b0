//! HW0822: two indexes that say the same. HW0823: one whose columns another begins with.
//!
//! `(user_id)` beside `(user_id, created_at)`: whatever the first finds, the second finds, and each write pays for both. An index that keeps
//! a key, or that a foreign key leads to, stays.

use super::indexes::Index;
use crate::finding::Finding;

/// Looks for both.
#[must_use]
pub fn find(indexes: &[Index]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, index) in indexes.iter().enumerate() {
        let candidates = indexes.iter().enumerate().filter(|(other, candidate)| {
            *other != at && candidate.is_valid && candidate.table == index.table && candidate.method == index.method
        });
        if !index.is_valid || index.is_needed || !index.is_applications() {
            continue;
        }
        let mut same = candidates.clone().filter(|(other, candidate)| {
            // Of two that both could go, the later one goes.
            says_the_same(index, candidate)
                && (!index.is_unique || candidate.is_unique)
                && (candidate.is_needed || candidate.is_unique && !index.is_unique || *other < at)
        });
        if let Some((_, other)) = same.next() {
            found.push(
                Finding::warning(
                    822,
                    index.qualified().short(),
                    format!("{} says the same as {}", name(index), name(other)),
                )
                .why("each write keeps both, and no query needs both")
                .sql(index.drop_statement()),
            );
        } else if let Some((_, other)) = candidates.clone().find(|(_, candidate)| begins(candidate, index)) {
            let message = format!("the columns of {} are those with which {} begins", name(index), name(other));
            found.push(
                Finding::note(823, index.qualified().short(), message)
                    .why("the longer one finds what the shorter one finds; each write keeps both")
                    .sql(index.drop_statement()),
            );
        }
    }
    found
}

fn name(index: &Index) -> &str {
    index.name.as_str()
}

fn says_the_same(one: &Index, other: &Index) -> bool {
    one.keys == other.keys && one.predicate == other.predicate && !one.has_more && !other.has_more
}

fn begins(long: &Index, short: &Index) -> bool {
    let fits = long.keys.len() > short.keys.len() && long.keys.starts_with(&short.keys);
    fits && short.method == "btree" && long.predicate == short.predicate && !short.is_unique && !short.has_more
}

#[cfg(test)]
mod tests {
    use super::super::indexes::sample;
    use super::*;

    fn names(indexes: &[Index]) -> Vec<(u16, String)> {
        find(indexes).into_iter().map(|finding| (finding.code.0, finding.object)).collect()
    }

    #[test]
    fn of_two_that_are_the_same_one_goes() {
        let (a, b) = (sample("a", &["1"]), sample("b", &["1"]));
        assert_eq!(names(&[a.clone(), b.clone()]), [(822, "b".to_owned())]);
        let key = Index { is_unique: true, is_needed: true, ..b.clone() };
        assert_eq!(names(&[a.clone(), key]), [(822, "a".to_owned())]);
        let unique = Index { is_unique: true, ..b.clone() };
        assert_eq!(names(&[a.clone(), unique]), [(822, "a".to_owned())]);
        let partial = Index { predicate: Some("x".into()), ..b };
        assert!(names(&[a, partial]).is_empty());
    }

    #[test]
    fn a_beginning_goes_but_not_a_unique_one() {
        let (short, long) = (sample("a", &["1"]), sample("b", &["1", "2"]));
        assert_eq!(names(&[short.clone(), long.clone()]), [(823, "a".to_owned())]);
        assert!(names(&[Index { is_unique: true, ..short.clone() }, long.clone()]).is_empty());
        assert!(names(&[Index { method: "gin".into(), ..short }, Index { method: "gin".into(), ..long }]).is_empty());
    }
}
