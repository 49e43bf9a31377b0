//! Reading `pg_node_tree`: the text in which PostgreSQL stores a view's query.
//!
//! `{OPEXPR :opno 96 :opfuncid 65 :args ({VAR :varno 1 …} {CONST …})}`: nodes in braces with named fields, lists in
//! parentheses, atoms between. A backslash takes the meaning from the character after it. The functions that an
//! expression calls stand nowhere else: neither `pg_depend` (it leaves built-in ones out) nor the text has them.

use std::collections::BTreeSet;

/// An object id.
pub(super) type Oid = u32;

/// `bool`'s object id.
const BOOL: Oid = 16;

/// A parsed tree: nodes by number, the root first. Flat, so that neither reading nor dropping a deep one recurses.
pub(super) struct NodeTree<'a> {
    nodes: Vec<Node<'a>>,
}

struct Node<'a> {
    /// `OPEXPR`, or `(` for a list, whose items are in one field without a name.
    name: &'a str,
    fields: Vec<(&'a str, Vec<Item<'a>>)>,
}

enum Item<'a> {
    Atom(&'a str),
    Node(usize),
}

/// What a query uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Tables and views in its FROM clauses.
    pub(super) relations: BTreeSet<Oid>,
    /// Functions, operators' functions and aggregates.
    pub(super) functions: BTreeSet<Oid>,
    /// Types whose output function a cast by way of text calls; `None` where the type could not be told.
    pub(super) output_of: BTreeSet<Option<Oid>>,
    /// Types whose input function such a cast calls.
    pub(super) input_of: BTreeSet<Oid>,
    /// `CURRENT_DATE` and its like, which the grammar treats apart from functions.
    pub(super) keywords: BTreeSet<&'static str>,
}

/// The fields that name a function.
const FUNCTION_FIELDS: [&str; 6] = ["funcid", "opfuncid", "hashfuncid", "negfuncid", "aggfnoid", "winfnoid"];

/// The fields that name an expression's type, each in another kind of node.
const TYPE_FIELDS: [&str; 16] = [
    "vartype",
    "consttype",
    "funcresulttype",
    "opresulttype",
    "aggtype",
    "wintype",
    "paramtype",
    "resulttype",
    "coalescetype",
    "minmaxtype",
    "casetype",
    "array_typeid",
    "row_typeid",
    "typeId",
    "refrestype",
    "type",
];

/// `SQLValueFunctionOp` of PostgreSQL's `primnodes.h`, in its order, the same since version 10.
const KEYWORDS: [&str; 15] = [
    "current_date",
    "current_time",
    "current_time",
    "current_timestamp",
    "current_timestamp",
    "localtime",
    "localtime",
    "localtimestamp",
    "localtimestamp",
    "current_role",
    "current_user",
    "user",
    "session_user",
    "current_catalog",
    "current_schema",
];

