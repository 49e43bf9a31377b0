//! CPU time of processes, from /proc: what a statement costs the server, whatever else keeps the machine busy.

/// Nanoseconds of CPU time that a process has used; `None` where there is no /proc to read it from.
///
/// `schedstat` counts nanoseconds; `stat` counts ticks of a hundredth of a second, good enough over some seconds.
pub fn nanoseconds(process: i32) -> Option<u64> {
    from_schedstat(process).or_else(|| from_stat(process))
}

fn from_schedstat(process: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn from_stat(process: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    ticks(&text).map(|ticks| ticks * 10_000_000)
}

/// `utime + stime`: the 14th and 15th field. The second field, the program's name, may hold blanks and parentheses.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "77 (postgres: a (b) c) S 1 77 77 0 -1 4194304 1 2 3 4 150 25 0 0 20 0 1 0 100 200 300";
        assert_eq!(ticks(stat), Some(175));
    }

    #[test]
    fn this_process_uses_time() {
        if cfg!(target_os = "linux") {
            let process = i32::try_from(std::process::id()).unwrap();
            assert!(nanoseconds(process).is_some());
        }
    }
}
