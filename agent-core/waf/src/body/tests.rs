//! Types, codings and windows of bodies.

use super::*;
use crate::{
    coding::{Coding, tests::pack},
    fuel::Fuel,
    places::{Gap, MOST_BYTES},
};

fn types<'t>(lines: &[&'t [u8]]) -> ContentTypes<'t> {
    let mut types = ContentTypes::default();
    lines.iter().for_each(|line| types.add(line));
    types
}

#[test]
fn content_types_are_several_only_where_they_differ() {
    assert_eq!(types(&[]).iter().collect::<Vec<_>>(), [""]);
    let same = types(&[b"text/plain", b"TEXT/plain"]);
    assert!(!same.are_several());
    assert_eq!((same.iter().count(), same.last()), (1, "TEXT/plain"));
    let joined = types(&[b"application/json, text/plain"]);
    assert!(joined.are_several());
    assert_eq!(joined.iter().collect::<Vec<_>>(), ["application/json", "text/plain"]);
    assert_eq!(joined.last(), "text/plain");
    let many: Vec<String> = (0..9).map(|number| format!("text/{number}")).collect();
    let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
    assert_eq!(
        types(&many).iter().count(),
        4,
        "no client makes a body be read more often"
    );
    assert!(types(&many).are_more() && !types(many.get(..4).unwrap()).are_more());
}

/// What a header says of a coding.
fn coded(name: &'static str) -> Option<Codings<'static>> {
    Codings::of(|visit| visit(name.as_bytes()))
}

#[test]
fn codings_are_the_only_one_or_unclear() {
    let of = |lines: &[&'static [u8]]| Codings::of(|visit| lines.iter().for_each(|line| visit(line)));
    assert!(of(&[]).is_none() && of(&[b"identity"]).is_none());
    assert_eq!(of(&[b"gzip"]).unwrap().only(), Some(Coding::Gzip));
    for unclear in [
        &[b"gzip, br".as_slice()] as &[&[u8]],
        &[b"gzip", b"gzip"],
        &[b"pack200"],
        &[b"gzip, identity"],
    ] {
        let codings = Codings::of(|visit| unclear.iter().for_each(|line| visit(line)));
        assert_eq!(codings.unwrap().only(), None, "{unclear:?}");
    }
}

/// What windows show of what follows a beginning, in bytes, and why they end.
fn followed(coding: Option<&Codings<'_>>, beginning: &[u8], following: &[u8]) -> (usize, Vec<Gap>) {
    let fuel = Fuel::of_body();
    let mut windows = BodyWindows::after("text/plain", coding, beginning, &fuel).unwrap();
    let (mut shown, mut ends) = (0, Vec::new());
    let mut pieces = following.chunks(5000).peekable();
    while let Some(piece) = pieces.next() {
        windows.push(piece, pieces.peek().is_none(), &fuel, &mut |following| {
            match following {
                Following::Window(window) => shown += window.body.bytes.len(),
                Following::Ended(gaps) => ends.extend(gaps.iter().map(|(gap, _)| gap)),
            }
            true
        });
    }
    assert!(windows.is_over());
    (shown, ends)
}

#[test]
fn windows_of_honest_text_go_on_to_its_end() {
    let lines =
        (0..60_000_u32).map(|number| format!("{:08x} the quick brown fox\n", number.wrapping_mul(2_654_435_761)));
    let honest = lines.collect::<String>().into_bytes();
    for (coding, body) in [(None, honest.clone()), (coded("gzip"), pack(Coding::Gzip, &honest))] {
        let (beginning, following) = body.split_at(MOST_BYTES.min(body.len() / 2));
        let (shown, ends) = followed(coding.as_ref(), beginning, following);
        assert!(ends.is_empty() && shown > honest.len() / 4, "{shown} bytes, {ends:?}");
    }
}

#[test]
fn windows_end_with_a_bomb_behind_an_honest_beginning() {
    let beginning = pack(Coding::Gzip, b"the quick brown fox");
    let bomb = pack(Coding::Gzip, &vec![b'a'; 4 << 20]);
    let (shown, ends) = followed(coded("gzip").as_ref(), &beginning, &bomb);
    assert_eq!(ends, [Gap::Bomb]);
    assert!(shown < 1 << 20, "{shown} bytes");
    // of which nothing is taken apart to begin with
    let all = pack(Coding::Gzip, &vec![b'a'; 40 << 20]);
    let half = all.get(..all.len() / 2).unwrap();
    assert!(BodyWindows::after("text/plain", coded("gzip").as_ref(), half, &Fuel::of_body()).is_none());
    assert!(BodyWindows::after("text/plain", coded("gzip, br").as_ref(), half, &Fuel::of_body()).is_none());
}

#[test]
fn windows_of_what_is_not_said_to_be_coded_know_no_bomb() {
    let packed = pack(Coding::Gzip, &vec![b'a'; 1 << 20]);
    let mut windows = BodyWindows::after("text/plain", None, b"", &Fuel::of_body()).unwrap();
    let mut ended = Vec::new();
    windows.push(&packed, true, &Fuel::of_body(), &mut |following| {
        if let Following::Ended(gaps) = following {
            ended.extend(gaps.iter().map(|(gap, _)| gap));
        }
        true
    });
    assert_eq!(
        ended,
        [] as [Gap; 0],
        "bytes that are not said to be coded are none of a bomb's"
    );
}
