//! The scripts folder as `k6 inspect` sees it, cached by file time and size.

use std::path::PathBuf;

use ha_dashboard::domain::script::Script;

/// The scripts there are.
pub struct Scripts {
    _dir: PathBuf,
    _k6: PathBuf,
}

impl Scripts {
    /// Looks at `*.js` files directly in `dir` with the k6 program `k6`.
    pub fn new(dir: PathBuf, k6: PathBuf) -> Self {
        Self { _dir: dir, _k6: k6 }
    }

    /// All scripts by name; inspects only what changed since the last call.
    pub async fn list(&self) -> Vec<Script> {
        todo!()
    }
}
