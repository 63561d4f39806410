//! Charsets: what the bytes of a text stand for.
//!
//! Nearly all charsets are a superset of ASCII, in which every attack is written, so that the bytes
//! can be looked at as they are. The others are decoded: UTF-16 and UTF-32 by declaration, by mark
//! or by their NULs, UTF-7, EBCDIC, ISO-2022-JP, and the double-byte charsets of East Asia, whose
//! second bytes may be mistaken for ASCII.

use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

use super::parameter::parameters;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// A superset of ASCII, byte by byte.
    Plain,
    /// Characters of one or two bytes, the second of which may look like ASCII. Forms of older
    /// sites have them.
    DoubleByte(&'static Encoding),
    /// Units of two bytes, or of four.
    Wide(Wide),
    /// One that no browser writes a form in.
    Foreign(Foreign),
}

/// Units of several bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
}

/// Charsets that only a few parsers believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// RFC 2152.
    Utf7,
    /// IBM037, and what resembles it.
    Ebcdic,
    /// Escapes switch between sets of characters, and may be strewn into a word.
    Iso2022Jp,
    /// It is not known, or cannot be decoded.
    Unknown,
}

impl Charset {
    /// The charset that a content type declares; the oddest of several.
    pub(super) fn declared(content_type: &str) -> Self {
        let mut found = Self::Plain;
        for parameter in parameters(content_type.as_bytes()) {
            let own = if parameter.is(b"charset") {
                Self::of_label(parameter.value)
            } else if parameter.is_extended(b"charset") {
                Self::Foreign(Foreign::Unknown)
            } else {
                continue;
            };
            if own.oddity() > found.oddity() {
                found = own;
            }
        }
        found
    }

    fn of_label(label: &[u8]) -> Self {
        // as nearly all say
        if label.eq_ignore_ascii_case(b"utf-8") {
            return Self::Plain;
        }
        let label = label.trim_ascii().to_ascii_lowercase();
        // what is behind a comma or a blank is another header's, put together by a proxy
        let end = label
            .iter()
            .position(|byte| matches!(byte, b',' | b' '))
            .unwrap_or(label.len());
        let label = label.get(..end).unwrap_or_default();
        let label = label.trim_ascii_start().strip_prefix(b"'").unwrap_or(label);
        let label = label.strip_suffix(b"'").unwrap_or(label);
        if is_no_charset(label) {
            return Self::Plain;
        }
        let dashed: Vec<u8> = label
            .iter()
            .map(|byte| if *byte == b'_' { b'-' } else { *byte })
            .collect();
        let wide = match &*dashed {
            b"utf-32" | b"utf32" | b"utf-32le" | b"utf-32-le" | b"ucs-4" | b"iso-10646-ucs-4" | b"u32" => {
                Some(Wide::Utf32Le)
            }
            b"utf-32be" | b"utf-32-be" => Some(Wide::Utf32Be),
            b"utf16" | b"utf-16-le" | b"u16" | b"iso-10646-ucs-2" => Some(Wide::Utf16Le),
            b"utf-16-be" => Some(Wide::Utf16Be),
            _ => None,
        };
        if let Some(wide) = wide {
            return Self::Wide(wide);
        }
        match Encoding::for_label(label).or_else(|| Encoding::for_label(&dashed)) {
            Some(own) if own == UTF_16LE => Self::Wide(Wide::Utf16Le),
            Some(own) if own == UTF_16BE => Self::Wide(Wide::Utf16Be),
            Some(own) if own == ISO_2022_JP => Self::Foreign(Foreign::Iso2022Jp),
            Some(own) if own == UTF_8 || own.is_single_byte() => Self::Plain,
            Some(own) if own.is_ascii_compatible() => Self::DoubleByte(own),
            Some(_) => Self::Foreign(Foreign::Unknown),
            None if is_utf7(&dashed) => Self::Foreign(Foreign::Utf7),
            None if is_ebcdic(&dashed) => Self::Foreign(Foreign::Ebcdic),
            None if is_code_page(&dashed) => Self::Plain,
            None if page(&dashed) == Some(932) => Self::DoubleByte(SHIFT_JIS),
            None if page(&dashed) == Some(936) => Self::DoubleByte(GBK),
            None if page(&dashed) == Some(949) => Self::DoubleByte(EUC_KR),
            None if page(&dashed) == Some(950) => Self::DoubleByte(BIG5),
            None => Self::Foreign(Foreign::Unknown),
        }
    }

