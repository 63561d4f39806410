//! Bodies that are longer than what is looked at of their beginning: the rest, in pieces of any length.

use super::*;
use crate::model::places::MOST_BYTES;

/// Whether a form is refused whose rest comes in pieces of this length.
fn is_refused(form: &[u8], piece: usize) -> bool {
    let stage = stage(json!({"SECURITY_CHECKS": {"sqli": 1}}));
    let headers: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
    let view = RequestView {
        peer: Some(ATTACKER.parse().unwrap()),
        method: "POST",
        path: "/orders",
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &headers,
    };
    let (beginning, following) = form.split_at(MOST_BYTES);
    let body = BodyView {
        bytes: beginning,
        is_whole: false,
    };
    let (verdict, rest) = stage.guard.check_body_beginning(&view, body);
    assert!(!verdict.is_block());
    let mut rest = rest.unwrap();
    let mut pieces = following.chunks(piece).peekable();
    while let Some(piece) = pieces.next() {
        let is_end = pieces.peek().is_none();
        if stage.guard.check_body_rest(&view, &mut rest, piece, is_end).is_block() {
            return true;
        }
    }
    assert!(rest.is_over());
    false
}

#[test]
fn an_attack_is_found_however_long_the_pieces_are() {
    let filling = "x".repeat(500_000);
    for piece in [1_000, 16 << 10, 64 << 10, 100_000, 1 << 20] {
        let attack = format!("rest={filling}&name=1' OR '1'='1");
        assert!(is_refused(attack.as_bytes(), piece), "{piece}");
        let harmless = format!("rest={filling}&name=O'Brien");
        assert!(!is_refused(harmless.as_bytes(), piece), "{piece}");
    }
}
