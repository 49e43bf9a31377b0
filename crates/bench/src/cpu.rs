//! CPU time of processes and threads, from /proc: what a statement costs the server, whatever else keeps the machine busy.

/// Nanoseconds of CPU time that a process has used; `None` where there is no /proc to read it from.
///
/// `schedstat` counts nanoseconds; `stat` counts ticks of a hundredth of a second, good enough over some seconds.
pub fn nanoseconds(process: i32) -> Option<u64> {
    let task = process.to_string();
    from_schedstat(&task).or_else(|| from_stat(&task))
}

/// A thread of this process, to ask for its CPU time from others.
#[derive(Debug, Clone)]
pub struct Thread(Option<String>);

impl Thread {
    /// The thread that calls.
    pub fn current() -> Self {
        let path = std::fs::read_link("/proc/thread-self").ok();
        Self(path.and_then(|path| Some(path.to_str()?.to_owned())))
    }

    /// Nanoseconds of CPU time that it has used.
    pub fn nanoseconds(&self) -> Option<u64> {
        let path = self.0.as_deref()?;
        from_schedstat(path).or_else(|| from_stat(path))
    }
}

fn from_schedstat(task: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{task}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn from_stat(task: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{task}/stat")).ok()?;
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
            assert!(Thread::current().nanoseconds().is_some());
        }
    }
}
