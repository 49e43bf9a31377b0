//! Tables on standard output: columns apart by two spaces, numbers to the right, no lines.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// An empty table; columns whose title starts with `>` are aligned to the right.
pub fn new(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles.iter().map(|title| Cell::new(title.trim_start_matches('>'))));
    for (column, title) in table.column_iter_mut().zip(titles) {
        column.set_padding((0, 2));
        if title.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `1234567` → `1,234,567`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// Milliseconds as people say them.
pub fn milliseconds(ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    match ms {
        0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", ms as f64 / 1000.0),
    }
}

/// The beginning of a long text; `--json` shows all of it.
pub fn cut(text: &str) -> String {
    const CHARACTERS: usize = 240;
    let mut short: String = text.chars().take(CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// ✓ or ✗.
pub fn mark(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(-100), "-100");
        assert_eq!(milliseconds(1234), "1.2 s");
    }
}
