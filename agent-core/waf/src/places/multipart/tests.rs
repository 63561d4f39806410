//! Multipart bodies that parsers read in one way, and those that they do not.

use proptest::prelude::*;

use super::super::{MOST_BYTES, body, most_visited};
use super::*;

const ATTACK: &str = "1' union select password from users-- -";
const TYPE: &str = "multipart/form-data; boundary=XyZ";

/// Every value with its role, and the gaps.
fn read(content_type: &str, text: &[u8]) -> (Vec<(Role, String)>, Vec<Gap>) {
    let mut seen = Vec::new();
    let gaps = body(MOST_BYTES, &Body::whole(content_type, text), &mut |field| {
        seen.push((field.role, String::from_utf8_lossy(field.value).into_owned()));
        true
    });
    (seen, gaps.iter().map(|(gap, _)| gap).collect())
}

/// Whether the attack is among the values that a person could have entered.
fn finds(content_type: &str, text: &[u8]) -> bool {
    let (seen, _) = read(content_type, text);
    seen.iter()
        .any(|(role, value)| *role == Role::Value && value.contains(ATTACK))
}

fn gaps(content_type: &str, text: &[u8]) -> Vec<Gap> {
    read(content_type, text).1
}

fn part(head: &str, content: &str) -> String {
    format!("--XyZ\r\n{head}\r\n\r\n{content}\r\n")
}

fn form(head: &str, content: &str) -> String {
    part(head, content) + "--XyZ--\r\n"
}

const FIELD: &str = "Content-Disposition: form-data; name=\"q\"";

#[test]
fn honest_bodies_are_read_in_one_way() {
    let honest = [
        form(FIELD, "one\r\ntwo\n--three"),
        form("Content-Disposition: form-data; name=q", ""),
        form(
            &format!("{FIELD}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit"),
            "x",
        ),
        form(
            &format!("{FIELD}; filename=\"a.png\"\r\nContent-Type: image/png"),
            "\u{89}PNG",
        ),
        form(&format!("{FIELD}; filename=\"a.txt\"; filename*=utf-8''%E4.txt"), "x"),
        form(&format!("{FIELD}; filename=\"say \\\"hi\\\".txt\""), "x"),
        form(&format!("{FIELD}; filename=\"C:\\x\\\""), "x"),
        form(
            &format!("{FIELD}; filename=\"\"\r\nContent-Type: application/octet-stream"),
            "",
        ),
        part(FIELD, "x") + &part(FIELD, "y") + "--XyZ--",
        format!("preamble\r\n{}", form(FIELD, "x")),
        form(FIELD, "x") + "epilogue",
        String::new(),
    ];
    for text in &honest {
        assert_eq!(gaps(TYPE, text.as_bytes()), [], "{text}");
    }
    let webkit = form(FIELD, "x").replace("XyZ", "----WebKitFormBoundary7MA4YWxkTrZu0gW");
    let kind = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW";
    assert_eq!(gaps(kind, webkit.as_bytes()), []);
    assert_eq!(
        gaps(
            "multipart/form-data; charset=utf-8; boundary=\"XyZ\"",
            honest[0].as_bytes()
        ),
        []
    );
    assert_eq!(
        gaps(
            "multipart/related; boundary=XyZ; type=\"text/xml\"",
            form("Content-Type: text/xml", "<a/>").as_bytes()
        ),
        []
    );
}

#[test]
fn boundaries_that_parsers_read_differently_are_all_tried() {
    let text = form(FIELD, ATTACK);
    for kind in [
        "multipart/form-data; boundary=fake; boundary=XyZ",
        "multipart/form-data; boundary=XyZ; boundary=fake",
        "multipart/form-data; boundary*=utf-8''XyZ",
        "multipart/form-data; boundary=fake; boundary*0=XyZ",
        "multipart/form-data; boundary=\"\\XyZ\"",
        "multipart/form-data; boundary=\"XyZ",
        "multipart/form-data",
        "multipart/form-data; boundary=",
    ] {
        assert!(finds(kind, text.as_bytes()), "{kind}");
        assert_eq!(gaps(kind, text.as_bytes()), [Gap::LooseGrammar], "{kind}");
    }
    let long = "b".repeat(80);
    let kind = format!("multipart/form-data; boundary={long}");
    let other = format!("--{}c\r\n{FIELD}\r\n\r\nx\r\n", "b".repeat(79));
    assert!(finds(&kind, (other + &text.replace("XyZ", &long)).as_bytes()));
}

