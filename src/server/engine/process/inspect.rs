//! `k6 inspect` as a process.

use std::{path::Path, process::Stdio};

use ha_dashboard::domain::script::SCRIPT_INPUT_VAR;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

use super::super::{COMMAND_LIMIT, CommandError, OUTPUT_LIMIT, Output, command};

/// Asks the k6 at `program`.
pub async fn run(program: &Path, script: &Path, input: &str) -> Result<Output, CommandError> {
    let not_run = |error: std::io::Error| CommandError::NotRun(error.to_string());
    let path = script.to_str().ok_or_else(|| CommandError::NotRun(format!("the path {script:?} is not UTF-8")))?;
    let mut command = Command::new(program);
    command
        .args(command::inspect_args(path))
        // Scripts can read all of the environment, so there is nothing else in it.
        .env_clear()
        .envs(command::base_env())
        .env(SCRIPT_INPUT_VAR, input)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(not_run)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answer = async {
        let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
        let status = child.wait().await.map_err(not_run)?;
        Ok(Output { success: status.success(), status: status.to_string(), stdout, stderr, script: script.to_owned() })
    };
    timeout(COMMAND_LIMIT, answer).await.map_err(|_| CommandError::TimedOut)?
}

/// All of an output, up to [`OUTPUT_LIMIT`].
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let read = pipe.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| CommandError::NotRun(error.to_string()))?;
    }
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Err(CommandError::TooMuch);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
