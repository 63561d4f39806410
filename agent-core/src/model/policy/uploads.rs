//! Which files may be uploaded: the `UPLOAD_…` keys, and what they say of one file.
//!
//! What only an attacker uploads (programs, web shells) is found by the detectors, whatever is allowed here. This is what the
//! application expects: whether files at all, how large, of which kinds.

use buckler_waf::{
    normal::{Spelling, normalise},
    places::File,
};

use super::{
    detectors::extension,
    reader::Reader,
    value::{list, megabytes, switch},
};

/// Which files may be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploads {
    /// `UPLOAD_FILES`: whether any may.
    pub allowed: bool,
    /// `UPLOAD_MAX_SIZE`, in bytes.
    pub max_bytes: u64,
    /// `UPLOAD_EXTENSIONS`, in lower case and without a dot. Where there are none, files may be of any kind.
    pub extensions: Box<[Box<str>]>,
}

/// Extensions of what a browser or a server runs or obeys: in front of another one they are no part of an honest name, since some
/// servers go by the first that they know.
const ACTIVE: [&str; 26] = [
    "asp", "aspx", "bat", "cgi", "cmd", "com", "exe", "hta", "htm", "html", "htaccess", "jar", "js", "jsp", "jspx",
    "mjs", "phar", "php", "phtml", "ps1", "py", "sh", "shtml", "svg", "vbs", "xhtml",
];

impl Uploads {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            allowed: reader.read("UPLOAD_FILES", switch),
            max_bytes: reader.read("UPLOAD_MAX_SIZE", megabytes),
            extensions: reader.read("UPLOAD_EXTENSIONS", |value| list(value, extension)).into(),
        }
    }

    /// Why a file may not be uploaded, in a word.
    #[must_use]
    pub fn refuse(&self, file: &File<'_>) -> Option<&'static str> {
        if !self.allowed {
            return Some("file");
        }
        if file.bytes > self.max_bytes {
            return Some("size");
        }
        let normal = normalise(file.name, Spelling::Literal, false);
        let mut parts = base(&normal.text).split('.');
        let stem = parts.next();
        let last = parts.next_back().unwrap_or_default();
        if !self.extensions.is_empty() && !self.allows(last) {
            return Some("extension");
        }
        // a name of one part and one extension has none between them
        if stem.is_some() && parts.any(|part| is_one_of(part, &ACTIVE) && !self.allows(part)) {
            return Some("double-extension");
        }
        let is_shown = !file.content.is_empty();
        (is_shown && !kind::fits(last, file.content)).then_some("content")
    }

    fn allows(&self, extension: &str) -> bool {
        self.extensions
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(extension) || **listed == *extension.to_lowercase())
    }
}

/// The name without directories, which some browsers send.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn is_one_of(extension: &str, known: &[&str]) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

/// How files of common kinds begin.
mod kind {
    use super::is_one_of;

