//! `access public | admin | owner(column)`: who may read a model where it is served.

use std::ops::Range;

use headwater_catalog::Ident;

use super::column;

/// The option, understood.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Access {
    /// The words after `access`, as written.
    pub words: String,
    /// Their place in the file, in bytes.
    pub span: Range<usize>,
    /// Whom they let in.
    pub readers: Readers,
}

/// Who may read a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// Everybody.
    Public,
    /// Administrators.
    Admin,
    /// Each row by whom this column names.
    Owner(Ident),
}

/// Reads the words; `None` where they are none of the three.
pub(super) fn read(words: &str, span: Range<usize>) -> Option<Access> {
    let readers = match words {
        "public" => Readers::Public,
        "admin" => Readers::Admin,
        _ => {
            let column = words.strip_prefix("owner")?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
            Readers::Owner(column::name(column.trim())?)
        }
    };
    Some(Access { words: words.to_owned(), span, readers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_and_nothing_else() {
        let readers = |words: &str| read(words, 0..0).map(|access| access.readers);
        let owner = |name: &str| Some(Readers::Owner(Ident::new(name).unwrap()));
        assert_eq!(readers("public"), Some(Readers::Public));
        assert_eq!(readers("admin"), Some(Readers::Admin));
        assert_eq!(readers("owner(user_id)"), owner("user_id"));
        assert_eq!(readers("owner ( User_Id )"), owner("user_id"));
        assert_eq!(readers("owner(\"User \"\"Id\")"), owner("User \"Id"));
        for wrong in ["publik", "public admin", "owner", "owner()", "owner(a, b)", "owner(1)", "owner(a", "Public"] {
            assert_eq!(readers(wrong), None, "{wrong}");
        }
    }
}
