//! An expression with its text.

use std::fmt;

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use super::{build, print, visit};

/// An expression. Two are equal where they print the same, wherever they stood in the source.
#[derive(Clone)]
pub struct Expr {
    node: Node,
    text: String,
}

impl Expr {
    /// Takes a node as it is.
    #[must_use]
    pub fn new(node: Node) -> Self {
        let text = print::expression(&node);
        Self { node, text }
    }

    /// `relation.column`.
    #[must_use]
    pub fn column(relation: &str, column: &str) -> Self {
        Self::new(build::column(&[relation, column]))
    }

    /// The tree.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The SQL text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `(relation, column)` where it is nothing but a column.
    #[must_use]
    pub fn as_column(&self) -> Option<(&str, &str)> {
        match &self.node.node {
            Some(NodeEnum::ColumnRef(_)) => match build::column_parts(&self.node)?.as_slice() {
                [relation, column] => Some((relation, column)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The relations whose columns it reads.
    #[must_use]
    pub fn relations(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect_relations(&self.node, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// A copy in which `replace` has rewritten nodes top-down.
    #[must_use]
    pub fn rewritten(&self, replace: &mut dyn FnMut(&Node) -> Option<Node>) -> Self {
        let mut node = self.node.clone();
        visit::rewrite(&mut node, replace);
        Self::new(node)
    }

    /// The same expression over other relation names.
    #[must_use]
    pub fn renamed(&self, name: &dyn Fn(&str) -> String) -> Self {
        self.rewritten(&mut |node| match build::column_parts(node)?.as_slice() {
            [relation, column] => Some(build::column(&[&name(relation), column])),
            _ => None,
        })
    }
}

fn collect_relations(node: &Node, found: &mut Vec<String>) {
    if let Some(parts) = build::column_parts(node)
        && parts.len() == 2
    {
        found.push(parts[0].to_owned());
    }
    visit::children(node, &mut |child| collect_relations(child, found));
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expr {}

impl PartialOrd for Expr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Expr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Expr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
