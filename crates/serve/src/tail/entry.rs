//! One change of a row, as a route shows it.

use std::sync::Arc;

use bytes::Bytes;

use crate::page::read::Values;
use crate::position::Position;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It is now so.
    Put,
    /// It is no more.
    Gone,
    /// Everything may have changed: what was read is to be read anew.
    Reset,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// What became of the row.
    pub op: Op,
    /// The row's key, as JSON.
    pub key: Arc<str>,
    /// The item, as JSON.
    pub item: Option<Arc<str>>,
    /// The tracked values of the row as it is now.
    pub new: Option<Values>,
    /// Those of the row as it was before, as often as it changed.
    pub old: Vec<Values>,
}

/// What is sent to those who follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The place of the entry that it tells of.
    pub position: Position,
    /// It ends the stream: what was read is to be read anew.
    pub reset: bool,
    /// The event as it goes over the wire; the same bytes for all.
    pub bytes: Bytes,
}

/// The columns by which a slice is cut, as places among the tracked values, and the values there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Slice {
    /// Where the values stand among the tracked ones, ascending.
    pub columns: Box<[usize]>,
    /// The values.
    pub values: Values,
}

impl Slice {
    /// The slice of these columns that a row is in.
    #[must_use]
    pub fn of(columns: &[usize], row: &Values) -> Self {
        Self { columns: columns.into(), values: columns.iter().map(|column| row[*column].clone()).collect() }
    }

    /// True where the row is in it.
    #[must_use]
    pub fn holds(&self, row: &Values) -> bool {
        self.columns.iter().zip(&self.values).all(|(column, value)| row[*column] == *value)
    }
}

impl Entry {
    /// What those who follow the slice are told; `None` where it is none of theirs.
    #[must_use]
    pub fn told_to(&self, slice: &Slice) -> Option<Op> {
        match (self.op, &self.new) {
            (Op::Reset, _) => Some(Op::Reset),
            (Op::Put, Some(row)) if slice.holds(row) => Some(Op::Put),
            _ => self.old.iter().any(|row| slice.holds(row)).then_some(Op::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Values {
        values.iter().map(|value| Some((*value).into())).collect()
    }

    #[test]
    fn a_row_that_leaves_a_slice_is_gone_there_and_unknown_elsewhere() {
        let entry = |op, new: Option<&[&str]>, old: &[&[&str]]| Entry {
            position: Position::default(),
            op,
            key: "{}".into(),
            item: None,
            new: new.map(row),
            old: old.iter().map(|values| row(values)).collect(),
        };
        let slice = |world: &str| Slice::of(&[0], &row(&[world, "7"]));
        let moved = entry(Op::Put, Some(&["b", "7"]), &[&["a", "7"]]);
        assert_eq!(moved.told_to(&slice("b")), Some(Op::Put));
        assert_eq!(moved.told_to(&slice("a")), Some(Op::Gone));
        assert_eq!(moved.told_to(&slice("c")), None);
        let deleted = entry(Op::Gone, None, &[&["a", "7"]]);
        assert_eq!(deleted.told_to(&slice("a")), Some(Op::Gone));
        assert_eq!(deleted.told_to(&slice("b")), None);
        assert_eq!(entry(Op::Reset, None, &[]).told_to(&slice("c")), Some(Op::Reset));
    }
}
