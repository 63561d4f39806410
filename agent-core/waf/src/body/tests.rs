//! Types, codings and windows of bodies.

use super::*;
use crate::{
    coding::{Coding, tests::pack},
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
    let many: Vec<String> = (0..9).map(|number| format!("text/{number}")).collect();
    let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
    assert_eq!(
        types(&many).iter().count(),
        4,
        "no client makes a body be read more often"
    );
    assert!(types(&many).are_more() && !types(many.get(..4).unwrap()).are_more());
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

#[test]
fn windows_end_with_a_bomb_and_go_on_for_honest_text() {
    let lines =
        (0..60_000_u32).map(|number| format!("{:08x} the quick brown fox\n", number.wrapping_mul(2_654_435_761)));
    let honest = lines.collect::<String>().into_bytes();
    for (plain, coding, is_bomb) in [
        (honest.clone(), None, false),
        (honest, Some(Coding::Gzip), false),
        (vec![b'a'; 40 << 20], Some(Coding::Gzip), true),
    ] {
        let body = coding.map_or_else(|| plain.clone(), |coding| pack(coding, &plain));
        let (beginning, following) = body.split_at(MOST_BYTES.min(body.len() / 2));
        let Some(mut windows) = BodyWindows::after("text/plain", coding, beginning) else {
            assert!(is_bomb, "{coding:?}");
            continue;
        };
        let (mut shown, mut ends) = (0, Vec::new());
        for (number, piece) in following.chunks(5000).enumerate() {
            let is_end = (number + 1) * 5000 >= following.len();
            windows.push(piece, is_end, &mut |following| {
                match following {
                    Following::Window(window) => shown += window.body.bytes.len(),
                    Following::Ended(gaps) => ends.extend(gaps.iter().map(|(gap, _)| gap)),
                }
                true
            });
        }
        assert!(windows.is_over());
        assert_eq!(ends.is_empty(), !is_bomb, "{coding:?}: {ends:?}");
        assert!(is_bomb || shown > plain.len() / 4, "{shown} bytes");
    }
    let packed = pack(Coding::Gzip, &vec![b'a'; 1 << 20]);
    let mut windows = BodyWindows::after("text/plain", None, b"").unwrap();
    let mut ended = Vec::new();
    windows.push(&packed, true, &mut |following| {
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
