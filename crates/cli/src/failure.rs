//! Why a command failed, whichever crate says so.

use headwater_compile::Code;

/// A failure with its stable code.
#[derive(Debug)]
pub enum Failure {
    /// While models were deployed or maintained.
    Deploy(headwater_deploy::Error),
    /// While the server was started.
    Serve(headwater_serve::Error),
}

impl From<headwater_deploy::Error> for Failure {
    fn from(error: headwater_deploy::Error) -> Self {
        Self::Deploy(error)
    }
}

impl From<headwater_postgres::Error> for Failure {
    fn from(error: headwater_postgres::Error) -> Self {
        Self::Deploy(error.into())
    }
}

impl From<headwater_serve::Error> for Failure {
    fn from(error: headwater_serve::Error) -> Self {
        match error {
            headwater_serve::Error::Postgres(error) => Self::Deploy(error.into()),
            error => Self::Serve(error),
        }
    }
}

impl Failure {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Deploy(error) => error.code(),
            Self::Serve(error) => Code(error.code()),
        }
    }

    /// What happened.
    pub fn message(&self) -> String {
        match self {
            Self::Deploy(error) => error.to_string(),
            Self::Serve(error) => error.to_string(),
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Deploy(error) => error.hint(),
            Self::Serve(error) => error.hint().map(ToOwned::to_owned),
        }
    }

    /// The database could not be reached, as opposed to an answer that was not liked.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Deploy(error) if error.is_unreachable())
    }
}
