//! Tests that need a process of their own: to measure its memory, to limit it, or to end it.
//!
//! Such a test is ignored, so that it does not run with the others, and another one runs it by its name. It finds what it needs
//! to know in the environment.

use std::{
    env, fs,
    process::{Child, Command, Stdio},
};

/// A test of this very program, in a process of its own.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments(test));
    command
}

/// As [`command`], with at most so many file descriptors.
pub(crate) fn with_descriptors(test: &str, most: u32) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(arguments(test));
    command
}

fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--ignored", "--nocapture"]
}

/// Runs it and fails where it fails.
#[track_caller]
pub(crate) fn passes(mut command: Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(
        passed,
        "{}: {text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Starts it, to be spoken to by its standard input and output.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The most memory that this process ever had, in bytes.
pub(crate) fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    kib << 10
}
