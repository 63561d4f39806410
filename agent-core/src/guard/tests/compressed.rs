//! Compressed bodies: what is in them is found, and what cannot be decoded is looked into as it came.

use std::io::Write as _;

use buckler_waf::places::{Gap, MOST_BYTES};
use flate2::{Compression, write};

use super::*;
use crate::model::policy::{Check, Level};

const INJECTION: &[u8] = b"1' OR '1'='1";
const CLEAN: &[u8] = b"O'Brien";

fn packing(compressed: CompressedBodies) -> Stage {
    let keys = json!({"SECURITY_CHECKS": {"sqli": 1, "format": 2, "flood": 0}});
    stage_made(
        keys,
        OnFailure::Open,
        compressed,
        Detectors::standard().unwrap(),
        Arc::default(),
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = write::GzEncoder::new(vec![], Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    ::brotli::CompressorWriter::new(&mut packed, 4096, 5, 22)
        .write_all(bytes)
        .unwrap();
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(bytes, 3).unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = write::ZlibEncoder::new(vec![], Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn bare_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packed = write::DeflateEncoder::new(vec![], Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Whether a body with this coding is refused.
fn refuses(stage: &Stage, coding: &[&str], bytes: &[u8], is_whole: bool) -> bool {
    stage.unpacked(coding, bytes, is_whole).is_block()
}

impl Stage {
    fn unpacked(&self, coding: &[&str], bytes: &[u8], is_whole: bool) -> Verdict {
        let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"text/plain")];
        headers.extend(coding.iter().map(|coding| ("content-encoding", coding.as_bytes())));
        self.check_posted(&headers, bytes, is_whole)
    }
}

#[test]
fn an_attack_is_found_in_every_coding_that_can_be_decoded() {
    let stage = packing(CompressedBodies::Inspect);
    type Pack = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Pack); 9] = [
        ("gzip", gzip),
        ("X-GZip", gzip),
        (" deflate ", zlib),
        ("deflate", bare_deflate),
        ("identity", <[u8]>::to_vec),
        ("br", brotli),
        ("Zstd", zstd),
        ("utf-8", <[u8]>::to_vec),
        ("aws-chunked", <[u8]>::to_vec),
    ];
    for (coding, pack) in codings {
        assert!(refuses(&stage, &[coding], &pack(INJECTION), true), "{coding}");
        assert!(!refuses(&stage, &[coding], &pack(CLEAN), true), "{coding}");
    }
    assert_eq!(stage.tally.totals().uninspected, 0);
}

#[test]
fn what_was_cut_off_is_looked_into_as_far_as_it_goes() {
    let stage = packing(CompressedBodies::Inspect);
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = (0..200_000).map(|_| random.lowercase() as u8).collect();
    let long = |beginning: &[u8]| gzip(&[beginning, b" ", &noise].concat());
    assert!(long(INJECTION).len() > MOST_BYTES, "not all of it is shown");
    assert!(refuses(&stage, &["gzip"], &long(INJECTION), false));
    assert!(!refuses(&stage, &["gzip"], &long(CLEAN), false));
    assert_eq!(stage.counted(), [(Gap::TooLarge, 1)]);
}

#[test]
fn a_bomb_costs_what_other_bodies_cost() {
    let stage = packing(CompressedBodies::Inspect);
    let bomb = |beginning: &[u8]| gzip(&[beginning, &vec![b' '; 32 << 20]].concat());
    let large = bomb(CLEAN);
    let spent = allocation_counter::measure(|| assert_eq!(status(&stage.unpacked(&["gzip"], &large, true)), 413));
    assert!(
        spent.bytes_max < 16 * MOST_BYTES as u64,
        "{} bytes were held",
        spent.bytes_max
    );
    assert_eq!(&*stage.detections().pop().unwrap().rule, "uninspected/bomb");
    assert!(refuses(&stage, &["gzip"], &bomb(INJECTION), true));
    assert_eq!(stage.detections().pop().unwrap().check, Check::Sqli);
    let behind_blanks = gzip(&[&vec![b' '; 70_000], INJECTION].concat());
    assert_eq!(status(&stage.unpacked(&["gzip"], &behind_blanks, true)), 413);
    assert_eq!(stage.counted(), []);
}

#[test]
fn what_unpacks_to_more_than_is_looked_at_of_others_is_looked_into_all_the_same() {
    let stage = packing(CompressedBodies::Inspect);
    let mut random = fastrand::Rng::with_seed(7);
    let mut text = |length: usize| (0..length).map(|_| b"abc "[random.usize(..4)]).collect::<Vec<u8>>();
    let hidden = gzip(&[&text(150_000), b" 1' OR '1'='1 ".as_slice(), &text(9_000)].concat());
    assert!(hidden.len() < MOST_BYTES);
    assert!(refuses(&stage, &["gzip"], &hidden, true));
    assert_eq!(stage.detections().pop().unwrap().check, Check::Sqli);
    assert!(!refuses(&stage, &["gzip"], &gzip(&text(200_000)), true));
    assert_eq!(stage.counted(), []);
    let mut rarely = || if random.usize(..32) == 0 { b' ' } else { b'a' };
    let longer: Vec<u8> = (0..400_000).map(|_| rarely()).collect();
    let longer = gzip(&longer);
    assert!(longer.len() < MOST_BYTES && longer.len() * 64 > 400_000, "no bomb");
    assert!(!refuses(&stage, &["gzip"], &longer, true));
    assert_eq!(stage.counted(), [(Gap::TooLarge, 1)]);
}

/// Words that compress to about half.
fn words(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut letter = || {
        if random.usize(..7) == 0 {
            b' '
        } else {
            b"etaoinshrdlu"[random.usize(..12)]
        }
    };
    (0..length).map(|_| letter()).collect()
}

/// How a body is answered that comes in pieces, of which the guard wants as much as it always does.
fn streamed(stage: &Stage, coding: &str, bytes: &[u8], piece: usize) -> u16 {
    let headers: &[(&str, &[u8])] = &[("content-type", b"text/plain"), ("content-encoding", coding.as_bytes())];
    let view = posting(&headers);
    let (beginning, rest) = bytes.split_at(MOST_BYTES.min(bytes.len()));
    let body = BodyView {
        bytes: beginning,
        is_whole: rest.is_empty(),
    };
    let (verdict, watched) = stage.guard.check_body_beginning(&view, body);
    let Some(mut watched) = watched.filter(|_| !verdict.is_block()) else {
        return status(&verdict);
    };
    let mut pieces = rest.chunks(piece).peekable();
    while let Some(piece) = pieces.next() {
        let is_end = pieces.peek().is_none();
        let verdict = stage.guard.check_body_rest(&view, &mut watched, piece, is_end);
        if verdict.is_block() {
            return status(&verdict);
        }
    }
    0
}

#[test]
fn a_long_compressed_body_is_inspected_to_its_end() {
    let long = words(300_000);
    let attack = [&long, b" 1' OR '1'='1 ".as_slice(), &long[..9_000]].concat();
    type Pack = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Pack); 5] = [
        ("gzip", gzip),
        ("deflate", zlib),
        ("deflate", bare_deflate),
        ("br", brotli),
        ("zstd", zstd),
    ];
    for (coding, pack) in codings {
        for piece in [5_000, 2_000_000] {
            let stage = packing(CompressedBodies::Inspect);
            assert!(pack(&attack).len() > 2 * MOST_BYTES, "{coding}");
            assert!(streamed(&stage, coding, &pack(&attack), piece) > 0, "{coding} {piece}");
            assert_eq!(stage.detections().pop().unwrap().check, Check::Sqli, "{coding}");
            assert_eq!(streamed(&stage, coding, &pack(&long), piece), 0, "{coding} {piece}");
            assert_eq!(stage.counted(), [], "{coding}");
        }
    }
}