    /// How far it is from what everybody reads.
    const fn oddity(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::DoubleByte(_) => 1,
            Self::Wide(_) => 2,
            Self::Foreign(Foreign::Unknown) => 3,
            Self::Foreign(_) => 4,
        }
    }

    /// The text in UTF-8; nothing where it is as it stands.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Plain | Self::Foreign(Foreign::Unknown) => None,
            Self::DoubleByte(encoding) => Some(in_utf8(encoding, bytes)),
            Self::Wide(wide) => Some(wide.decode(bytes)),
            Self::Foreign(Foreign::Utf7) => Some(utf7(bytes)),
            Self::Foreign(Foreign::Ebcdic) => Some(ebcdic(bytes)),
            Self::Foreign(Foreign::Iso2022Jp) => Some(in_utf8(ISO_2022_JP, bytes)),
        }
    }
}

impl Wide {
    /// How a text shows that it is written so: by a mark, or by the NULs of ASCII characters (as
    /// RFC 4627, section 3, has it for JSON).
    pub(super) fn sniffed(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, 0, 0, ..] => return Some(Self::Utf32Le),
            [0, 0, 0xfe, 0xff, ..] => return Some(Self::Utf32Be),
            [0xff, 0xfe, ..] => return Some(Self::Utf16Le),
            [0xfe, 0xff, ..] => return Some(Self::Utf16Be),
            _ => {}
        }
        /// As much as tells: binary formats have other bytes soon.
        const HEAD: usize = 64;
        let head = bytes.get(..HEAD).unwrap_or(bytes);
        [Self::Utf32Le, Self::Utf32Be, Self::Utf16Le, Self::Utf16Be]
            .into_iter()
            .find(|wide| wide.fits(head))
    }

    /// Whether all units are ASCII characters. One alone tells nothing.
    fn fits(self, head: &[u8]) -> bool {
        let is_ascii = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        let width = self.width();
        head.len() >= 2 * width
            && head.chunks_exact(width).all(|unit| match (self, unit) {
                (Self::Utf16Le, [low, 0]) | (Self::Utf16Be, [0, low]) => is_ascii(*low),
                (Self::Utf32Le, [low, 0, 0, 0]) | (Self::Utf32Be, [0, 0, 0, low]) => is_ascii(*low),
                _ => false,
            })
    }

    const fn width(self) -> usize {
        match self {
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::Utf32Le | Self::Utf32Be => 4,
        }
    }

    /// The units of a part of a text that are all there, decoded, and how many bytes they take. A
    /// mark in it is none.
    pub(super) fn decode_part(self, bytes: &[u8]) -> (Vec<u8>, usize) {
        let whole = bytes.len() - bytes.len() % self.width();
        let units = bytes.get(..whole).unwrap_or_default();
        let plain = |encoding: &'static Encoding| {
            let (text, _) = encoding.decode_without_bom_handling(units);
            text.into_owned().into_bytes()
        };
        let text = match self {
            Self::Utf16Le => plain(UTF_16LE),
            Self::Utf16Be => plain(UTF_16BE),
            Self::Utf32Le | Self::Utf32Be => self.decode(units),
        };
        (text, whole)
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Vec<u8> {
        let unit = |unit: &[u8]| match (self, unit) {
            (Self::Utf32Le, [a, b, c, d]) => u32::from_le_bytes([*a, *b, *c, *d]),
            (_, [a, b, c, d]) => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => 0,
        };
        match self {
            // a mark of the other order wins, as in Python and in browsers
            Self::Utf16Le => in_utf8(UTF_16LE, bytes),
            Self::Utf16Be => in_utf8(UTF_16BE, bytes),
            Self::Utf32Le | Self::Utf32Be => {
                let units = bytes.chunks_exact(4).map(unit);
                let chars = units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                chars
                    .filter(|char| *char != '\u{feff}')
                    .collect::<String>()
                    .into_bytes()
            }
        }
    }
}

