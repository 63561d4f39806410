//! What structured binary bodies yield, and that bytes of any kind are read within bounds.

use proptest::prelude::*;

use super::super::{MOST_BYTES, MOST_DEPTH, body, most_visited};
use super::*;

const ATTACK: &[u8] = b"1' union select password from users-- -";

/// Every value as `place = value` (a name as `place name value`), and the gaps.
fn read(content_type: &str, bytes: &[u8]) -> (Vec<String>, Vec<Gap>) {
    let mut seen = Vec::new();
    let gaps = body(MOST_BYTES, &Body::whole(content_type, bytes), &mut |field| {
        let role = if field.role == Role::Name { "name" } else { "=" };
        seen.push(format!(
            "{} {role} {}",
            field.place,
            String::from_utf8_lossy(field.value)
        ));
        true
    });
    (seen, gaps.iter().map(|(gap, _)| gap).collect())
}

fn finds(content_type: &str, bytes: &[u8]) -> bool {
    let attack = String::from_utf8_lossy(ATTACK);
    read(content_type, bytes).0.iter().any(|value| value.contains(&*attack))
}

/// A string with a head that says its length in one byte.
fn with_head(head: &[u8], text: &[u8]) -> Vec<u8> {
    [head, &[u8::try_from(text.len()).unwrap()], text].concat()
}

/// `{"q": …, "list": ["a", 7, nil, bytes]}`.
fn message_pack(text: &[u8]) -> Vec<u8> {
    [
        &b"\x82\xa1q"[..],
        &with_head(b"\xd9", text),
        b"\xa4list\x94\xa1a\x07\xc0\xc4\x02hi",
    ]
    .concat()
}

/// The same in CBOR, with a string in pieces, a tag and a list without a length.
fn cbor(text: &[u8]) -> Vec<u8> {
    let (one, two) = text.split_at(text.len() / 2);
    [
        &b"\xa2\x61q\x7f"[..],
        &with_head(b"\x78", one),
        &with_head(b"\x78", two),
        b"\xff\x64list\x9f\x61a\x07\xf6\xc1\x42hi\xff",
    ]
    .concat()
}

/// A message with a number, a text, and a message with a text.
fn protobuf(text: &[u8]) -> Vec<u8> {
    let inner = with_head(b"\x0a", text);
    [&b"\x08\x96\x01\x12\x04shoe"[..], &with_head(b"\x1a", &inner)].concat()
}

fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flags][..], &length.to_be_bytes(), message].concat()
}

#[test]
fn messagepack_yields_keys_and_strings_with_their_way() {
    let (seen, gaps) = read("application/msgpack", &message_pack(b"x'y"));
    assert_eq!(
        seen,
        [
            "body:q name q",
            "body:q = x'y",
            "body:list name list",
            "body:list = a",
            "body:list = hi"
        ]
    );
    assert_eq!(gaps, []);
    // every width of every kind of string
    for head in [
        &b"\xd9\x27"[..],
        b"\xda\0\x27",
        b"\xdb\0\0\0\x27",
        b"\xc4\x27",
        b"\xc7\x27\x01",
    ] {
        assert!(finds("application/vnd.msgpack", &[head, ATTACK].concat()), "{head:?}");
    }
    let numbers = b"\x9b\xcc\x01\xcd\x01\x01\xce\x01\x01\x01\x01\xcf\x01\x01\x01\x01\x01\x01\x01\x01\xd0\x01\xca\0\0\0\0\xcb\0\0\0\0\0\0\0\0\xd4\0\0\xd7\0\0\0\0\0\0\0\0\0\xc3\xa1x";
    assert_eq!(read("application/x-msgpack", numbers).0, ["body = x"]);
}

#[test]
fn cbor_yields_keys_and_strings_with_their_way() {
    let (seen, gaps) = read("application/cbor", &cbor(b"x'y"));
    assert_eq!(
        seen,
        [
            "body:q name q",
            "body:q = x'y",
            "body:list name list",
            "body:list = a",
            "body:list = hi"
        ]
    );
    assert_eq!(gaps, []);
    for head in [
        &b"\x78\x27"[..],
        b"\x79\0\x27",
        b"\x7a\0\0\0\x27",
        b"\x58\x27",
        b"\xd9\xd9\xf7\x78\x27",
    ] {
        assert!(finds("application/senml+cbor", &[head, ATTACK].concat()), "{head:?}");
    }
}

#[test]
fn protobuf_yields_strings_by_the_numbers_of_their_fields() {
    let (seen, gaps) = read("application/x-protobuf", &protobuf(b"x'y and z"));
    assert_eq!(
        seen,
        ["body:2 = shoe", "body:3 = \n\tx'y and z", "body:3.1 = x'y and z"]
    );
    assert_eq!(gaps, []);
    let mut deep = ATTACK.to_vec();
    for _ in 0..20 {
        deep = with_head(b"\x0a", &deep);
    }
    assert!(finds("application/proto", &deep));
}

#[test]
fn frames_are_read_whatever_is_in_them() {
    let json = frame(0, br#"{"q":"1' union select password from users-- -"}"#);
    let packed = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&protobuf(ATTACK)).unwrap();
        frame(1, &encoder.finish().unwrap())
    };
    let message = frame(0, &protobuf(ATTACK));
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc-web+proto",
        "application/connect+proto",
        "application/connect+json",
    ] {
        for body in [&message, &json, &packed, &frame(0, ATTACK)] {
            assert!(finds(kind, body), "{kind} {body:?}");
            assert_eq!(read(kind, body).1, [], "{kind} {body:?}");
        }
    }
    let text = engine::general_purpose::STANDARD.encode(&message);
    assert!(finds("application/grpc-web-text", text.as_bytes()));
    let two = [frame(0, b"\x0a\x05hello"), message].concat();
    assert!(finds("application/grpc", &two), "the second message");
    let unknown = frame(1, b"\x00\x01\x02 what no coding begins with");
    assert_eq!(read("application/grpc", &unknown).1, [Gap::UnknownCoding]);
}

