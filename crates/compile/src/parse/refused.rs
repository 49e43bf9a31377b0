//! HW0103: statements that have no place among models, and what to write instead.

use pg_query::NodeEnum;
use pg_query::protobuf::{KeywordKind, ObjectType, Token};

use super::SourceFile;
use super::statements::RawStatement;
use super::words::Word;
use crate::Diagnostic;

/// What becomes of a statement that is neither a model nor an index: refused, or ignored where it does no harm.
pub(super) fn refuse(file: &SourceFile, raw: &RawStatement, statement: &NodeEnum) -> Diagnostic {
    let words = headline(&raw.words);
    let span = words[0].span.start..words[words.len() - 1].span.end;
    let name = words.iter().map(|word| word.text(&file.text).to_uppercase()).collect::<Vec<_>>().join(" ");
    if let NodeEnum::CommentStmt(comment) = statement
        && matches!(comment.objtype(), ObjectType::ObjectMatview | ObjectType::ObjectColumn | ObjectType::ObjectIndex)
    {
        return Diagnostic::note(110, &file.path, span, format!("{name} is ignored"))
            .label("ignored")
            .hint("an SQL comment (-- …) before the model serves its readers here");
    }
    Diagnostic::error(103, &file.path, span, format!("{name} has no place in a model file"))
        .label("not allowed here")
        .hint(hint(statement))
}

fn hint(statement: &NodeEnum) -> &'static str {
    match statement {
        NodeEnum::SelectStmt(_) => "to declare a model, write CREATE MATERIALIZED VIEW name AS before the SELECT",
        NodeEnum::ViewStmt(_) | NodeEnum::CreateTableAsStmt(_) => {
            "write CREATE MATERIALIZED VIEW to declare a model; views and tables that models read belong in the \
             application's migrations"
        }
        NodeEnum::RefreshMatViewStmt(_) => "remove it: Headwater keeps the model up to date",
        NodeEnum::DropStmt(_) => "remove it: a model is dropped by deleting its declaration",
        NodeEnum::AlterTableStmt(_) | NodeEnum::RenameStmt(_) | NodeEnum::AlterObjectSchemaStmt(_) => {
            "change the declaration itself; the application's tables change in its migrations"
        }
        NodeEnum::TransactionStmt(_) => "remove it: Headwater chooses the transactions in which it installs models",
        NodeEnum::VariableSetStmt(_) => "remove it; write the schema before each name instead of setting search_path",
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CopyStmt(_)
        | NodeEnum::TruncateStmt(_) => "remove it: model files declare, they do not change data",
        NodeEnum::GrantStmt(_) => "remove it; grants belong in the application's migrations",
        _ => {
            "model files hold CREATE MATERIALIZED VIEW and CREATE INDEX on models; everything else belongs in the \
             application's migrations"
        }
    }
}

/// The words that name the statement: the verb, and for CREATE and its like the kind of object.
fn headline(words: &[Word]) -> &[Word] {
    let opening = words.iter().take_while(|word| word.kind == Token::Ascii40).count();
    let words = &words[opening.min(words.len() - 1)..];
    let verb = words.first().map(|word| word.kind);
    let names_object =
        matches!(verb, Some(Token::Create | Token::Drop | Token::Alter | Token::Refresh | Token::Comment));
    if !names_object {
        return &words[..1];
    }
    let qualifier = |word: &Word| {
        matches!(
            word.kind,
            Token::Or
                | Token::Replace
                | Token::Temp
                | Token::Temporary
                | Token::Local
                | Token::Global
                | Token::Unlogged
                | Token::Recursive
                | Token::Unique
                | Token::Materialized
                | Token::Foreign
                | Token::Event
                | Token::Constraint
                | Token::On
        )
    };
    let object = words.iter().skip(1).position(|word| !qualifier(word)).map_or(0, |at| at + 1);
    let is_key_word = words[object].keyword != KeywordKind::NoKeyword;
    &words[..if is_key_word { object + 1 } else { 1 }]
}
