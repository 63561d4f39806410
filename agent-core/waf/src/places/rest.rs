//! What follows the beginning of a body, in windows that slide to its end: each begins with what
//! the one before left open.

use super::{
    Body, Format, Gap, Gaps, Visit, budgeted,
    carry::{AS_IS, Escapes, carried},
    charset::Wide,
    json, multipart, packed, read_as,
};
use crate::fuel::Fuel;

/// How much of a value that goes on is shown again with what follows, in bytes: longer than any
/// attack that a rule knows.
const OVERLAP: usize = 1024;

/// The longest value that is shown again from its beginning, in bytes.
const LONGEST: usize = 4096;

/// A body of which the beginning was read, and what is there of the rest.
pub struct Rest {
    content_type: String,
    format: Format,
    /// The units that its text is written in, where they have several bytes.
    wide: Option<Wide>,
    /// The beginning of a unit of which the end has not come.
    pending: Vec<u8>,
    /// What the last window left open, and what came since, in UTF-8.
    bytes: Vec<u8>,
    /// How much came since.
    fresh: usize,
    /// How much came of the body, in bytes as they came.
    taken: usize,
}

/// A part of a body that is read by itself.
#[derive(Debug, Clone, Copy)]
pub struct Window<'b> {
    /// What is there of it, and whether the body ends with it.
    pub body: Body<'b>,
    /// How the body is read.
    pub format: Format,
    /// Where it begins in the body, in bytes.
    pub at: usize,
}

impl Window<'_> {
    /// The same window, with what taking it apart may cost.
    #[must_use]
    pub const fn fuelled<'w>(self, fuel: &'w Fuel) -> Window<'w>
    where
        Self: 'w,
    {
        Window {
            body: Body {
                fuel: Some(fuel),
                ..self.body
            },
            ..self
        }
    }
}

impl Rest {
    /// The rest of a body that begins so. `None` where nothing of such a body is read beyond its
    /// beginning: of pictures and archives.
    #[must_use]
    pub fn after(content_type: &str, beginning: &[u8]) -> Option<Self> {
        let mut format = Format::of(content_type, beginning);
        let has_text = !matches!(format, Format::Multipart | Format::Packed(_) | Format::Media);
        let mut rest = Self {
            content_type: content_type.to_owned(),
            format,
            wide: Wide::sniffed(beginning).filter(|_| has_text),
            pending: Vec::new(),
            bytes: Vec::new(),
            fresh: 0,
            taken: 0,
        };
        rest.push(beginning);
        if rest.wide.is_some() {
            const MARK: &[u8] = "\u{feff}".as_bytes();
            if rest.bytes.starts_with(MARK) {
                rest.bytes.drain(..MARK.len());
            }
            format = Format::of(content_type, &rest.bytes);
            rest.format = format;
        }
        rest.advance();
        (format != Format::Media).then_some(rest)
    }

    /// Adds what came. How much came since the last window.
    pub fn push(&mut self, piece: &[u8]) -> usize {
        match self.wide {
            None => self.bytes.extend_from_slice(piece),
            Some(wide) => {
                self.pending.extend_from_slice(piece);
                let (text, taken) = wide.decode_part(&self.pending);
                self.bytes.extend_from_slice(&text);
                self.pending.drain(..taken);
            }
        }
        self.taken += piece.len();
        self.fresh += piece.len();
        self.fresh
    }

    /// The window that is there, which the body ends with or not.
    #[must_use]
    pub fn window(&self, is_end: bool) -> Window<'_> {
        let body = Body {
            content_type: &self.content_type,
            bytes: &self.bytes,
            is_whole: is_end,
            fuel: None,
        };
        // text in units of several bytes is shorter here than it came
        let shown = if self.wide.is_some() {
            self.fresh
        } else {
            self.bytes.len()
        };
        Window {
            body,
            format: self.format,
            at: self.taken.saturating_sub(shown),
        }
    }

    /// Begins the next window, with what this one leaves open.
    pub fn advance(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = match self.format {
            Format::Form => from_last(b'&', &bytes),
            Format::Json => json::open_string(&bytes, LONGEST, OVERLAP),
            Format::Multipart => multipart::open_part(&self.content_type, &bytes, OVERLAP),
            Format::Xml | Format::Markup => from_tag(&bytes),
            Format::GraphQl | Format::Text | Format::Packed(_) | Format::Media | Format::Binary => {
                carried(&bytes, Escapes::None, OVERLAP, AS_IS)
            }
        };
        self.fresh = 0;
    }
}

/// Its sizes only: bodies hold what does not belong in a log.
impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("format", &self.format)
            .field("bytes", &self.bytes.len())
            .field("fresh", &self.fresh)
            .finish_non_exhaustive()
    }
}

