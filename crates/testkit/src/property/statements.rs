//! Statements of every kind, and scripts of transactions. A script is a list of SQL texts: any of them can be left out.

use super::tables::{Column, Table};
use super::{below, chance, pick};
use crate::traffic::Random;

/// Makes statements.
#[derive(Debug, Clone)]
pub struct Writer {
    tables: Vec<Table>,
    random: Random,
    major: u32,
}

const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

impl Writer {
    /// Over these tables, from a seed, for a server of version `major`.
    #[must_use]
    pub fn new(tables: &[Table], seed: u64, major: u32) -> Self {
        let mut random = Random::new(seed);
        // Neighbouring seeds begin alike.
        for _ in 0..8 {
            random.number();
        }
        Self { tables: tables.to_vec(), random, major }
    }

    /// Some rows in every table, parents first.
    pub fn population(&mut self) -> Vec<String> {
        let mut order: Vec<usize> = (0..self.tables.len()).collect();
        order.sort_by_key(|number| self.depth(*number, 0));
        let mut script = Vec::new();
        for number in order {
            let table = self.tables[number].clone();
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            for row in 0..12 {
                let values = table.first_row(row, &mut self.random).join(", ");
                script.push(format!(
                    "INSERT INTO {} ({}) VALUES ({values}) ON CONFLICT DO NOTHING",
                    table.name,
                    names.join(", ")
                ));
            }
        }
        script
    }

    fn depth(&self, number: usize, level: usize) -> usize {
        let parents = self.tables[number].columns.iter().filter_map(|column| column.references);
        let deepest =
            parents.filter(|parent| *parent != number && level < 8).map(|parent| 1 + self.depth(parent, level + 1));
        deepest.max().unwrap_or(0)
    }

    /// One transaction, or one statement that is its own.
    pub fn transaction(&mut self, crowd: bool) -> Vec<String> {
        if chance(&mut self.random, 35) {
            return vec![self.statement(true)];
        }
        let level = *pick(&mut self.random, &LEVELS);
        let mut script = vec![format!("BEGIN ISOLATION LEVEL {level}")];
        let mut savepoints = 0;
        for _ in 0..=below(&mut self.random, if crowd { 3 } else { 5 }) {
            if chance(&mut self.random, 40) {
                savepoints += 1;
                script.push(format!("SAVEPOINT s{savepoints}"));
            }
            // TRUNCATE at a higher level is refused where it cannot be exact.
            script.push(self.statement(level == LEVELS[0]));
            if savepoints > 0 && chance(&mut self.random, 25) {
                script.push(format!("ROLLBACK TO SAVEPOINT s{savepoints}"));
            } else if savepoints > 0 && chance(&mut self.random, 20) {
                script.push(format!("RELEASE SAVEPOINT s{savepoints}"));
                savepoints -= 1;
            }
        }
        script.push(if chance(&mut self.random, 85) { "COMMIT" } else { "ROLLBACK" }.to_owned());
        script
    }

    /// One statement.
    pub fn statement(&mut self, truncate: bool) -> String {
        match below(&mut self.random, 100) {
            0..=9 => self.several_in_one(),
            10..=17 => self.block(),
            18 if truncate => {
                let table = self.table().name.clone();
                format!("TRUNCATE {table} CASCADE")
            }
            19..=26 if self.major >= 15 => self.merge(),
            _ => self.change(),
        }
    }

    fn table(&mut self) -> Table {
        pick(&mut self.random, &self.tables).clone()
    }

    /// INSERT, UPDATE or DELETE.
    fn change(&mut self) -> String {
        let table = self.table();
        match below(&mut self.random, 100) {
            0..=29 => {
                let rows = if chance(&mut self.random, 60) { 1 } else { 2 + below(&mut self.random, 4) };
                self.insert_into(&table, rows)
            }
            30..=36 => self.insert_selected(&table),
            37..=47 => self.upsert(&table),
            48..=81 => self.update(&table),
            _ => self.delete(&table),
        }
    }

    fn insert_into(&mut self, table: &Table, rows: usize) -> String {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let rows: Vec<String> = (0..rows).map(|_| self.row(table)).collect();
        format!("INSERT INTO {} ({}) VALUES {}", table.name, names.join(", "), rows.join(", "))
    }

    fn row(&mut self, table: &Table) -> String {
        let values: Vec<String> = table.columns.iter().map(|column| table.value(column, &mut self.random)).collect();
        format!("({})", values.join(", "))
    }

