//! The writes of an example's application: named transactions with weights, as `traffic/writes.sql` declares them.

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub name: String,
    /// How often it is picked, relative to the others.
    pub weight: u32,
    /// Its statements, in order.
    pub statements: Vec<String>,
}

/// Reads a file of `-- name: NAME weight: N` headings with statements under each.
#[must_use]
pub fn parse(text: &str) -> Vec<Transaction> {
    let mut found: Vec<Transaction> = Vec::new();
    let mut body = String::new();
    for line in text.lines().chain(std::iter::once("-- name: end weight: 0")) {
        let Some(heading) = line.strip_prefix("-- name: ") else {
            if !line.trim_start().starts_with("--") {
                body.push_str(line);
                body.push('\n');
            }
            continue;
        };
        if let Some(last) = found.last_mut() {
            last.statements =
                body.split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect();
        }
        body.clear();
        let (name, weight) = heading.split_once(" weight: ").unwrap_or((heading, "1"));
        let weight = weight.trim().parse().unwrap_or(1);
        found.push(Transaction { name: name.trim().to_owned(), weight, statements: Vec::new() });
    }
    found.pop();
    found
}

/// Picks one of them by weight; `random` is any number.
#[must_use]
pub fn pick(transactions: &[Transaction], random: u64) -> &Transaction {
    let total: u64 = transactions.iter().map(|one| u64::from(one.weight)).sum();
    let mut left = random % total.max(1);
    transactions
        .iter()
        .find(|one| {
            let here = left < u64::from(one.weight);
            left = left.saturating_sub(u64::from(one.weight));
            here
        })
        .unwrap_or(&transactions[0])
}

/// A small generator of numbers (xorshift64*): the same seed gives the same writes.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