fn in_utf8(encoding: &'static Encoding, bytes: &[u8]) -> Vec<u8> {
    encoding.decode(bytes).0.into_owned().into_bytes()
}

/// What clients write that have no charset to name.
fn is_no_charset(label: &[u8]) -> bool {
    matches!(
        label,
        b"" | b"none"
            | b"null"
            | b"undefined"
            | b"false"
            | b"true"
            | b"binary"
            | b"default"
            | b"ansi"
            | b"utf8mb4"
            | b"cp65001"
            | b"utf-8-sig"
            | b"utf_8_sig"
            | b"latin-1"
            | b"u8"
            | b"utf"
    )
}

fn is_utf7(label: &[u8]) -> bool {
    label.ends_with(b"utf-7") || label.ends_with(b"utf7") || label == b"u7"
}

/// The number of a code page: `ibm037`, `cp1140`, `x-ibm-1047`.
fn page(label: &[u8]) -> Option<u32> {
    let at = label.iter().position(u8::is_ascii_digit)?;
    let (family, number) = label.split_at(at);
    let is_page = matches!(
        family,
        b"ibm" | b"cp" | b"x-ibm" | b"ibm-" | b"x-ibm-" | b"csibm" | b"cp-" | b"windows-" | b"ebcdic-cp-"
    );
    let number = str::from_utf8(number).ok()?.parse().ok()?;
    is_page.then_some(number)
}

/// Whether a code page is one of EBCDIC, by IBM's numbers (and `ebcdic-cp-us` and the like).
fn is_ebcdic(label: &[u8]) -> bool {
    let by_number = page(label).is_some_and(|number| {
        matches!(
            number,
            37 | 256 | 273..=290 | 297 | 420..=424 | 500 | 833 | 836 | 838 | 870 | 871 | 875 | 880 | 905 | 918 | 924
                | 930 | 931 | 933 | 935 | 937 | 939 | 1025..=1027 | 1047 | 1097 | 1112 | 1122 | 1123 | 1130 | 1132 | 1140..=1149
        )
    });
    by_number || label.starts_with(b"ebcdic") || label.starts_with(b"x-ebcdic") || label.starts_with(b"csebcdic")
}

/// Whether a code page is one of DOS or Windows, which all hold ASCII.
fn is_code_page(label: &[u8]) -> bool {
    page(label)
        .is_some_and(|number| matches!(number, 437 | 720 | 737 | 775 | 850..=869 | 874 | 1125 | 1131 | 1250..=1258))
}

/// What IBM037 stands for, in ISO 8859-1 (IBM's code page 00037, as Unicode's `CP037.TXT` has it).
#[rustfmt::skip]
const IBM037: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0xac,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
    0x5e, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0x5b, 0x5d, 0xaf, 0xa8, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
];

pub(super) fn ebcdic(bytes: &[u8]) -> Vec<u8> {
    let chars = bytes
        .iter()
        .map(|byte| IBM037.get(usize::from(*byte)).copied().map_or('?', char::from));
    chars.collect::<String>().into_bytes()
}

