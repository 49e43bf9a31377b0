//! CPU time of processes and threads, from /proc: what a statement costs the server, whatever else keeps the machine busy.

/// Nanoseconds of CPU time that a process has used; `None` where there is no /proc to read it from.
///
/// `schedstat` counts nanoseconds; `stat` counts ticks of a hundredth of a second, good enough over some seconds.
pub fn nanoseconds(process: i32) -> Option<u64> {
    let task = process.to_string();
    from_schedstat(&task).or_else(|| from_stat(&task))
}

/// The same for all threads of a process, those that have ended included.
pub fn of_process(process: i32) -> Option<u64> {
    from_stat(&process.to_string())
}

/// The same for a process, its children, and those that it had: PostgreSQL's postmaster and all of its processes.
pub fn of_family(parent: i32) -> Option<u64> {
    let own = std::fs::read_to_string(format!("/proc/{parent}/stat")).ok()?;
    let mut all = fields(&own)?;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some(child) = fields(&stat).filter(|child| child.parent == parent) else { continue };
        all.own += child.own;
    }
    Some((all.own + all.reaped) * TICK)
}

/// The process that started another.
pub fn parent(process: i32) -> Option<i32> {
    fields(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?).map(|fields| fields.parent)
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
    fields(&text).map(|fields| fields.own * TICK)
}

/// Nanoseconds in a tick.
const TICK: u64 = 10_000_000;

/// What `stat` says.
struct Fields {
    /// The process that started it.
    parent: i32,
    /// Ticks that it has used: `utime + stime`, the 14th and 15th field.
    own: u64,
    /// Ticks that its ended children had used: `cutime + cstime`, the 16th and 17th.
    reaped: u64,
}

/// The second field, the program's name, may hold blanks and parentheses.
fn fields(stat: &str) -> Option<Fields> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place - 3)?.parse::<u64>().ok();
    Some(Fields {
        parent: fields.get(1)?.parse().ok()?,
        own: number(14)? + number(15)?,
        reaped: number(16)? + number(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "77 (postgres: a (b) c) S 1 77 77 0 -1 4194304 1 2 3 4 150 25 3 4 20 0 1 0 100 200 300";
        let found = fields(stat).unwrap();
        assert_eq!((found.parent, found.own, found.reaped), (1, 175, 7));
    }

    #[test]
    fn this_process_uses_time() {
        if cfg!(target_os = "linux") {
            let process = i32::try_from(std::process::id()).unwrap();
            assert!(nanoseconds(process).is_some());
            assert!(Thread::current().nanoseconds().is_some());
            assert!(of_family(process) >= of_process(process));
            assert!(parent(process).is_some());
        }
    }
}
