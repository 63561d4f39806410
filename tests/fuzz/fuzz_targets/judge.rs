#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| buckler_proof::fuzz::judge(input));