/// Visits the values of a window, as [`body`](super::body) does those of a body. Values stand where
/// they stand in the window: the names on the way to them are not known any more.
pub fn window(window: &Window<'_>, visit: &mut Visit<'_>) -> Gaps {
    let body = &window.body;
    let gaps = budgeted(body, visit, |visit, notes| match window.format {
        Format::Packed(_) => {
            // messages and the frames around them cannot be told apart here
            notes.add(Gap::TooLarge, 0);
            packed::rest(body.bytes, visit);
        }
        Format::Binary | Format::Media => packed::rest(body.bytes, visit),
        Format::Multipart => multipart::window(body, visit, notes),
        Format::Form | Format::Json | Format::Xml | Format::Markup | Format::GraphQl | Format::Text => {
            read_as(window.format, body, visit, notes);
        }
    });
    gaps.moved(window.at)
}

/// What follows the last separator; the end alone, where that is too long.
fn from_last(separator: u8, bytes: &[u8]) -> Vec<u8> {
    let at = bytes.iter().rposition(|byte| *byte == separator).map_or(0, |at| at + 1);
    end_of(bytes.get(at..).unwrap_or_default(), Escapes::Percent)
}

/// What the last bracket opens, so that no window begins within a tag; the end alone, where that is
/// too long.
fn from_tag(bytes: &[u8]) -> Vec<u8> {
    let at = bytes.iter().rposition(|byte| *byte == b'<').unwrap_or_default();
    end_of(bytes.get(at..).unwrap_or_default(), Escapes::None)
}

/// What is open, whole where it is not too long.
fn end_of(open: &[u8], escapes: Escapes) -> Vec<u8> {
    if open.len() > LONGEST {
        carried(open, escapes, OVERLAP, AS_IS)
    } else {
        open.to_vec()
    }
}

/// What follows the first blank, where one comes soon: a value that begins within a word looks like
/// what it is not.
pub(super) fn from_word(bytes: &[u8]) -> &[u8] {
    // words of prose are shorter
    const SOON: usize = 64;
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'+';
    let blank = bytes.iter().take(SOON).position(is_blank);
    blank.and_then(|at| bytes.get(at + 1..)).unwrap_or(bytes)
}

