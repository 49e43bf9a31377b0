//! A column's name in an option.

use headwater_catalog::Ident;

/// The name as SQL reads it: folded to lower case unless it is quoted. `None` where it is no name.
pub(super) fn name(written: &str) -> Option<Ident> {
    let name = match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => {
            let single = quoted.replace("\"\"", "\u{0}");
            (!single.contains('"')).then(|| single.replace('\u{0}', "\""))
        }
        None => {
            let plain = written.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
            (plain && !written.starts_with(|c: char| c.is_ascii_digit() || c == '$')).then(|| written.to_lowercase())
        }
    };
    Ident::new(name?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_in_sql() {
        let read = |written: &str| name(written).map(|name| name.as_str().to_owned());
        assert_eq!(read("user_id").as_deref(), Some("user_id"));
        assert_eq!(read("User_Id").as_deref(), Some("user_id"));
        assert_eq!(read("\"User \"\"Id\"").as_deref(), Some("User \"Id"));
        for wrong in ["", "1", "$1", "a b", "a, b", "\"a\"b\"", "\"\"", "a.b", "\"a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
