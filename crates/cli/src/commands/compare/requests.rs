//! The requests that are compared: one path a line, or the lines of a web server's log.

use std::collections::HashSet;
use std::io;

/// The text of a file; of standard input for `-`.
pub fn read(from: &str) -> io::Result<String> {
    if from == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(from) }
}

/// The paths that are asked for with GET, each once, in their order.
pub fn paths(text: &str, limit: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    let found = text.lines().filter_map(path).filter(|path| seen.insert((*path).to_owned()));
    found.take(limit).map(ToOwned::to_owned).collect()
}

/// `/path?query` alone, after `GET`, or in the middle of a line as `"GET /path?query HTTP/1.1"`.
fn path(line: &str) -> Option<&str> {
    let line = line.trim();
    let after = match line.find("GET ") {
        Some(at) => &line[at + 4..],
        None => line,
    };
    after.split_whitespace().next().filter(|path| path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_logs_are_read() {
        let text = "/api/feed?limit=5\n\nGET /api/feed\n# not this\n127.0.0.1 - - [16/Feb/2026:10:00:00 +0000] \"GET /api/feed?cursor=x HTTP/1.1\" 200 5120 \"-\" \"curl\"\n\
                    127.0.0.1 - - [16/Feb/2026:10:00:01 +0000] \"POST /api/dwellers HTTP/1.1\" 201 12\n/api/feed?limit=5\n";
        assert_eq!(paths(text, 10), ["/api/feed?limit=5", "/api/feed", "/api/feed?cursor=x"]);
        assert_eq!(paths(text, 1), ["/api/feed?limit=5"]);
    }
}