/// The last bytes.
pub(super) fn tail(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(most)..).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Gap, *};

    const ATTACK: &str = "1' union select password from users-- -";
    const BEGINNING: usize = 8 << 10;

    /// Whether a text is among the values of the windows of a body, which come in pieces of this
    /// length; and their gaps.
    fn finds(content_type: &str, text: &[u8], piece: usize, wanted: &str) -> (bool, Vec<Gap>) {
        let (beginning, following) = text.split_at(BEGINNING.min(text.len()));
        let mut rest = Rest::after(content_type, beginning).unwrap();
        let (mut found, mut gaps) = (false, Gaps::default());
        let mut pieces = following.chunks(piece).peekable();
        while let Some(piece) = pieces.next() {
            rest.push(piece);
            let seen = window(&rest.window(pieces.peek().is_none()), &mut |field| {
                found |= String::from_utf8_lossy(field.value).contains(wanted);
                true
            });
            gaps.merge(&seen);
            rest.advance();
            assert!(rest.bytes.len() <= 2 * LONGEST, "{} bytes are kept", rest.bytes.len());
        }
        (found, gaps.iter().map(|(gap, _)| gap).collect())
    }

    fn bodies(before: usize, after: usize) -> Vec<(&'static str, Vec<u8>)> {
        let (before, after) = ("a ".repeat(before / 2), "b ".repeat(after / 2));
        let part = |name: &str, more: &str, content: &str| {
            format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{content}\r\n")
        };
        let multipart = |first: String| first + &part("q", "", ATTACK) + &part("z", "", &after) + "--XyZ--\r\n";
        let kind = "multipart/form-data; boundary=XyZ";
        let mut all = vec![
            ("text/plain", format!("{before}{ATTACK}{after}")),
            (
                "application/x-www-form-urlencoded",
                format!("p={}&q={ATTACK}&z={after}", before.replace(' ', "+")),
            ),
            (
                "application/json",
                format!("{{\"p\":\"{before}\",\"q\":\"{ATTACK}\",\"z\":\"{after}\"}}"),
            ),
            (
                "application/json",
                format!("{{\"p\":\"\\\\{before}\\\"{ATTACK}\\\\\",\"z\":\"{after}\"}}"),
            ),
            ("text/xml", format!("<a><p>{before}</p><q>{ATTACK}</q>{after}</a>")),
            (kind, multipart(part("p", "", &before))),
            (kind, multipart(part("p", "; filename=\"a.bin\"", &before))),
            (kind, part("q", "", &format!("{before}{ATTACK}{after}")) + "--XyZ--\r\n"),
        ];
        let packed = format!("\u{1}\0\u{2}{before}\u{1}\0\u{2}{ATTACK}\u{3}\0{after}");
        all.push(("application/octet-stream", packed.clone()));
        all.push(("application/msgpack", packed));
        all.into_iter().map(|(kind, text)| (kind, text.into_bytes())).collect()
    }

    #[test]
    fn the_place_is_told_where_the_look_ended() {
        let text = vec![b'x'; 3 * BEGINNING];
        let at = |kind: &str, until: usize| {
            let mut rest = Rest::after(kind, &text[..BEGINNING]).unwrap();
            rest.push(&text[BEGINNING..until]);
            let gaps = window(&rest.window(true), &mut |_| true);
            gaps.iter().next()
        };
        let (gap, ended) = at("application/msgpack", 2 * BEGINNING).unwrap();
        assert_eq!(gap, Gap::TooLarge);
        // what the window shows again was read by its structure
        assert!((BEGINNING - OVERLAP..=BEGINNING).contains(&ended), "{ended}");
        let json = "{\"a\":\"".to_owned() + &"x ".repeat(BEGINNING);
        let mut rest = Rest::after("application/json", &json.as_bytes()[..BEGINNING]).unwrap();
        rest.push(&json.as_bytes()[BEGINNING..]);
        let gaps = window(&rest.window(true), &mut |_| true);
        assert_eq!(gaps.iter().collect::<Vec<_>>(), [(Gap::CutShort, json.len())]);
    }

    /// Frames and messages are not told apart beyond the beginning.
    fn expected(kind: &str) -> &'static [Gap] {
        if kind == "application/msgpack" {
            &[Gap::TooLarge]
        } else {
            &[]
        }
    }

    #[test]
    fn wide_units_are_read_in_windows_too() {
        let text = format!("{{\"p\":\"{}\",\"q\":\"{ATTACK}\"}}", "a ".repeat(9_000));
        let little = |mark: &[u8]| {
            [
                mark,
                &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
            ]
            .concat()
        };
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let widest: Vec<u8> = text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
        for bytes in [little(b""), little(b"\xff\xfe"), big, widest] {
            for (kind, piece) in [
                ("application/json", 1_001),
                ("text/plain; charset=gbk", 16 << 10),
                ("", 4_099),
            ] {
                assert!(
                    finds(kind, &bytes, piece, ATTACK).0,
                    "{kind} {piece} {:x?}",
                    &bytes[..4]
                );
            }
        }
    }

    #[test]
    fn what_stretches_an_attack_does_not_hide_it() {
        let blanks = "\n ".repeat(3_000);
        let attack = format!("1' union{blanks}select password");
        for before in [BEGINNING - 9, BEGINNING + 100, 70_000] {
            let text = format!("{}{attack}", "a ".repeat(before / 2));
            for (kind, text) in [
                ("text/plain", text.clone()),
                ("application/json", serde_json::json!({ "q": &text }).to_string()),
                (
                    "application/x-www-form-urlencoded",
                    format!("q={}", text.replace('\n', "%0A").replace(' ', "+")),
                ),
            ] {
                let (mut rest, mut pieces) = (Rest::after(kind, b"").unwrap(), text.as_bytes().chunks(BEGINNING));
                let found = pieces.any(|piece| {
                    rest.push(piece);
                    let mut found = false;
                    let _gaps = window(&rest.window(false), &mut |field| {
                        let text = String::from_utf8_lossy(field.value);
                        let words = text.replace(['+', '\n'], " ").replace("%0A", " ");
                        found |= words
                            .split_whitespace()
                            .collect::<String>()
                            .contains("1'unionselectpass");
                        true
                    });
                    rest.advance();
                    found
                });
                assert!(found, "{before} {kind}");
            }
        }
    }

    #[test]
    fn an_attack_is_found_wherever_it_stands() {
        for before in [9_000, 12_345, 70_000, 200_001] {
            for (kind, text) in bodies(before, 3_000) {
                let (found, gaps) = finds(kind, &text, 16 << 10, ATTACK);
                assert!(found, "{before} {kind} {}", String::from_utf8_lossy(&text[..60]));
                assert_eq!(gaps, expected(kind), "{before} {kind}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_window_hides_anything(before in 8_000_usize..20_000, piece in 1_000_usize..9_000) {
            for (kind, text) in bodies(before, 1_000) {
                let is_later = text.windows(ATTACK.len()).position(|text| text == ATTACK.as_bytes()) > Some(BEGINNING);
                let (found, gaps) = finds(kind, &text, piece, ATTACK);
                prop_assert!(found || !is_later, "{}", kind);
                prop_assert_eq!(&*gaps, expected(kind), "{}", kind);
            }
        }

        #[test]
        fn no_rest_is_too_odd(
            kind in prop::sample::select(vec!["application/json", "multipart/form-data; boundary=b", "text/plain", "application/x-www-form-urlencoded"]),
            text in "[\"\\\\&=\r\n -b{}]{0,200}",
            piece in 1_usize..50,
        ) {
            let mut rest = Rest::after(kind, b"").unwrap();
            for piece in text.as_bytes().chunks(piece) {
                rest.push(piece);
                let _gaps = window(&rest.window(false), &mut |_| true);
                rest.advance();
            }
        }
    }
}