impl<'a> NodeTree<'a> {
    /// Reads `text` as the server wrote it.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for token in tokens(text) {
            match token {
                "{" | "(" => {
                    let number = nodes.len();
                    if let Some(parent) = open.last() {
                        nodes[*parent].push(Item::Node(number));
                    }
                    let list = token == "(";
                    let fields = if list { vec![("", Vec::new())] } else { Vec::new() };
                    nodes.push(Node { name: if list { token } else { "" }, fields });
                    open.push(number);
                }
                "}" | ")" => {
                    open.pop();
                }
                atom => {
                    let Some(current) = open.last() else { continue };
                    let node = &mut nodes[*current];
                    match atom.strip_prefix(':') {
                        _ if node.name.is_empty() => node.name = atom,
                        Some(field) if node.name != "(" => node.fields.push((field, Vec::new())),
                        _ => node.push(Item::Atom(atom)),
                    }
                }
            }
        }
        Self { nodes }
    }

    /// All that the query uses, its sub-selects included.
    pub(super) fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        for node in &self.nodes {
            uses.functions.extend(FUNCTION_FIELDS.iter().filter_map(|field| node.oid(field)));
            uses.relations.extend(node.oid("relid"));
            match node.name {
                "COERCEVIAIO" => {
                    uses.output_of.insert(node.child("arg").and_then(|argument| self.type_of(argument)));
                    uses.input_of.extend(node.oid("resulttype"));
                }
                "SQLVALUEFUNCTION" => {
                    uses.keywords.extend(node.atom("op").and_then(|op| KEYWORDS.get(op.parse::<usize>().ok()?)));
                }
                _ => {}
            }
        }
        uses
    }

    /// An expression's type, where its node tells.
    fn type_of(&self, number: usize) -> Option<Oid> {
        let node = &self.nodes[number];
        match node.name {
            "BOOLEXPR" | "NULLTEST" | "BOOLEANTEST" | "SCALARARRAYOPEXPR" | "ROWCOMPAREEXPR" => Some(BOOL),
            "COLLATEEXPR" => self.type_of(node.child("arg")?),
            "SUBLINK" => match node.atom("subLinkType")? {
                "0" | "1" | "2" | "3" => Some(BOOL),
                "4" => {
                    let query = &self.nodes[node.child("subselect")?];
                    let targets = &self.nodes[query.child("targetList")?];
                    let target = &self.nodes[targets.child("")?];
                    self.type_of(target.child("expr")?)
                }
                _ => None,
            },
            _ => TYPE_FIELDS.iter().find_map(|field| node.oid(field)),
        }
    }
}

impl<'a> Node<'a> {
    /// Adds to the field read last.
    fn push(&mut self, item: Item<'a>) {
        if let Some((_, items)) = self.fields.last_mut() {
            items.push(item);
        }
    }

    fn first(&self, field: &str) -> Option<&Item<'a>> {
        self.fields.iter().find(|(name, _)| *name == field)?.1.first()
    }

    fn atom(&self, field: &str) -> Option<&'a str> {
        match self.first(field)? {
            Item::Atom(atom) => Some(atom),
            Item::Node(_) => None,
        }
    }

    fn child(&self, field: &str) -> Option<usize> {
        match self.first(field)? {
            Item::Node(number) => Some(*number),
            Item::Atom(_) => None,
        }
    }

    /// The field's object id; zero means none.
    fn oid(&self, field: &str) -> Option<Oid> {
        self.atom(field)?.parse().ok().filter(|oid| *oid != 0)
    }
}

/// Splits as `pg_strtok` does: braces and parentheses alone, everything else up to white space or one of them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\n', '\t']);
        let bytes = rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() && !b" \n\t(){}".contains(&bytes[end]) {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let mut end = end.max(1).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (token, after) = rest.split_at(end);
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_query_uses() {
        let text = r"({QUERY :rtable ({RTE :rtekind 0 :relid 16385 :alias {ALIAS :aliasname a\ \{b :colnames <>}})
            :targetList ({TARGETENTRY :expr {OPEXPR :opno 96 :opfuncid 65 :args ({VAR :varno 1 :vartype 23})} :resno 1}
            {TARGETENTRY :expr {COERCEVIAIO :arg {VAR :varno 1 :vartype 1184} :resulttype 25}}
            {TARGETENTRY :expr {SQLVALUEFUNCTION :op 0 :type 1082}})})";
        let uses = NodeTree::parse(text).uses();
        assert_eq!(uses.relations, [16385].into());
        assert_eq!(uses.functions, [65].into());
        assert_eq!(uses.output_of, [Some(1184)].into());
        assert_eq!(uses.input_of, [25].into());
        assert_eq!(uses.keywords, ["current_date"].into());
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = format!("{}{}", "{OPEXPR :opfuncid 65 :args (".repeat(100_000), ")}".repeat(100_000));
        assert_eq!(NodeTree::parse(&deep).uses().functions, [65].into());
    }
}
