//! Which classes of bytes a text holds: the question that spares nearly all values nearly all detectors.

use std::ops::BitOr;

use crate::model::normal::Spelling;

/// A set of byte classes. Each byte is in one: most signs share theirs with what means the same to a parser, each letter (in either
/// case) and each digit has its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marks(u64);

/// The class of each byte.
static CLASSES: [u64; 256] = classes();

impl Marks {
    /// `'`, `"` and the backtick.
    pub const QUOTE: Self = Self(1);
    /// `<` or `>`.
    pub const ANGLE: Self = Self(1 << 1);
    /// `(` or `)`.
    pub const ROUND: Self = Self(1 << 2);
    /// `[` or `]`.
    pub const SQUARE: Self = Self(1 << 3);
    /// `{` or `}`.
    pub const CURLY: Self = Self(1 << 4);
    /// `;`
    pub const SEMICOLON: Self = Self(1 << 5);
    /// `|` or `&`.
    pub const PIPE: Self = Self(1 << 6);
    /// `$`
    pub const DOLLAR: Self = Self(1 << 7);
    /// `\`
    pub const BACKSLASH: Self = Self(1 << 8);
    /// `/`
    pub const SLASH: Self = Self(1 << 9);
    /// `.`
    pub const DOT: Self = Self(1 << 10);
    /// `:`
    pub const COLON: Self = Self(1 << 11);
    /// `=`
    pub const EQUALS: Self = Self(1 << 12);
    /// `#`
    pub const HASH: Self = Self(1 << 13);
    /// `*`
    pub const STAR: Self = Self(1 << 14);
    /// CR or LF.
    pub const BREAK: Self = Self(1 << 15);
    /// `%`
    pub const PERCENT: Self = Self(1 << 16);
    /// `@`
    pub const AT: Self = Self(1 << 17);
    /// `_`
    pub const UNDERSCORE: Self = Self(1 << 18);
    /// `!`, `^`, `~` or `?`.
    pub const OTHER: Self = Self(1 << 19);
    /// A blank or a tab.
    pub const BLANK: Self = Self(1 << 20);
    /// `-`
    pub const DASH: Self = Self(1 << 21);
    /// `+` or `,`.
    pub const COMMA: Self = Self(1 << 22);
    /// Other control characters.
    const CONTROL: Self = Self(1 << 23);
    /// What is not ASCII.
    const HIGH: Self = Self(1 << 24);
    /// The first of the digits.
    const DIGIT: u32 = 25;
    /// The first of the letters.
    const LETTER: u32 = Self::DIGIT + 10;
    /// All classes.
    pub(super) const EVERY: Self = Self((1 << (Self::LETTER + 26)) - 1);
    /// The classes of signs.
    const SIGNS: Self = Self((1 << 23) - 1);

    /// The classes in a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let all = text.iter().fold(0, |all, byte| {
            all | CLASSES.get(usize::from(*byte)).copied().unwrap_or_default()
        });
        Self(all)
    }

    /// The class of a byte.
    pub(super) const fn of_byte(byte: u8) -> Self {
        class(byte)
    }

    /// Whether a value with these classes is what it says, so that it need not be normalised. May be wrong one way: `false` for what
    /// stands for itself.
    pub(super) fn is_plain(self, spelling: Spelling) -> bool {
        const CODED: Marks = Marks::PERCENT
            .and(Marks::BACKSLASH)
            .and(Marks::PIPE)
            .and(Marks::CONTROL)
            .and(Marks::HIGH);
        !self.any(CODED) && (spelling == Spelling::Literal || !self.any(Self::COMMA))
    }

    /// Whether nothing but letters and digits is there.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::SIGNS.0 == 0
    }

    /// Whether all classes of this set are in another.
    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// How likely it is that an everyday value has one of these classes, only to be compared: letters and digits are nearly
    /// everywhere, so are a blank, a dot and a slash.
    pub(super) const fn commonness(self) -> u32 {
        const COMMON: Marks = Marks::BLANK
            .and(Marks::DOT)
            .and(Marks::SLASH)
            .and(Marks::DASH)
            .and(Marks::UNDERSCORE);
        let signs = self.0 & Self::SIGNS.0;
        let others = self.0 & !Self::SIGNS.0;
        (signs & !COMMON.0).count_ones() + 6 * (signs & COMMON.0).count_ones() + 4 * others.count_ones()
    }

    /// Whether any of these classes is there.
    #[must_use]
    pub const fn any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Both sets, in constants.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

