//! The name that a mistyped one was probably meant to be.

/// The candidate closest to `written`, where one is close enough to suggest.
pub(super) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    let distances = candidates.into_iter().map(|candidate| (distance(written, candidate), candidate));
    distances.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= limit).map(|(_, name)| name)
}

/// Edits between two names, letter case aside (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_close() {
        let known = ["realtime", "eventual", "access"];
        assert_eq!(nearest("realtme", known), Some("realtime"));
        assert_eq!(nearest("Acces", known), Some("access"));
        assert_eq!(nearest("owner", known), None);
    }
}
