//! The fuzz targets without a fuzzer: every file of their corpora, and seeded mutations of those.
//!
//! A mutation that breaks a promise is written to `$CARGO_TARGET_TMPDIR/broken-<target>`; put it into the target's corpus.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use buckler_proof::fuzz::{Mutator, TARGETS, Target};

/// Where the mutations begin: another number, and the same bugs must be found by others.
const SEED: u64 = 1;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths
        .into_iter()
        .map(|path| {
            let input = fs::read(&path).unwrap();
            (path, input)
        })
        .collect()
}

#[track_caller]
fn named(name: &str) -> Target {
    *TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("it is a target")
}

/// Runs a target over its corpus, then over mutations of it.
#[track_caller]
fn replay(name: &str) {
    let target = named(name);
    let corpus = corpus(name);
    for (path, input) in &corpus {
        assert!(holds(target, input), "{} breaks a promise of `{name}`", path.display());
    }
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(&inputs, SEED);
    for n in 0..target.mutations {
        let input = mutator.next_input();
        if !holds(target, &input) {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{name}"));
            fs::write(&file, &input).unwrap();
            panic!(
                "mutation {n} of seed {SEED} breaks a promise of `{name}`: {}",
                file.display()
            );
        }
    }
}

fn holds(target: Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok()
}

#[test]
fn replies() {
    replay("reply");
}

#[test]
fn frames() {
    replay("frame");
}

#[test]
fn normal_forms() {
    replay("normal");
}

#[test]
fn bodies() {
    replay("places");
}

#[test]
fn detectors() {
    replay("detect");
}

#[test]
fn lists() {
    replay("list");
}

#[test]
fn configurations() {
    replay("config");
}

#[test]
fn addresses() {
    replay("address");
}

#[test]
fn requests() {
    replay("request");
}

#[test]
fn state_directories() {
    replay("store");
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut corpora: Vec<String> = fs::read_dir(root)
        .unwrap()
        .map(|folder| folder.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    corpora.sort();
    let mut targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    targets.sort_unstable();
    assert_eq!(corpora, targets);
}