#[test]
fn a_type_that_is_wrong_or_missing_hides_nothing() {
    let bodies = [
        message_pack(ATTACK),
        cbor(ATTACK),
        protobuf(ATTACK),
        frame(0, &protobuf(ATTACK)),
        [b"\0\x01\x02\x03\xfe\xff", ATTACK, b"\0\0\x07"].concat(),
    ];
    for bytes in &bodies {
        for kind in [
            "",
            "application/octet-stream",
            "image/png",
            "application/cbor",
            "application/proto",
            "text/plain",
            "application/grpc",
        ] {
            assert!(finds(kind, bytes), "{kind}: {bytes:?}");
        }
    }
    for kind in [
        "application/msgpack",
        "application/cbor",
        "application/x-protobuf",
        "application/grpc",
        "application/grpc-web-text",
    ] {
        assert!(finds(kind, ATTACK), "text said to be {kind}");
    }
    for kind in ["application/msgpack", "application/cbor", "application/grpc"] {
        let broken = [b"\x82\xff\xc1\0\x07", ATTACK, b"\xc1"].concat();
        let (_, gaps) = read(kind, &broken);
        assert!(gaps.contains(&Gap::LooseGrammar), "{kind}: {gaps:?}");
        assert!(finds(kind, &broken), "{kind}");
    }
}

#[test]
fn honest_bodies_have_no_gap_but_that_they_are_no_text() {
    let noise: Vec<u8> = (0..60_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let (seen, gaps) = read("application/octet-stream", &noise);
    assert_eq!(gaps, [Gap::NotText]);
    assert!(seen.len() < 20, "{seen:?}");
    for (kind, body) in [
        ("application/msgpack", message_pack(b"hello")),
        ("application/cbor", cbor(b"hello")),
    ] {
        assert_eq!(read(kind, &body).1, [], "{kind}");
        assert_eq!(read("", &body).1, [], "undeclared {kind}");
    }
}

#[test]
fn of_an_object_the_head_alone_tells() {
    let object = b"\xac\xed\0\x05sr\0\x11java.util.HashMap";
    for length in [0, 100, 4096] {
        let body = [&object[..], &vec![0xff; length]].concat();
        let mut heads = Vec::new();
        let mut visit = |field: &Field<'_>| {
            if field.role == Role::FileHead {
                heads.push(field.value.len());
            }
            true
        };
        undeclared(&body, &mut visit, &mut Notes::default());
        assert_eq!(heads, [body.len().min(HEAD_OF_OBJECT)]);
    }
}

#[test]
fn depth_is_bounded_and_hides_nothing() {
    let deep = [vec![0x91; 60_000], with_head(b"\xd9", ATTACK)].concat();
    assert!(finds("application/msgpack", &deep));
    let deep = [vec![0x81; 60_000], with_head(b"\x78", ATTACK)].concat();
    assert!(finds("application/cbor", &deep));
    let mut deep = ATTACK.to_vec();
    for _ in 0..60 {
        let [low, high] = [deep.len() & 0x7f | 0x80, deep.len() >> 7].map(|part| u8::try_from(part).unwrap());
        deep = [&[0x0a, low, high][..], &deep].concat();
    }
    let gaps = body(MOST_BYTES, &Body::whole("application/protobuf", &deep), &mut |_| true);
    // a head of three bytes for each level that is followed, and for that of the one that is not
    let ends: Vec<_> = gaps.iter().collect();
    assert_eq!(ends, [(Gap::TooDeep, 3 * (MOST_DEPTH + 1))]);
    let head = [&[0][..], &u32::try_from(deep.len()).unwrap().to_be_bytes()].concat();
    let framed = [&head[..], &deep].concat();
    let gaps = body(MOST_BYTES, &Body::whole("application/grpc", &framed), &mut |_| true);
    let ends: Vec<_> = gaps.iter().collect();
    assert_eq!(ends, [(Gap::TooDeep, head.len() + 3 * (MOST_DEPTH + 1))]);
    assert!(finds("application/protobuf", &deep), "by its text");
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(
        content_type in prop::sample::select(vec![
            "application/msgpack", "application/cbor", "application/proto", "application/grpc", "application/grpc-web-text", "",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut visited = 0;
        let gaps = body(MOST_BYTES, &Body::whole(content_type, &bytes), &mut |field| {
            visited += field.value.len() + 1;
            true
        });
        prop_assert!(visited <= most_visited(bytes.len()));
        prop_assert!(gaps.iter().all(|(_, at)| at <= bytes.len()));
    }

    #[test]
    fn what_is_packed_is_found(text in "[a-zA-Z0-9 '<>()=;/-]{1,60}") {
        for (kind, body) in [
            ("application/msgpack", message_pack(text.as_bytes())),
            ("application/cbor", cbor(text.as_bytes())),
            ("application/protobuf", protobuf(text.as_bytes())),
            ("application/grpc", frame(0, &protobuf(text.as_bytes()))),
        ] {
            let (seen, _) = read(kind, &body);
            prop_assert!(seen.iter().any(|value| value.ends_with(&text)), "{} {:?} {:?}", kind, text, seen);
        }
    }
}
