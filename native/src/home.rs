//! Where tokenway keeps its things: `$TOKENWAY_HOME`, else a folder in the platform's data folder.

use std::fmt;
use std::path::PathBuf;

/// The variable that names another folder.
pub const HOME_VARIABLE: &str = "TOKENWAY_HOME";

/// Neither `$TOKENWAY_HOME` nor a data folder of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHome;

impl fmt::Display for NoHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no data folder for this user: set TOKENWAY_HOME to one")
    }
}

impl std::error::Error for NoHome {}

/// The folder. It need not exist.
///
/// # Errors
/// [`NoHome`].
pub fn folder() -> Result<PathBuf, NoHome> {
    if let Some(folder) = std::env::var_os(HOME_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    dirs::data_local_dir().map(|folder| folder.join("tokenway")).ok_or(NoHome)
}