/// The text of UTF-7. What is no code stands for itself.
pub(super) fn utf7(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'+') {
        let (before, after) = rest.split_at(at);
        text.extend_from_slice(before);
        let code = after.get(1..).unwrap_or_default();
        let length = code
            .iter()
            .position(|byte| digit(*byte).is_none())
            .unwrap_or(code.len());
        if length == 0 {
            text.push(b'+');
        }
        push_utf16(code.get(..length).unwrap_or_default(), &mut text);
        let ends = usize::from(code.get(length) == Some(&b'-'));
        rest = code.get(length + ends..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Decodes Base64 of UTF-16.
fn push_utf16(code: &[u8], text: &mut Vec<u8>) {
    let mut bits = 0_u32;
    let mut held = 0;
    let units = code.iter().filter_map(|byte| {
        bits = ((bits << 6) | u32::from(digit(*byte)?)) & 0x3f_ffff;
        held += 6;
        (held >= 16).then(|| {
            held -= 16;
            u16::try_from((bits >> held) & 0xffff).unwrap_or_default()
        })
    });
    for char in char::decode_utf16(units) {
        let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declared(charset: &str) -> Charset {
        Charset::declared(&format!("text/plain; charset={charset}"))
    }

    #[test]
    fn everyday_charsets_are_read_as_they_stand() {
        #[rustfmt::skip]
        let everyday = [
            "utf-8", "UTF8", "\"utf-8\"", "us-ascii", "iso-8859-1", "ISO_8859-1", "latin1", "windows-1252", "koi8-r", "cp437", "utf-8,text/html",
            "undefined", "", "utf8mb4", "macintosh",
        ];
        for charset in everyday {
            assert_eq!(declared(charset), Charset::Plain, "{charset}");
        }
        assert_eq!(Charset::declared("application/json"), Charset::Plain);
        for charset in [
            "gbk",
            "gb2312",
            "GB18030",
            "big5",
            "shift_jis",
            "euc-kr",
            "euc-jp",
            "cp932",
            "CP936",
        ] {
            assert!(matches!(declared(charset), Charset::DoubleByte(_)), "{charset}");
        }
    }

    #[test]
    fn others_are_decoded() {
        let bracket = |charset: &str, bytes: &[u8]| {
            let text = declared(charset).decode(bytes).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(bracket("utf-16le", b"<\0a\0"), "<a");
        assert_eq!(bracket("utf-16", b"\xfe\xff\0<\0a"), "<a");
        assert_eq!(bracket("UTF-16BE", b"\0<\0a"), "<a");
        assert_eq!(bracket("utf-32", b"<\0\0\0"), "<");
        assert_eq!(bracket("utf_32_be", b"\0\0\0<"), "<");
        assert_eq!(bracket("utf-7", b"+ADw-a+AD4-1+-2"), "<a>1+2");
        assert_eq!(bracket("unicode-1-1-utf-7", b"+ADw"), "<");
        for name in ["ibm037", "IBM-037", "cp037", "cp1140", "cp500", "ebcdic-cp-us"] {
            assert_eq!(bracket(name, b"\x4c\xa2\x83\x99\x89\x97\xa3\x6e"), "<script>", "{name}");
        }
        assert_eq!(bracket("iso-2022-jp", b"<scr\x1b(Bipt>"), "<script>");
        assert_eq!(declared("hz-gb-2312"), Charset::Foreign(Foreign::Unknown));
        assert_eq!(declared("klingon"), Charset::Foreign(Foreign::Unknown));
        assert_eq!(
            declared("utf-8; charset=utf-7"),
            Charset::Foreign(Foreign::Utf7),
            "the oddest of two"
        );
        assert_eq!(
            Charset::declared("text/plain; charset*=utf-8''utf-7"),
            Charset::Foreign(Foreign::Unknown)
        );
    }

    #[test]
    fn wide_texts_show_themselves() {
        assert_eq!(Wide::sniffed(b"\xff\xfe<\0"), Some(Wide::Utf16Le));
        assert_eq!(Wide::sniffed(b"{\0\"\0a\0"), Some(Wide::Utf16Le));
        assert_eq!(Wide::sniffed(b"\0{\0\""), Some(Wide::Utf16Be));
        assert_eq!(Wide::sniffed(b"{\0\0\0\"\0\0\0"), Some(Wide::Utf32Le));
        assert_eq!(Wide::sniffed(b"\0\0\0{\0\0\0\""), Some(Wide::Utf32Be));
        for other in [
            &b"{\"a\":1}"[..],
            b"\0\x01\0\x02",
            b"a\0",
            b"",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        ] {
            assert_eq!(Wide::sniffed(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_within_bounds(
            charset in prop::sample::select(vec!["utf-16", "utf-16be", "utf-32", "utf-7", "ibm037", "iso-2022-jp", "gbk", "shift_jis"]),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let text = declared(charset).decode(&bytes).unwrap();
            prop_assert!(text.len() <= 3 * bytes.len() + 4, "{} of {}", text.len(), bytes.len());
            prop_assert!(str::from_utf8(&text).is_ok() || charset == "utf-7");
        }
    }
}