#[test]
fn delimiters_that_parsers_read_differently_are_read_in_each_way() {
    for text in [
        format!("--XyZ\r\n{FIELD}\r\n\r\nhello\r\n--XyZY\r\n{ATTACK}\r\n--XyZ--\r\n"),
        format!("--XyZ\r\n{FIELD}\r\n\r\nhello\n--XyZ\n{ATTACK}\r\n--XyZ--\r\n"),
        format!("--XyZ\r\n{FIELD}\r\n\r\nhello\n--XyZ--\n{ATTACK}\r\n--XyZ--\r\n"),
        format!("--XyZ\r\n{FIELD}\r\n\r\nhello\r--XyZ\r{ATTACK}\r\n--XyZ--\r\n"),
        form(FIELD, "hello") + &form(FIELD, ATTACK),
        format!("--XyZ\n{FIELD}\n\n{ATTACK}\n--XyZ--\n"),
        // in front of the first delimiter, behind the last, behind one within a line or before
        // blanks
        format!("{FIELD}\r\n\r\n{ATTACK}\r\n--XyZ--\r\n"),
        form(FIELD, "x") + &format!("{FIELD}\r\n\r\n{ATTACK}\r\n"),
        format!("x{}", form(FIELD, ATTACK)),
        format!("--XyZ \r\n{FIELD}\r\n\r\n{ATTACK}\r\n--XyZ--\r\n"),
        // parts without a head
        format!("--XyZ\r\n\r\n{ATTACK}\r\n--XyZ--\r\n"),
        format!("--XyZ\r\n--XyZ\r\n{FIELD}\r\n\r\n{ATTACK}\r\n--XyZ--\r\n"),
    ] {
        assert!(finds(TYPE, text.as_bytes()), "{text}");
        assert!(gaps(TYPE, text.as_bytes()).contains(&Gap::LooseGrammar), "{text}");
    }
    for text in [
        format!("--XyZ\r\n{FIELD}\r\n\r\n{ATTACK}"),
        format!("--XyZ\r\n{FIELD}\r\n\r\n{ATTACK}\r\n--Xy"),
    ] {
        assert!(finds(TYPE, text.as_bytes()));
        assert_eq!(gaps(TYPE, text.as_bytes()), [Gap::CutShort]);
    }
}

#[test]
fn heads_that_parsers_read_differently_are_fields_and_files() {
    for head in [
        "Content-Disposition: form-data; name=\"q\"; filename=\"",
        "Content-Disposition: form-data; name='q'; filename='",
        "Content-Disposition: form-data; name=\"q\"; filename",
        "Content-Disposition: form-data; name=\"q\"; filename=\"a.png\"\r\nContent-Disposition: form-data; name=\"q\"",
        "Content-Disposition: form-data; name=\"q\"; name=\"r\"; filename=\"a.png\"",
        "Content-Disposition: form-data;\r\n name=\"q\"; filename=\"a.png\"",
        "Content-Disposition: form-data; name=\"q\\\"; filename=\"a.png\"",
        "Content-Disposition: form-data; name=\"q\"; filename=\"a.png\"\0",
        "Content-Disposition : form-data; name=\"q\"; filename=\"a.png\"",
        "X-Other: y",
    ] {
        let text = form(head, ATTACK);
        assert!(finds(TYPE, text.as_bytes()), "{head}");
        assert!(gaps(TYPE, text.as_bytes()).contains(&Gap::LooseGrammar), "{head}");
    }
    for text in [
        format!("--XyZ\r\n{ATTACK}\r\n--XyZ--\r\n"),
        format!("--XyZ\r\n\r\n{ATTACK}\r\n--XyZ--\r\n"),
    ] {
        assert!(finds(TYPE, text.as_bytes()), "{text}");
        assert_eq!(gaps(TYPE, text.as_bytes()), [Gap::LooseGrammar], "{text}");
    }
    let extended = form("Content-Disposition: form-data; name*=utf-8''1%27%20or", "x");
    assert!(
        read(TYPE, extended.as_bytes())
            .0
            .contains(&(Role::Name, "1' or".to_owned()))
    );
}

#[test]
fn transfer_codings_and_charsets_of_parts_are_undone() {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(ATTACK);
    let quoted = ATTACK.replace('u', "=75").replace(' ', "=\r\n ");
    let cases = [
        ("Content-Transfer-Encoding: base64", coded.clone(), vec![]),
        (
            "Content-Transfer-Encoding: BASE64",
            format!("{}\r\n{}", &coded[..8], &coded[8..]),
            vec![],
        ),
        (
            "Content-Transfer-Encoding: base64",
            coded.replace('J', "J!*"),
            vec![Gap::LooseGrammar],
        ),
        ("Content-Transfer-Encoding: quoted-printable", quoted, vec![]),
        (
            "Content-Type: text/plain; charset=utf-7",
            ATTACK.replace('\'', "+ACc-"),
            vec![Gap::ForeignCharset],
        ),
    ];
    for (head, content, expected) in cases {
        let text = form(&format!("{FIELD}\r\n{head}"), &content);
        assert!(finds(TYPE, text.as_bytes()), "{text}");
        assert_eq!(gaps(TYPE, text.as_bytes()), expected, "{text}");
    }
    let unknown = form(&format!("{FIELD}\r\nContent-Transfer-Encoding: x-uuencode"), "x");
    assert_eq!(gaps(TYPE, unknown.as_bytes()), [Gap::UnknownCoding]);
    let ebcdic: Vec<u8> = ATTACK
        .bytes()
        .map(|byte| {
            (0..=255_u8)
                .find(|code| super::super::charset::ebcdic(&[*code]) == [byte])
                .unwrap()
        })
        .collect();
    let text = [
        format!("--XyZ\r\n{FIELD}\r\n\r\n").as_bytes(),
        &ebcdic,
        b"\r\n--XyZ--\r\n",
    ]
    .concat();
    let kind = format!("{TYPE}; charset=cp037");
    assert!(finds(&kind, &text), "as Django reads it");
    assert_eq!(gaps(&kind, &text), [Gap::ForeignCharset]);
}

