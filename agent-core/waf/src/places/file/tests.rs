//! What is looked into of files.

use std::io::Write as _;

use proptest::prelude::*;

use super::super::Gap;
use super::*;

const ENTITY: &str = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";

fn look(name: &str, content_type: &str, bytes: &[u8]) -> (Vec<(Role, String)>, Vec<Gap>) {
    let mut seen = Vec::new();
    let mut notes = Notes::default();
    let content = Content {
        name,
        content_type,
        bytes,
        most_of_head: 16,
    };
    content.look(
        &mut |field| {
            seen.push((field.role, String::from_utf8_lossy(field.value).into_owned()));
            true
        },
        &mut notes,
    );
    (seen, notes.gaps.iter().map(|(gap, _)| gap).collect())
}

fn has_entity(name: &str, bytes: &[u8]) -> bool {
    let (seen, _) = look(name, "", bytes);
    seen.iter()
        .any(|(role, value)| *role == Role::Document && value.contains(ENTITY))
}

/// An archive of members, with their lengths in front of them or behind.
fn zip(members: &[(&str, &[u8])], is_streamed: bool) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let lengths = [packed.len(), content.len()]
            .map(|length| u32::try_from(length).unwrap().to_le_bytes())
            .concat();
        archive.extend(b"PK\x03\x04\x14\0");
        archive.extend(if is_streamed { b"\x08\0\x08\0" } else { b"\0\0\x08\0" });
        archive.extend(b"\0\0\0\0\0\0\0\0");
        archive.extend(if is_streamed { &[0; 8][..] } else { &lengths });
        archive.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        archive.extend(b"\0\0");
        archive.extend(name.as_bytes());
        archive.extend(packed);
        if is_streamed {
            archive.extend(b"PK\x07\x08\0\0\0\0");
            archive.extend(lengths);
        }
    }
    archive.extend(b"PK\x01\x02");
    archive
}

#[test]
fn markup_is_a_document_whatever_it_is_called() {
    let svg = format!("<?xml version=\"1.0\"?>{ENTITY}<svg><text>&e;</text></svg>");
    for name in ["a.svg", "a.xml", "track.gpx", "a.png", ""] {
        assert!(has_entity(name, svg.as_bytes()), "{name}");
    }
    let wide: Vec<u8> = svg.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(has_entity("a.svg", &wide));
    let padded = format!("<!--{}-->{svg}", " ".repeat(20_000));
    assert!(
        has_entity("a.svg", padded.as_bytes()),
        "beyond what is shown of any file"
    );
}

#[test]
fn abbreviations_of_a_drawing_program_are_no_danger() {
    let svg = "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\" [\n\
               <!ENTITY ns_svg \"http://www.w3.org/2000/svg\"><!ENTITY ns_xlink \"http://www.w3.org/1999/xlink\">]><svg/>";
    let (seen, _) = look("a.svg", "image/svg+xml", svg.as_bytes());
    let documents: Vec<_> = seen.iter().filter(|(role, _)| *role == Role::Document).collect();
    assert_eq!(documents, [&(Role::Document, "<svg/>".to_owned())]);
    let laughs = "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>";
    let (seen, _) = look("a.xml", "", laughs.as_bytes());
    assert!(
        seen.iter()
            .any(|(role, value)| *role == Role::Document && value.contains("ENTITY"))
    );
}

#[test]
fn members_of_archives_are_unpacked() {
    let document = format!("<?xml version=\"1.0\"?>{ENTITY}<office/>");
    for is_streamed in [false, true] {
        let archive = zip(
            &[
                ("mimetype", b"application/zip"),
                ("picture.bin", &[7; 300]),
                ("content.xml", document.as_bytes()),
            ],
            is_streamed,
        );
        assert!(has_entity("a.odt", &archive), "{is_streamed}");
    }
    let honest = zip(
        &[("word/document.xml", b"<?xml version=\"1.0\"?><w>O'Brien</w>")],
        false,
    );
    let (_, gaps) = look("a.docx", "", &honest);
    assert_eq!(gaps, []);
}

#[test]
fn a_bomb_of_an_archive_costs_little() {
    let bomb = zip(&[("a.xml", &*vec![b' '; 1 << 20]); 12], false);
    let mut notes = Notes::default();
    let spent = allocation_counter::measure(|| {
        zip::members(&bomb, &mut |_| true, &mut notes);
    });
    assert!(spent.bytes_max < 1 << 20, "{} bytes were held", spent.bytes_max);
    assert!(notes.gaps.has(Gap::TooLarge));
}

#[test]
fn a_line_of_text_may_be_a_field_and_code_may_not() {
    let values = |name: &str, kind: &str, text: &str| {
        let (seen, _) = look(name, kind, text.as_bytes());
        seen.iter().filter(|(role, _)| *role == Role::Value).count()
    };
    assert_eq!(values("q.txt", "text/plain", "1' or '1'='1"), 1);
    assert_eq!(values("blob", "", "1' or '1'='1"), 1);
    assert_eq!(values("dump.sql", "text/plain", "select 1"), 0);
    assert_eq!(values("a.txt", "application/sql", "select 1"), 0);
    assert_eq!(values("notes.txt", "text/plain", "one\ntwo"), 0);
    assert_eq!(values("long.txt", "text/plain", &"x".repeat(600)), 0);
}

proptest! {
    #[test]
    fn no_archive_is_too_odd(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        bytes.splice(..bytes.len().min(4), *b"PK\x03\x04");
        look("a.zip", "", &bytes);
    }
}