#[test]
fn what_hides_in_the_rest_of_a_compressed_body_has_a_reason() {
    let long = words(400_000);
    let stage = packing(CompressedBodies::Inspect);
    let followed = |more: &[u8]| [&long, more].concat();
    let blanks = vec![b' '; 64 << 20];
    assert_eq!(streamed(&stage, "gzip", &gzip(&followed(&blanks)), 5_000), 0);
    assert_eq!(stage.counted(), [(Gap::TooLarge, 1)]);
    assert_eq!(streamed(&stage, "br", &brotli(&followed(&blanks)), 5_000), 413);
    assert_eq!(&*stage.detections().pop().unwrap().rule, "uninspected/bomb");
    let broken = [gzip(&long), b"and what is no gzip".to_vec()].concat();
    assert_eq!(streamed(&stage, "gzip", &broken, 5_000), 415);
    assert_eq!(&*stage.detections().pop().unwrap().rule, "uninspected/unknown_coding");
}

#[test]
fn where_a_body_can_be_read_in_two_ways_both_are_looked_into() {
    let stage = packing(CompressedBodies::Inspect);
    let garbage = [gzip(INJECTION), b"and what is no gzip".to_vec()].concat();
    // what few decode is read as it came, and what stands first in a list is decoded by some
    #[rustfmt::skip]
    let cases: [(&[&str], &[u8]); 7] = [
        (&["br"], INJECTION), (&["foo"], INJECTION), (&["gzip"], INJECTION), (&["deflate"], INJECTION),
        (&["identity", "gzip"], INJECTION), (&["gzip, gzip"], &gzip(INJECTION)), (&["gzip", "foo"], &gzip(INJECTION)),
    ];
    for (coding, bytes) in cases {
        assert!(refuses(&stage, coding, bytes, true), "{coding:?}");
    }
    assert!(refuses(&stage, &["gzip"], &garbage, true));
    assert_eq!(
        stage.tally.totals().uninspected,
        0,
        "those that were refused were inspected"
    );
    for (coding, bytes) in [(&["br"], CLEAN), (&["gzip"], CLEAN), (&["gzip, br"], &gzip(CLEAN))] {
        stage.detections();
        assert_eq!(status(&stage.unpacked(coding, bytes, true)), 415, "{coding:?}");
        let found = stage.detections().pop().unwrap();
        assert_eq!((&*found.rule, &*found.place), ("uninspected/unknown_coding", "body@0"));
    }
    let chain = gzip(&brotli(INJECTION));
    assert!(stage.unpacked(&["br, gzip"], &chain, true).is_block());
    assert_eq!(
        stage.detections().pop().unwrap().check,
        Check::Sqli,
        "found in the innermost"
    );
}

