#![no_main]
// panics that the agent or the guard catches are theirs to answer for: only one that gets out is a find
libfuzzer_sys::fuzz_target!(
    init: drop(std::panic::take_hook()),
    |input: &[u8]| buckler_proof::fuzz::request(input)
);