    /// Bytes at an offset.
    type Magic = (usize, &'static [u8]);

    /// Extensions with the beginnings of which a file has one.
    const KINDS: &[(&[&str], &[Magic])] = &[
        (&["jpg", "jpeg", "jpe", "jfif"], &[(0, b"\xff\xd8\xff")]),
        (&["png"], &[(0, b"\x89PNG\r\n\x1a\n")]),
        (&["gif"], &[(0, b"GIF87a"), (0, b"GIF89a")]),
        (&["webp"], &[(8, b"WEBP")]),
        (&["bmp"], &[(0, b"BM")]),
        (
            &["tif", "tiff"],
            &[(0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")],
        ),
        (&["ico"], &[(0, b"\0\0\x01\0")]),
        (
            &["zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"],
            &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06"), (0, b"PK\x07\x08")],
        ),
        (&["gz", "tgz"], &[(0, b"\x1f\x8b")]),
        (&["7z"], &[(0, b"7z\xbc\xaf\x27\x1c")]),
        (&["rar"], &[(0, b"Rar!\x1a\x07")]),
        (&["mp4", "m4a", "m4v", "heic", "avif"], &[(4, b"ftyp")]),
        (&["webm", "mkv"], &[(0, b"\x1a\x45\xdf\xa3")]),
        (&["ogg", "oga", "ogv", "opus"], &[(0, b"OggS")]),
        (&["wav"], &[(8, b"WAVE")]),
        (&["avi"], &[(8, b"AVI ")]),
    ];

    /// Kinds that are text.
    const TEXTS: [&str; 8] = ["csv", "json", "md", "svg", "tsv", "txt", "xml", "yaml"];

    /// As far as readers of PDF look for its mark: anything may stand in front.
    const PDF_MARK_WITHIN: usize = 1024;

    /// Whether a file of this extension can begin so. Kinds that are not known here can begin in any way.
    pub(super) fn fits(extension: &str, content: &[u8]) -> bool {
        if is_one_of(extension, &["pdf"]) {
            let head = content.get(..PDF_MARK_WITHIN).unwrap_or(content);
            return head.windows(5).any(|bytes| bytes == b"%PDF-");
        }
        if is_one_of(extension, &TEXTS) {
            return is_text(content);
        }
        let known = KINDS.iter().find(|(extensions, _)| is_one_of(extension, extensions));
        known.is_none_or(|(_, magic)| {
            magic.iter().any(|(at, bytes)| {
                let from = content.get(*at..).unwrap_or_default();
                from.starts_with(bytes)
            })
        })
    }

    /// Whether it is in UTF-16, by its mark, or has no NUL where binary formats have one.
    fn is_text(content: &[u8]) -> bool {
        // headers of binary formats are shorter
        const HEAD: usize = 512;
        let head = content.get(..HEAD).unwrap_or(content);
        head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || !head.contains(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";

    fn uploads(extensions: &[&str]) -> Uploads {
        Uploads {
            allowed: true,
            max_bytes: 1000,
            extensions: extensions.iter().map(|text| Box::from(*text)).collect(),
        }
    }

    fn file<'f>(name: &'f str, content: &'f [u8]) -> File<'f> {
        File {
            field: "f",
            name: name.as_bytes(),
            content,
            bytes: content.len() as u64,
        }
    }

    #[test]
    fn nothing_may_be_uploaded_where_that_is_said() {
        let none = Uploads {
            allowed: false,
            ..uploads(&[])
        };
        assert_eq!(none.refuse(&file("a.jpg", JPEG)), Some("file"));
    }

    #[test]
    fn sizes_are_judged_to_the_byte() {
        let of = |bytes| File {
            bytes,
            ..file("a.jpg", JPEG)
        };
        assert_eq!(uploads(&["jpg"]).refuse(&of(1000)), None);
        assert_eq!(uploads(&["jpg"]).refuse(&of(1001)), Some("size"));
    }

    #[test]
    fn extensions_are_those_of_the_list() {
        let uploads = uploads(&["jpg", "pdf", "csv", "\u{fc}"]);
        for name in [
            "a.jpg",
            "A.JPG",
            "2024.tax.final.v2.jpg",
            "..jpg",
            r"C:\x.php\a.jpg",
            "a%2Ejpg",
            "UTF-8''a.jpg",
        ] {
            assert_eq!(uploads.refuse(&file(name, JPEG)), None, "{name}");
        }
        for name in ["a.gif", "jpg", "a", "a.jpg.", "a.jpg ", "a.jpg/b", "", ".jpgx"] {
            assert_eq!(uploads.refuse(&file(name, JPEG)), Some("extension"), "{name}");
        }
        assert_eq!(
            uploads.refuse(&file("a.\u{dc}", b"x")),
            None,
            "in any case of any script"
        );
        for name in ["a.php.jpg", "a.html.JPG", "a.Svg.x.jpg", "a.php%2Ejpg"] {
            assert_eq!(uploads.refuse(&file(name, JPEG)), Some("double-extension"), "{name}");
        }
    }

    #[test]
    fn an_empty_list_allows_every_kind() {
        let any = uploads(&[]);
        assert_eq!(any.refuse(&file("a.xyz", b"x")), None);
        assert_eq!(any.refuse(&file("README", b"x")), None);
        assert_eq!(any.refuse(&file("a.html.txt", b"x")), Some("double-extension"));
        assert_eq!(any.refuse(&file("a.png", b"x")), Some("content"));
        let svg = uploads(&["svg", "zip"]);
        assert_eq!(
            svg.refuse(&file("a.svg.zip", b"PK\x03\x04")),
            None,
            "an extension that is allowed"
        );
    }

    #[test]
    fn content_is_held_against_the_extension() {
        let any = uploads(&[]);
        for (name, content) in [
            ("a.jpeg", JPEG),
            ("a.png", b"\x89PNG\r\n\x1a\n..."),
            ("a.gif", b"GIF89a"),
            ("a.webp", b"RIFF\x01\0\0\0WEBPVP8 "),
            ("a.pdf", b"\n\n%PDF-1.7"),
            ("a.docx", b"PK\x03\x04"),
            ("a.mp4", b"\0\0\0\x18ftypmp42"),
            ("a.txt", "\u{feff}text".as_bytes()),
            ("a.csv", b"\xff\xfea\0;\0"),
            ("a.unknown", b"\0\0"),
            ("a.png", b""),
        ] {
            assert_eq!(any.refuse(&file(name, content)), None, "{name}");
        }
        for (name, content) in [
            ("a.jpeg", b"GIF89a".as_slice()),
            ("a.png", b"<?php"),
            ("a.webp", b"RIFF\x01\0\0\0WAVE"),
            ("a.pdf", b"<html>"),
            ("a.docx", b"\xd0\xcf\x11\xe0"),
            ("a.mp4", b"ftyp"),
            ("a.txt", b"MZ\0\x01"),
            ("a.gif", b"G"),
        ] {
            assert_eq!(any.refuse(&file(name, content)), Some("content"), "{name}");
        }
    }
}