#[test]
fn compressed_bodies_pass_where_the_settings_say_so() {
    let stage = packing(CompressedBodies::Pass);
    assert!(!refuses(&stage, &["gzip"], &gzip(INJECTION), true));
    assert_eq!(stage.counted(), [(Gap::UnknownCoding, 1)]);
    assert!(
        refuses(&stage, &["gzip"], INJECTION, true),
        "a name alone compresses nothing"
    );
    assert!(refuses(&stage, &[], INJECTION, true));
}

#[test]
fn compressed_bodies_are_refused_where_the_settings_say_so_and_nobody_is_banned() {
    let stage = packing(CompressedBodies::Refuse);
    assert!(refuses(&stage, &["gzip"], &gzip(CLEAN), true));
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, found.level), (Check::Format, Level::Block));
    assert_eq!((&*found.place, &*found.excerpt), ("header:content-encoding", "gzip"));
    assert!(found.id.is_some());
    assert!(!refuses(&stage, &["identity"], CLEAN, true));
    assert!(!refuses(&stage, &[], CLEAN, true));
}

#[test]
fn a_candidate_configuration_is_shown_what_is_in_a_body() {
    let checks = json!({"sqli": 1, "format": 2, "flood": 0});
    let keys = json!({"SECURITY_CHECKS": checks, "DRY_RUN": {"SECURITY_CHECKS": checks}});
    for compressed in [CompressedBodies::Inspect, CompressedBodies::Refuse] {
        let detectors = Detectors::standard().unwrap();
        let stage = stage_made(keys.clone(), OnFailure::Open, compressed, detectors, Arc::default());
        assert!(refuses(&stage, &["gzip"], &gzip(INJECTION), true));
        assert_eq!(stage.guard.dry_run().unwrap().totals(), (0, 0), "{compressed:?}");
    }
}
