//! Variations of inputs, by chance alone.

use rand::{Rng, seq::IndexedRandom};

/// Longest variation, in bytes.
const LONGEST: usize = 16 * 1024;

/// What numbers, texts and structures break on.
const ODD: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"1e999",
    b"-0.0",
    b"NaN",
    b"18446744073709551616",
    b"4294967295",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"{",
    b"[[[[[[[[",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    "ß\u{202e}\u{2028}🙂".as_bytes(),
    b"%00",
    b"%ff",
    b"<script>",
    b"../..",
    b": ",
    b"&a *a",
    b"=",
    b",",
    b";",
    b"'",
    b"\"",
];

/// One of the inputs, changed in one to eight places.
pub fn vary(seeds: &[Vec<u8>], random: &mut impl Rng) -> Vec<u8> {
    let mut input = seeds.choose(random).cloned().unwrap_or_default();
    for _ in 0..1 << random.random_range(0..4) {
        let (from, to) = stretch(input.len(), random);
        match random.random_range(0..7) {
            0 => drop(input.drain(from..to)),
            1 => {
                let again = input[from..to].to_vec();
                drop(input.splice(from..from, again));
            }
            2 => input.get_mut(from).into_iter().for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
            3 => input.get_mut(from).into_iter().for_each(|byte| *byte = random.random()),
            4 => {
                let odd = ODD.choose(random).copied().unwrap_or_default();
                drop(input.splice(from..to, odd.iter().copied()));
            }
            5 => input.truncate(to),
            _ => {
                let other = seeds.choose(random).map(Vec::as_slice).unwrap_or_default();
                let (start, end) = stretch(other.len(), random);
                drop(input.splice(from..to, other[start..end].iter().copied()));
            }
        }
        input.truncate(LONGEST);
    }
    input
}

/// A stretch of so many bytes, most often a short one.
fn stretch(length: usize, random: &mut impl Rng) -> (usize, usize) {
    let from = random.random_range(0..=length);
    let most = (length - from).min(1 << random.random_range(0..10));
    (from, from + random.random_range(0..=most))
}
