//! Bodies that are longer than what is looked at of their beginning: the rest, in pieces of any
//! length.

use super::*;

/// Whether a form is refused whose rest comes in pieces of this length.
fn is_refused(form: &[u8], piece: usize) -> bool {
    stage(json!({"SECURITY_CHECKS": {"sqli": 1}})).refuses_in_pieces(&[FORM], form, piece)
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
