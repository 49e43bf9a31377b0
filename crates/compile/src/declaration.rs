//! A declared schema: the statements of SQL files that make tables, their keys and their indexes, so that they can be run in a schema of
//! their own.
//!
//! Names in `public` lose their schema. What does not shape a table (data, grants, comments, views, triggers, `DO`) is left out. A statement
//! that would reach a table which the files do not declare is a problem: it would lock, or change, one of the database.

use std::collections::BTreeSet;

use pg_query::protobuf::{AlterTableType, Node, ObjectType, RangeVar, TypeName};

use crate::parse::SourceFile;
use crate::tree::{NodeEnum, build, print, with_deep_stack};

/// A statement of a declared schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The statement, without a schema.
    pub sql: String,
    /// The table that it shapes; none for types, sequences and functions.
    pub table: Option<String>,
    /// Where it stands: `file:line`.
    pub place: String,
}

/// What files declare, and what of it cannot be looked at, as `(place, reason)`.
#[must_use]
pub fn declared(files: &[SourceFile]) -> (Vec<Declared>, Vec<(String, String)>) {
    with_deep_stack(|| {
        let mut reading = Reading::default();
        for file in files {
            reading.file(file);
        }
        (reading.statements, reading.problems)
    })
}

#[derive(Default)]
struct Reading {
    tables: BTreeSet<String>,
    types: BTreeSet<String>,
    statements: Vec<Declared>,
    problems: Vec<(String, String)>,
}

impl Reading {
    fn file(&mut self, file: &SourceFile) {
        let parsed = match pg_query::parse(&file.text, 0) {
            Ok(parsed) => parsed,
            Err(error) => return self.problems.push((file.path.clone(), error.to_string())),
        };
        for raw in parsed.protobuf.stmts {
            // The location is that of the white space before the statement.
            let start = usize::try_from(raw.stmt_location).unwrap_or_default();
            let rest = file.text.get(start..).unwrap_or_default();
            let line = 1 + file.text[..start + (rest.len() - rest.trim_start().len())].matches('\n').count();
            let place = format!("{}:{line}", file.path);
            let Some(mut node) = raw.stmt.and_then(|statement| statement.node) else { continue };
            match self.shape(&mut node) {
                Ok(Some(table)) => self.statements.push(Declared { sql: print::statement(node), table, place }),
                Ok(None) => {}
                Err(reason) => self.problems.push((place, reason)),
            }
        }
    }

    /// Takes the schema out of a statement; gives the table that it shapes, or nothing where it shapes none and is left out.
    fn shape(&mut self, node: &mut NodeEnum) -> Result<Option<Option<String>>, String> {
        match node {
            NodeEnum::CreateStmt(create) => {
                let name = own(create.relation.as_mut())?;
                self.tables.insert(name.clone());
                for parent in &mut create.inh_relations {
                    if let Some(NodeEnum::RangeVar(range)) = &mut parent.node {
                        self.known(range)?;
                    }
                }
                for element in create.table_elts.iter_mut().chain(&mut create.constraints) {
                    self.references(element)?;
                }
                Ok(Some(Some(name)))
            }
            NodeEnum::AlterTableStmt(alter) => {
                if alter.objtype() != ObjectType::ObjectTable {
                    return Ok(None);
                }
                let name = self.known_of(alter.relation.as_mut())?;
                let shapes = |command: &Node| match &command.node {
                    Some(NodeEnum::AlterTableCmd(command)) => !matches!(
                        command.subtype(),
                        AlterTableType::AtChangeOwner
                            | AlterTableType::AtSetTableSpace
                            | AlterTableType::AtSetRelOptions
                    ),
                    _ => true,
                };
                alter.cmds.retain(shapes);
                for command in &mut alter.cmds {
                    if let Some(NodeEnum::AlterTableCmd(command)) = &mut command.node
                        && let Some(definition) = command.def.as_deref_mut()
                    {
                        self.references(definition)?;
                    }
                }
                Ok((!alter.cmds.is_empty()).then_some(Some(name)))
            }
            NodeEnum::IndexStmt(index) => {
                // Nobody waits for a table that nobody else sees.
                index.concurrent = false;
                self.known_of(index.relation.as_mut()).map(|name| Some(Some(name)))
            }
            NodeEnum::RenameStmt(rename) if rename.relation.is_some() => {
                let name = self.known_of(rename.relation.as_mut())?;
                if rename.rename_type() == ObjectType::ObjectTable {
                    self.tables.insert(rename.newname.clone());
                }
                Ok(Some(Some(name)))
            }
            NodeEnum::CreateSeqStmt(sequence) => own(sequence.sequence.as_mut()).map(|_| Some(None)),
            NodeEnum::CompositeTypeStmt(composite) => {
                let name = own(composite.typevar.as_mut())?;
                composite.coldeflist.iter_mut().try_for_each(|column| self.references(column))?;
                self.types.insert(name);
                Ok(Some(None))
            }
            NodeEnum::CreateEnumStmt(named) => self.new_type(&mut named.type_name),
            NodeEnum::CreateDomainStmt(named) => {
                self.own_type(named.type_name.as_mut());
                self.new_type(&mut named.domainname)
            }
            NodeEnum::CreateFunctionStmt(named) => without_schema(&mut named.funcname).map(|_| Some(None)),
            _ => Ok(None),
        }
    }

