//! Seeded mutations, for runs without a fuzzer: the same seed gives the same bytes on every machine.

use fastrand::Rng;

/// What stands at borders: of types, of lengths, of JSON.
const TOKENS: &[&[u8]] = &[
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551615",
    b"18446744073709551616",
    b"4294967296",
    b"0.1",
    b"\"\"",
    b"{}",
    b"[]",
    b"[[",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"::ffff:",
    b"64:ff9b::",
    b"/0",
    b"/129",
    b"%2e%2e/",
    b"203.0.113.9",
    b"2001:db8::/64",
];

/// The longest input: what is larger finds little more and takes longer.
const LONGEST: usize = 64 << 10;

/// Makes inputs from a corpus.
#[derive(Debug)]
pub struct Mutator<'a> {
    random: Rng,
    corpus: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    /// Mutations of this corpus; the same for the same seed.
    #[must_use]
    pub fn new(corpus: &'a [Vec<u8>], seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            corpus,
        }
    }

    /// The next input: one of the corpus, changed in one to eight places.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.pick().to_vec();
        for _ in 0..self.random.usize(1..=8) {
            self.change(&mut input);
            input.truncate(LONGEST);
        }
        input
    }

    fn pick(&mut self) -> &'a [u8] {
        self.random.choice(self.corpus).map_or(&[], Vec::as_slice)
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (at, to) = self.range(input.len());
        match self.random.u8(0..8) {
            0 => self.overwrite(input, |byte, random| byte ^ (1 << random.u8(0..8))),
            1 => self.overwrite(input, |_, random| random.u8(..)),
            2 => self.overwrite(input, |byte, random| byte.wrapping_add(random.u8(0..8)).wrapping_sub(4)),
            3 => drop(input.drain(at..to)),
            4 => {
                let copy = input.get(at..to).unwrap_or_default().to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let token = self.random.choice(TOKENS).copied().unwrap_or_default();
                input.splice(at..at, token.iter().copied());
            }
            6 => {
                let token = self.random.choice(TOKENS).copied().unwrap_or_default();
                input.splice(at..to, token.iter().copied());
            }
            _ => {
                let other = self.pick();
                let (from, until) = self.range(other.len());
                input.splice(at..to, other.get(from..until).unwrap_or_default().iter().copied());
            }
        }
    }

    fn overwrite(&mut self, input: &mut [u8], new: impl FnOnce(u8, &mut Rng) -> u8) {
        if !input.is_empty() {
            let at = self.random.usize(..input.len());
            if let Some(byte) = input.get_mut(at) {
                *byte = new(*byte, &mut self.random);
            }
        }
    }

    /// A range within `len`, rather short than long.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let at = self.random.usize(..=len);
        let most = if self.random.bool() { 8 } else { len };
        (at, (at + self.random.usize(..=most)).min(len))
    }
}
