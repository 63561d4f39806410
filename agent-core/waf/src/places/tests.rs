//! What the parts of requests yield.

use proptest::prelude::*;

use super::*;

/// Every value with its place and role, as `place role value`.
fn collected(work: impl FnOnce(&mut Visit<'_>)) -> Vec<String> {
    let mut seen = Vec::new();
    work(&mut |field| {
        let role = match field.role {
            Role::Value => "=",
            Role::Name => "name",
            Role::FileName => "file",
            Role::FileHead => "head",
            Role::Document => "whole",
        };
        seen.push(format!(
            "{} {role} {}",
            field.place,
            String::from_utf8_lossy(field.value)
        ));
        true
    });
    seen
}

fn of_body(content_type: &str, text: &str) -> Vec<String> {
    collected(|visit| {
        body(MOST_BYTES, &Body::whole(content_type, text.as_bytes()), visit);
    })
}

#[test]
fn a_query_has_names_and_values() {
    assert_eq!(
        collected(|visit| query("q=a+b&empty=&flag&=x&q=2", visit)),
        [
            "query:q name q",
            "query:q = a+b",
            "query:empty name empty",
            "query:flag name flag",
            "query = x",
            "query:q name q",
            "query:q = 2"
        ]
    );
    assert_eq!(collected(|visit| path("/a/b", visit)), ["path = /a/b"]);
}

#[test]
fn what_a_separator_tears_is_shown_whole_too() {
    assert_eq!(
        collected(|visit| query("<img src=x onerror=alert(1)>", visit)),
        [
            "query = <img src=x onerror=alert(1)>",
            "query:<img src name <img src",
            "query:<img src = x onerror=alert(1)>"
        ]
    );
    assert_eq!(
        collected(|visit| query("a=1&&id", visit)),
        ["query:a name a", "query:a = 1", "query:id name id", "query = a=1&&id"]
    );
    assert_eq!(
        collected(|visit| query("a%5Bb%5D=1&amp;c[d]=2", visit)),
        [
            "query:a%5Bb%5D name a%5Bb%5D",
            "query:a%5Bb%5D = 1",
            "query:c[d] name c[d]",
            "query:c[d] = 2"
        ]
    );
    assert_eq!(collected(|visit| query("|| 1==1", visit))[0], "query = || 1==1");
}

#[test]
fn cookies_are_taken_apart_and_odd_ones_shown_whole() {
    assert_eq!(
        collected(|visit| header("cookie", b"sid=1; theme=dark", visit)),
        [
            "cookie:sid name sid",
            "cookie:sid = 1",
            "cookie:theme name theme",
            "cookie:theme = dark"
        ]
    );
    let odd = collected(|visit| header("cookie", b"; cat $HOME", visit));
    assert_eq!(odd, ["cookie:cat $HOME name cat $HOME", "cookie = ; cat $HOME"]);
}

#[test]
fn headers_are_shown_but_for_dull_ones() {
    assert_eq!(
        collected(|visit| header("referer", b"https://a/?x=1", visit)),
        ["header:referer = https://a/?x=1"]
    );
    assert_eq!(collected(|visit| header("content-length", b"12", visit)), [""; 0]);
    assert_eq!(
        collected(|visit| header("date", b"Tue, 15 Nov 1994 08:12:31 GMT", visit)),
        [""; 0]
    );
    assert_eq!(
        collected(|visit| header("date", b"${jndi:ldap://x/a}", visit)),
        ["header:date = ${jndi:ldap://x/a}"],
        "no date"
    );
    assert_eq!(
        collected(|visit| header("authorization", b"Basic JyBPUiAxPTEtLSA=", visit)),
        ["header:authorization = JyBPUiAxPTEtLSA="]
    );
}

#[test]
fn json_yields_keys_and_strings_with_their_way() {
    assert_eq!(
        of_body(
            "application/json",
            r#"{"a": {"b": ["x", {"c": "y\u0027\n"}], "d": 1}, "e": "", "f\"": "\ud83d\ude00"}"#
        ),
        [
            "body:a name a",
            "body:a.b name b",
            "body:a.b = x",
            "body:a.b.c name c",
            "body:a.b.c = y'\n",
            "body:a.d name d",
            "body:e name e",
            "body:f\" name f\"",
            "body:f\" = 😀"
        ]
    );
    assert_eq!(of_body("application/vnd.api+json", "[\"x\"]"), ["body = x"]);
    assert_eq!(of_body("application/json", "\"text\""), ["body = text"]);
    let shared = of_body("application/json", r#"{"constructor": {"prototype": {}}}"#);
    assert_eq!(shared[1], "body:constructor.prototype name constructor.prototype");
}

#[test]
fn broken_json_yields_what_it_holds() {
    assert_eq!(
        of_body("application/json", r#"{"a": "cut o"#),
        ["body:a name a", "body:a = cut o"]
    );
    assert_eq!(
        of_body("application/json", r#"}}]{"a": "b""#),
        ["body:a name a", "body:a = b"]
    );
    assert_eq!(
        of_body("application/json", r#"{"a": "b\"#),
        ["body:a name a", r"body:a = b\"]
    );
    assert_eq!(
        of_body("application/json", "{a: 'x y'}"),
        ["body:a name a", "body:a = 'x y'"]
    );
    assert_eq!(
        of_body("application/json", r#""\ud83d \u00zz""#),
        ["body = \u{fffd} \\u00zz"]
    );
}

#[test]
fn deep_json_is_bounded() {
    let deep = format!("{}\"x\"{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(of_body("application/json", &deep), ["body = x"]);
    let objects = format!("{}\"x\"", r#"{"a":"#.repeat(5_000));
    assert_eq!(of_body("application/json", &objects).len(), 5_001, "none is lost");
}

#[test]
fn graphql_yields_the_document_and_its_strings() {
    assert_eq!(
        of_body("application/json", r#"{"query": "{ user(id: \"1\") { name } }"}"#),
        [
            "body:query name query",
            "body:query whole { user(id: \"1\") { name } }",
            "body:query = 1"
        ]
    );
    assert_eq!(
        of_body("application/graphql", "query { a(b: \"x\") }"),
        ["body whole query { a(b: \"x\") }", "body = x"]
    );
    assert_eq!(
        of_body("application/json", r#"{"query": "shoes"}"#)[1],
        "body:query = shoes"
    );
}

#[test]
fn xml_yields_texts_and_attributes() {
    let document = r#"<?xml version="1.0"?><a x="1" y='<'><b>text &lt;</b><![CDATA[<raw>]]></a>"#;
    assert_eq!(
        of_body("text/xml", document),
        [
            format!("body whole {document}").as_str(),
            "body:x = 1",
            "body:y = <",
            "body:b = text &lt;",
            "body:b = <raw>"
        ]
    );
    assert_eq!(of_body("text/xml", "<a b=\"c")[1], "body:b = c");
    let undeclared = of_body("text/plain", "<b>x</b>");
    assert_eq!(
        undeclared,
        ["body = <b>x</b>", "body:b = x"],
        "somebody may have entered it"
    );
    let utf7 = of_body("text/xml", "<?xml encoding=\"UTF-7\"?>+ADw-a+AD4-x");
    assert!(utf7[0].ends_with("<a>x"), "{utf7:?}");
}

#[test]
fn multipart_yields_fields_and_files() {
    let text = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--b\r\nContent-Disposition: form-data; \
                name=\"f\"; filename=\"x;y.png\"\r\nContent-Type: image/png\r\n\r\n<?php\r\n--b--\r\nepilogue";
    let expected = [
        "body:a name a",
        "body:a = one\r\ntwo",
        "body:f name f",
        "body:f file x;y.png",
        "body:x;y.png head <?php",
        "body:x;y.png whole <?php",
    ];
    assert_eq!(of_body("multipart/form-data; boundary=b", text), expected);
    assert_eq!(of_body("multipart/form-data; boundary=\"b\"", text), expected);
    assert_eq!(
        of_body("multipart/form-data", text.trim_start_matches("preamble\r\n")),
        expected
    );
}

#[test]
fn a_multipart_that_is_cut_off_yields_what_it_holds() {
    let text = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\ncut o";
    assert_eq!(
        of_body("multipart/form-data; boundary=b", text),
        ["body:a name a", "body:a = cut o"]
    );
    assert_eq!(
        of_body("multipart/form-data; boundary=b", "no parts"),
        ["body = no parts"]
    );
    assert_eq!(of_body("multipart/form-data", "no parts"), ["body = no parts"]);
}

#[test]
fn the_type_that_is_claimed_is_not_believed_blindly() {
    let of = |content_type: &str, text: &str| Format::of(content_type, text.as_bytes());
    for (content_type, text, format) in [
        ("application/json", "{}", Format::Json),
        ("application/json; charset=utf-8", "{}", Format::Json),
        ("application/json", "<a/>", Format::Xml),
        ("text/xml", "{}", Format::Json),
        ("application/soap+xml", "<a/>", Format::Xml),
        ("application/x-www-form-urlencoded", "a=1", Format::Form),
        ("application/x-www-form-urlencoded", "{\"a\":1}", Format::Json),
        (
            "application/x-www-form-urlencoded",
            "{cat,/etc/passwd}&a=b",
            Format::Form,
        ),
        ("text/plain", "hello", Format::Text),
        ("text/plain", "{\"a\":1}", Format::Json),
        ("", "hello", Format::Text),
        ("", "<script>1</script>", Format::Markup),
        ("text/plain", "<a/>", Format::Markup),
        ("", "\0\u{1}", Format::Binary),
        ("image/png", "<svg/>", Format::Markup),
        ("image/png", "{\"a\":1}", Format::Json),
        ("audio/x", "a=1&b=2", Format::Form),
        ("image/png", "hello", Format::Text),
        ("application/vnd.msgpack", "\u{1}", Format::Packed(Packing::MessagePack)),
        ("application/connect+json", "\0", Format::Packed(Packing::Frames)),
        ("MULTIPART/form-data; boundary=x", "", Format::Multipart),
        ("é", "é", Format::Text),
    ] {
        assert_eq!(of(content_type, text), format, "{content_type} {text}");
    }
}

#[test]
fn bodies_are_looked_at_up_to_a_limit() {
    let text = "a".repeat(MOST_BYTES + 10);
    assert_eq!(
        of_body("text/plain", &text),
        [format!("body = {}", "a".repeat(MOST_BYTES))]
    );
    assert_eq!(
        of_body("application/x-www-form-urlencoded", &"a&".repeat(30_000)).len(),
        30_000
    );
    let gaps = |length: usize| {
        let text = "a".repeat(length);
        body(MOST_BYTES, &Body::whole("text/plain", text.as_bytes()), &mut |_| true)
    };
    assert!(gaps(MOST_BYTES).is_empty());
    assert_eq!(
        gaps(MOST_BYTES + 1).iter().collect::<Vec<_>>(),
        [(Gap::TooLarge, MOST_BYTES)]
    );
}

#[test]
fn whoever_has_seen_enough_is_shown_no_more() {
    let mut seen = 0;
    query("a=1&b=2&c=3", &mut |_| {
        seen += 1;
        seen < 2
    });
    assert_eq!(seen, 2);
}

proptest! {
    #[test]
    fn no_body_is_too_odd(
        content_type in prop::sample::select(vec![
            "application/json", "text/xml", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "application/graphql", "",
        ]),
        text in "[-b\r\n\"'<>{}\\[\\]:;,=&a\\\\u0!?/]{0,120}",
    ) {
        let seen = of_body(content_type, &text);
        prop_assert!(seen.len() <= 2 * text.len() + 2);
    }
}

/// The gaps of a body, by kind.
fn gaps_of(content_type: &str, bytes: &[u8]) -> Vec<Gap> {
    let gaps = body(MOST_BYTES, &Body::whole(content_type, bytes), &mut |_| true);
    gaps.iter().map(|(gap, _)| gap).collect()
}

/// Whether a text is among the values of a body.
fn holds(content_type: &str, bytes: &[u8], wanted: &str) -> bool {
    let mut found = false;
    body(MOST_BYTES, &Body::whole(content_type, bytes), &mut |field| {
        found |= String::from_utf8_lossy(field.value).contains(wanted);
        true
    });
    found
}

#[test]
fn texts_are_read_in_the_charset_that_they_are_in() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let json = utf16("{\"q\": \"\\u003cscript\\u003e\"}");
    for kind in [
        "application/json",
        "application/json; charset=utf-16le",
        "text/plain",
        "",
    ] {
        assert!(holds(kind, &json, "<script>"), "{kind}");
        assert_eq!(gaps_of(kind, &json), [], "{kind}");
    }
    let with_mark = [b"\xff\xfe", &utf16("<a>x</a>")[..]].concat();
    assert!(holds("text/xml", &with_mark, "<a>x"));
    assert_eq!(gaps_of("text/xml; charset=utf-16", &with_mark), [], "as .NET sends it");
    let form = utf16("q=%3Cscript%3E");
    let kind = "application/x-www-form-urlencoded; charset=utf-16le";
    assert!(holds(kind, &form, "%3Cscript%3E"));
    assert_eq!(gaps_of(kind, &form), [Gap::ForeignCharset]);
    let ebcdic = b"%A2%83%99%89%97%A3%7E%4C%A2%83%99%89%97%A3%6E";
    let kind = "application/x-www-form-urlencoded;charset=ibm037";
    assert!(holds(kind, ebcdic, "script=<script>"));
    assert_eq!(gaps_of(kind, ebcdic), [Gap::ForeignCharset]);
    assert!(holds("text/plain; charset=iso-2022-jp", b"<scr\x1b(Bipt>", "<script>"));
    for kind in [
        "application/x-www-form-urlencoded; charset=Shift_JIS",
        "text/plain; charset=windows-1252",
        "text/plain; charset=undefined",
    ] {
        assert_eq!(gaps_of(kind, b"q=\x83\x5c"), [], "{kind}");
    }
    assert!(holds("text/plain; charset=shift_jis", b"\x83\x5c'", "\u{30bd}'"));
}

#[test]
fn a_control_byte_in_front_blinds_nothing() {
    for kind in ["text/plain", "text/html; charset=utf-8"] {
        assert!(holds(kind, b"\x01<script>alert(1)</script>", "<script>"));
        assert_eq!(gaps_of(kind, b"\x01<script>alert(1)</script>"), [Gap::ControlBytes]);
        assert_eq!(gaps_of(kind, b"\0;id"), [Gap::ControlBytes, Gap::NotText]);
    }
    for kind in ["", "application/octet-stream", "image/png"] {
        assert!(holds(kind, b"\0<script>alert(1)</script>", "<script>"), "{kind}");
    }
    // what Socket.IO and SignalR put between messages
    assert_eq!(gaps_of("text/plain;charset=UTF-8", b"4{\"a\":1}\x1e4{\"b\":2}"), []);
    assert_eq!(gaps_of("text/plain", b"a line of a log with a bell in it\x07"), []);
}

#[test]
fn pictures_are_no_text() {
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest";
    assert_eq!(gaps_of("image/png", picture), [Gap::NotText]);
    assert_eq!(gaps_of("application/octet-stream", picture), [Gap::NotText]);
    assert_eq!(gaps_of("application/json", b"{\"a\": \"cut o"), [Gap::CutShort]);
    assert_eq!(gaps_of("application/json", b"{\"a\": \"whole\"}"), []);
}

#[test]
fn content_types_are_told_apart() {
    let all = |value: &'static [u8]| content_types(value).collect::<Vec<_>>();
    assert_eq!(all(b"text/plain; charset=utf-8"), ["text/plain; charset=utf-8"]);
    assert_eq!(all(b"application/json, image/png"), ["application/json", "image/png"]);
    assert_eq!(
        all(b"multipart/form-data; boundary=a,b"),
        ["multipart/form-data; boundary=a,b"]
    );
    assert_eq!(all(b"text/plain; x=\xff"), ["text/plain; x="]);
}

proptest! {
    #[test]
    fn a_content_type_is_known_without_its_parameters(text in "[ \\t\u{a0}]{0,2}[a-z/+\u{e9}]{0,6}[ \u{2003}]{0,1}(;[ a-z=;]{0,6})?") {
        prop_assert_eq!(essence(&text), text.split(';').next().unwrap_or_default().trim());
    }
}