const fn classes() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the table")]
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            table[byte] = class(byte as u8).0;
        }
        byte += 1;
    }
    table
}

const fn class(byte: u8) -> Marks {
    match byte {
        b'\'' | b'"' | b'`' => Marks::QUOTE,
        b'<' | b'>' => Marks::ANGLE,
        b'(' | b')' => Marks::ROUND,
        b'[' | b']' => Marks::SQUARE,
        b'{' | b'}' => Marks::CURLY,
        b';' => Marks::SEMICOLON,
        b'|' | b'&' => Marks::PIPE,
        b'$' => Marks::DOLLAR,
        b'\\' => Marks::BACKSLASH,
        b'/' => Marks::SLASH,
        b'.' => Marks::DOT,
        b':' => Marks::COLON,
        b'=' => Marks::EQUALS,
        b'#' => Marks::HASH,
        b'*' => Marks::STAR,
        b'\r' | b'\n' => Marks::BREAK,
        b'%' => Marks::PERCENT,
        b'@' => Marks::AT,
        b'_' => Marks::UNDERSCORE,
        b'!' | b'^' | b'~' | b'?' => Marks::OTHER,
        b' ' | b'\t' => Marks::BLANK,
        b'-' => Marks::DASH,
        b'+' | b',' => Marks::COMMA,
        b'0'..=b'9' => Marks(1 << (Marks::DIGIT + (byte - b'0') as u32)),
        b'a'..=b'z' => Marks(1 << (Marks::LETTER + (byte - b'a') as u32)),
        b'A'..=b'Z' => Marks(1 << (Marks::LETTER + (byte - b'A') as u32)),
        0..=0x1f | 0x7f => Marks::CONTROL,
        0x80.. => Marks::HIGH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::normal::normalise;

    #[test]
    fn each_byte_has_one_class() {
        for byte in 0..=u8::MAX {
            assert_eq!(Marks::of_byte(byte).0.count_ones(), 1, "{byte:#x}");
            assert!(Marks::of_byte(byte).is_within(Marks::EVERY));
        }
    }

    #[test]
    fn what_is_plain_stands_for_itself() {
        for spelling in [Spelling::Form, Spelling::Literal] {
            for byte in 0..=u8::MAX {
                let value = [b'a', byte, b'4', b'1', b';'];
                let is_same = normalise(&value, spelling, false).text.as_bytes() == value;
                assert!(
                    is_same || !Marks::of(&value).is_plain(spelling),
                    "{byte:#x} {spelling:?}"
                );
            }
        }
        assert!(Marks::of(b"a-b\tc\r\n1.2/x").is_plain(Spelling::Form));
        assert!(Marks::of(b"a+b").is_plain(Spelling::Literal));
    }

    #[test]
    fn a_text_has_the_classes_of_its_bytes() {
        let marks = Marks::of(b"a='b'");
        assert!(marks.any(Marks::QUOTE) && marks.any(Marks::EQUALS) && !marks.any(Marks::ANGLE | Marks::SLASH));
        assert!(Marks::of(b"abc123").is_empty());
        assert!(Marks::of("été".as_bytes()).is_empty());
        assert_eq!(Marks::of(b"'`\""), Marks::QUOTE);
        assert_eq!(Marks::of(b"aZ7"), Marks::of(b"Az77"));
        assert_ne!(Marks::of(b"a"), Marks::of(b"b"));
    }
}
