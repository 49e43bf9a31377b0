//! A place in the log.

use std::fmt;
use std::str::FromStr;

/// `epoch.pos`: positions of one epoch are dense and ordered; of two epochs, nothing follows from one for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Changes when what was shown before may not have lasted: another server, another timeline.
    pub epoch: i32,
    /// The number of the last entry.
    pub pos: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.pos)
    }
}

/// What was given is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (epoch, pos) = text.split_once('.').ok_or(NoPosition)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(epoch) || !digits(pos) {
            return Err(NoPosition);
        }
        Ok(Self { epoch: epoch.parse().map_err(|_| NoPosition)?, pos: pos.parse().map_err(|_| NoPosition)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        let position = Position { epoch: 3, pos: 1_234_567_890_123 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for wrong in ["", "1", "1.", ".1", "-1.2", "1.+2", "1.2.3", "1.99999999999999999999", "a.b"] {
            assert_eq!(wrong.parse::<Position>(), Err(NoPosition), "{wrong}");
        }
    }
}