    fn new_type(&mut self, names: &mut Vec<Node>) -> Result<Option<Option<String>>, String> {
        self.types.insert(without_schema(names)?);
        Ok(Some(None))
    }

    /// A declared type is the one that the files make, not the database's.
    fn own_type(&self, name: Option<&mut TypeName>) {
        let Some(name) = name else { return };
        if let Some(["public", own]) = build::strings(&name.names).as_deref()
            && self.types.contains(*own)
        {
            name.names = vec![build::string(own)];
        }
    }

    /// The foreign keys of a column or constraint must lead to declared tables, and its types to declared types.
    fn references(&self, element: &mut Node) -> Result<(), String> {
        match &mut element.node {
            Some(NodeEnum::ColumnDef(column)) => {
                self.own_type(column.type_name.as_mut());
                column.constraints.iter_mut().try_for_each(|constraint| self.references(constraint))
            }
            Some(NodeEnum::Constraint(constraint)) => {
                if let Some(NodeEnum::TypeCast(cast)) = constraint.raw_expr.as_mut().and_then(|expr| expr.node.as_mut())
                {
                    self.own_type(cast.type_name.as_mut());
                }
                constraint.pktable.as_mut().map_or(Ok(()), |target| self.known(target))
            }
            _ => Ok(()),
        }
    }

    fn known_of(&self, range: Option<&mut RangeVar>) -> Result<String, String> {
        let range = range.ok_or("it names no table")?;
        self.known(range)?;
        Ok(range.relname.clone())
    }

    fn known(&self, range: &mut RangeVar) -> Result<(), String> {
        let name = own(Some(&mut *range))?;
        match self.tables.contains(&name) {
            true => Ok(()),
            false => Err(format!("{name} is not declared before it is used; declare its table in the files, too")),
        }
    }
}

/// The name, without the schema `public`.
fn own(range: Option<&mut RangeVar>) -> Result<String, String> {
    let range = range.ok_or("it names no table")?;
    if !matches!(range.schemaname.as_str(), "" | "public") {
        return Err(format!("the schema {} is not looked at; only public is", range.schemaname));
    }
    range.schemaname.clear();
    Ok(range.relname.clone())
}

fn without_schema(names: &mut Vec<Node>) -> Result<String, String> {
    let name = match build::strings(names).unwrap_or_default().as_slice() {
        ["public", name] | [name] => (*name).to_owned(),
        _ => return Err("only names in public are looked at".to_owned()),
    };
    *names = vec![build::string(&name)];
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<(String, String)>) {
        let (statements, problems) = declared(&[SourceFile { path: "s.sql".into(), text: text.into() }]);
        (statements.into_iter().map(|one| one.sql).collect(), problems)
    }

    #[test]
    fn what_shapes_tables_is_kept_without_its_schema() {
        let (statements, problems) = read(
            "CREATE TYPE public.mood AS ENUM ('a');
             CREATE TABLE public.users (id int PRIMARY KEY, feels public.mood DEFAULT 'a'::public.mood);
             CREATE TABLE posts (id int, user_id int REFERENCES public.users (id));
             CREATE INDEX CONCURRENTLY posts_user ON public.posts (user_id);
             INSERT INTO users VALUES (1); GRANT SELECT ON users TO app; DO $$BEGIN END$$; DROP TABLE users;",
        );
        assert_eq!(problems, []);
        assert_eq!(statements.len(), 4);
        assert!(
            statements.iter().all(|sql| !sql.contains("public") && !sql.contains("CONCURRENTLY")),
            "{statements:?}"
        );
    }

    #[test]
    fn what_would_reach_other_tables_is_a_problem() {
        for (text, reason) in [
            ("CREATE TABLE a (id int REFERENCES b)", "b is not declared"),
            ("\nALTER TABLE b ADD COLUMN c int", "b is not declared"),
            ("CREATE INDEX ON b (c)", "b is not declared"),
            ("CREATE TABLE other.a (id int)", "the schema other"),
            ("CREATE TABLE a (", "syntax error"),
        ] {
            let (statements, problems) = read(text);
            assert!(statements.is_empty(), "{statements:?}");
            assert!(problems[0].1.contains(reason), "{problems:?}");
        }
        assert_eq!(read("CREATE TABLE a ();\n\nCREATE INDEX ON b (c)").1[0].0, "s.sql:3");
    }
}