    /// A row for each of some rows of a referenced table, with ids made from theirs.
    fn insert_selected(&mut self, table: &Table) -> String {
        let Some(parent) =
            table.columns.iter().find_map(|column| column.references).map(|number| self.tables[number].clone())
        else {
            return self.insert_into(table, 2);
        };
        let mark = below(&mut self.random, 4);
        let mut linked = false;
        let values: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                if column.references == Some(parent.number) && !linked {
                    linked = true;
                    "r.id".to_owned()
                } else if column.ty == "uuid" && column.key {
                    format!("md5(r.id::text || '{}{mark}')::uuid", table.name)
                } else if column.unique {
                    format!("'{}' || r.id::text", column.name)
                } else {
                    table.value(column, &mut self.random)
                }
            })
            .collect();
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let condition = self.condition(&parent, "r.");
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {} r{condition} ON CONFLICT DO NOTHING",
            table.name,
            names.join(", "),
            values.join(", "),
            parent.name
        )
    }

    fn upsert(&mut self, table: &Table) -> String {
        let key: Vec<&str> = table.key().map(|column| column.name.as_str()).collect();
        let rows = 1 + below(&mut self.random, 2);
        let insert = self.insert_into(table, rows);
        if key.is_empty() || chance(&mut self.random, 30) {
            return format!("{insert} ON CONFLICT DO NOTHING");
        }
        let others: Vec<&Column> = table.columns.iter().filter(|column| !column.key).collect();
        let mut set: Vec<String> = Vec::new();
        for _ in 0..=below(&mut self.random, 2) {
            let column = pick(&mut self.random, &others);
            set.push(format!("{0} = EXCLUDED.{0}", column.name));
        }
        set.sort();
        set.dedup();
        format!("{insert} ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "))
    }

    fn update(&mut self, table: &Table) -> String {
        let set = self.assignments(table);
        let condition = self.condition(table, "");
        format!("UPDATE {} SET {set}{condition}", table.name)
    }

    /// New values for one to three columns; key columns and references among them.
    fn assignments(&mut self, table: &Table) -> String {
        let mut set: Vec<(String, String)> = Vec::new();
        for _ in 0..=below(&mut self.random, 3) {
            let column = pick(&mut self.random, &table.columns).clone();
            if set.iter().any(|(name, _)| *name == column.name) || column.key && chance(&mut self.random, 60) {
                continue;
            }
            let value = match column.ty.as_str() {
                "boolean" if chance(&mut self.random, 60) => format!("NOT {}", column.name),
                "integer" if chance(&mut self.random, 50) => format!("{} + 1", column.name),
                _ => table.value(&column, &mut self.random),
            };
            set.push((column.name, value));
        }
        if set.is_empty() {
            let column = table.columns.last().expect("a table has columns");
            set.push((column.name.clone(), table.value(column, &mut self.random)));
        }
        set.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    }

    fn delete(&mut self, table: &Table) -> String {
        let condition = self.condition(table, "");
        format!("DELETE FROM {}{condition}", table.name)
    }

    /// Mostly one row, sometimes some, rarely all.
    fn condition(&mut self, table: &Table, prefix: &str) -> String {
        let key: Vec<Column> = table.key().cloned().collect();
        let way = below(&mut self.random, 100);
        if way < 3 {
            return String::new();
        }
        if way < 55 && !key.is_empty() {
            let values = |random: &mut Random| {
                key.iter()
                    .map(|column| format!("{prefix}{} = {}", column.name, table.value(column, random)))
                    .collect::<Vec<_>>()
                    .join(" AND ")
            };
            return format!(" WHERE {}", values(&mut self.random));
        }
        let column = pick(&mut self.random, &table.columns).clone();
        let value = table.value(&column, &mut self.random);
        let name = format!("{prefix}{}", column.name);
        match value.as_str() {
            "NULL" => format!(" WHERE {name} IS NULL"),
            _ if chance(&mut self.random, 15) => format!(" WHERE {name} <= {value}"),
            _ => format!(" WHERE {name} = {value}"),
        }
    }

    fn merge(&mut self) -> String {
        let table = self.table();
        let key: Vec<String> = table.key().map(|column| column.name.clone()).collect();
        // MERGE that moves a row between partitions tells no statement trigger: a known limit.
        if key.is_empty() || table.partitioned {
            return self.change();
        }
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let casts: Vec<String> = table.columns.iter().map(|column| format!("CAST(NULL AS {})", column.ty)).collect();
        let rows: Vec<String> = (0..2 + below(&mut self.random, 3)).map(|_| self.row(&table)).collect();
        let on: Vec<String> = key.iter().map(|name| format!("t.{name} = s.{name}")).collect();
        let set: Vec<String> = {
            let others: Vec<&Column> = table.columns.iter().filter(|column| !column.key).collect();
            let first = pick(&mut self.random, &others).name.clone();
            vec![format!("{first} = s.{first}")]
        };
        let condition = pick(&mut self.random, &table.columns).name.clone();
        let inserted: Vec<String> = names.iter().map(|name| format!("s.{name}")).collect();
        let deletes = if chance(&mut self.random, 50) {
            format!(" WHEN MATCHED AND s.{condition} = t.{condition} THEN DELETE")
        } else {
            String::new()
        };
        format!(
            "MERGE INTO {} t USING (SELECT DISTINCT ON ({keys}) * FROM (VALUES ({nulls}), {rows}) v ({names}) WHERE {first} IS NOT NULL) s ON {on}{deletes} WHEN MATCHED THEN UPDATE SET {set} WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({inserted})",
            table.name,
            keys = key.join(", "),
            nulls = casts.join(", "),
            rows = rows.join(", "),
            names = names.join(", "),
            first = key[0],
            on = on.join(" AND "),
            set = set.join(", "),
            inserted = inserted.join(", "),
        )
    }

    /// One statement with several data-modifying WITH queries.
    fn several_in_one(&mut self) -> String {
        let parts: Vec<String> = (0..1 + below(&mut self.random, 2))
            .map(|number| format!("w{number} AS ({} RETURNING 1)", self.change()))
            .collect();
        format!("WITH {} {}", parts.join(", "), self.change())
    }

    /// Several statements in a procedure, some of which may fail alone.
    fn block(&mut self) -> String {
        let statements: Vec<String> = (0..2 + below(&mut self.random, 3))
            .map(|_| {
                let statement = self.change();
                if chance(&mut self.random, 40) {
                    format!("    BEGIN {statement}; EXCEPTION WHEN integrity_constraint_violation THEN NULL; END;")
                } else {
                    format!("    {statement};")
                }
            })
            .collect();
        format!("DO $$ BEGIN\n{}\nEND $$", statements.join("\n"))
    }
}