#[test]
fn multipart_in_parts_is_followed() {
    let inner = form(FIELD, ATTACK).replace("XyZ", "inner");
    let text = form(
        &format!("{FIELD}\r\nContent-Type: multipart/mixed; boundary=inner"),
        &inner,
    );
    assert!(finds(TYPE, text.as_bytes()));
    assert_eq!(gaps(TYPE, text.as_bytes()), []);
    let mut deep = form(FIELD, "x").replace("XyZ", "b5");
    for level in (0..5).rev() {
        let head = format!("{FIELD}\r\nContent-Type: multipart/mixed; boundary=b{}", level + 1);
        deep = form(&head, &deep).replace("XyZ", &format!("b{level}"));
    }
    let sent = Body::whole("multipart/form-data; boundary=b0", deep.as_bytes());
    let ended = body(MOST_BYTES, &sent, &mut |_| true);
    let [(Gap::TooDeep, at)] = ended.iter().collect::<Vec<_>>()[..] else {
        panic!("{ended:?}")
    };
    // the part that is not followed holds the delimiters of the next level
    assert!(deep[at..].starts_with("--b3\r\n"), "{}", &deep[at..]);
}

#[test]
fn what_is_called_multipart_and_is_none_is_read_as_what_it_is() {
    let json = format!("{{\"q\": {ATTACK:?}}}");
    for text in [json.as_str(), ATTACK] {
        assert!(finds("multipart/form-data; boundary=zzz", text.as_bytes()), "{text}");
        assert_eq!(
            gaps("multipart/form-data; boundary=zzz", text.as_bytes()),
            [Gap::LooseGrammar]
        );
    }
}

#[test]
fn a_body_of_which_more_follows_is_not_broken() {
    let text = part(
        &format!("{FIELD}; filename=\"a.png\"\r\nContent-Type: image/png"),
        "\u{89}PNG",
    ) + &form(FIELD, "one");
    for end in "--XyZ\r\nC".len()..text.len() {
        let shown = Body {
            is_whole: false,
            ..Body::whole(TYPE, &text.as_bytes()[..end])
        };
        let gaps = body(MOST_BYTES, &shown, &mut |_| true);
        assert!(gaps.is_empty(), "{end}: {gaps:?}");
    }
}

#[test]
fn a_thousand_parts_hide_nothing() {
    let many = "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(1_100) + &form(FIELD, ATTACK);
    assert!(many.len() < MOST_BYTES);
    assert!(finds(TYPE, many.as_bytes()));
    assert_eq!(gaps(TYPE, many.as_bytes()), []);
}

proptest! {
    #[test]
    fn no_body_is_too_odd(text in "(--XyZ|--|\r\n|\n|Content-Disposition: form-data; name=\"q\"|; filename=\"|\"|XyZ|a|=|;|:| ){0,40}") {
        let mut visited = 0;
        let gaps = body(MOST_BYTES, &Body::whole(TYPE, text.as_bytes()), &mut |field| {
            visited += field.value.len() + 1;
            true
        });
        prop_assert!(visited <= most_visited(text.len()));
        prop_assert!(gaps.iter().all(|(_, at)| at <= text.len()));
    }

    /// Whatever a part holds, a body that is put together as browsers do is read in one way, and
    /// yields it.
    #[test]
    fn what_browsers_send_is_read_in_one_way(name in "[a-z\\[\\]_.]{1,12}", content in "[ -~\r\n]{0,80}") {
        let boundary = "----WebKitFormBoundaryABCDEFGHIJKLMNOP";
        let text = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n--{boundary}--\r\n");
        let (seen, gaps) = read(&format!("multipart/form-data; boundary={boundary}"), text.as_bytes());
        prop_assert_eq!(gaps, Vec::new());
        prop_assert!(content.is_empty() || seen.contains(&(Role::Value, content)));
    }
}
