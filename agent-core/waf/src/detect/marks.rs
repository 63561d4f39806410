//! Which classes of bytes a text holds: the question that spares nearly all values nearly all
//! detectors.

use std::ops::BitOr;

use crate::normal::Spelling;

/// A set of byte classes. Each byte is in one: nearly each sign and each letter (in either case)
/// has its own, digits have two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marks(u64);

/// The class of each byte.
static CLASSES: [u64; 256] = classes();

impl Marks {
    /// `'`, `"` and the backtick.
    pub const QUOTE: Self = Self(0b111);
    /// `<` or `>`.
    pub const ANGLE: Self = Self(0b11 << 3);
    /// `(` or `)`.
    pub const ROUND: Self = Self(0b11 << 5);
    /// `[` or `]`.
    pub const SQUARE: Self = Self(0b11 << 7);
    /// `{` or `}`.
    pub const CURLY: Self = Self(0b11 << 9);
    /// `;`
    pub const SEMICOLON: Self = Self(1 << 11);
    /// `|` or `&`.
    pub const PIPE: Self = Self(0b11 << 12);
    /// `&`
    const AMPERSAND: Self = Self(1 << 13);
    /// `$`
    pub const DOLLAR: Self = Self(1 << 14);
    /// `\`
    pub const BACKSLASH: Self = Self(1 << 15);
    /// `/`
    pub const SLASH: Self = Self(1 << 16);
    /// `.`
    pub const DOT: Self = Self(1 << 17);
    /// `:`
    pub const COLON: Self = Self(1 << 18);
    /// `=`
    pub const EQUALS: Self = Self(1 << 19);
    /// `#`
    pub const HASH: Self = Self(1 << 20);
    /// `*`
    pub const STAR: Self = Self(1 << 21);
    /// CR or LF.
    pub const BREAK: Self = Self(1 << 22);
    /// `%`
    pub const PERCENT: Self = Self(1 << 23);
    /// `@`
    pub const AT: Self = Self(1 << 24);
    /// `_`
    pub const UNDERSCORE: Self = Self(1 << 25);
    /// `!`, `^`, `~` or `?`.
    pub const OTHER: Self = Self(0b1111 << 26);
    /// A blank or a tab.
    pub const BLANK: Self = Self(1 << 30);
    /// `-`
    pub const DASH: Self = Self(1 << 31);
    /// `+` or `,`.
    pub const COMMA: Self = Self(0b11 << 32);
    /// `+`
    const PLUS: Self = Self(1 << 32);
    /// Other control characters.
    const CONTROL: Self = Self(1 << 34);
    /// What is not ASCII.
    const HIGH: Self = Self(1 << 35);
    /// The digit 0; the other digits are in the next class.
    const ZERO: Self = Self(1 << 36);
    /// The first of the letters.
    const LETTER: u32 = 38;
    /// All classes.
    pub(super) const EVERY: Self = Self(u64::MAX);
    /// The classes of signs.
    const SIGNS: Self = Self((1 << 34) - 1);
    /// How many classes there are of what is neither a letter nor a digit: the first ones.
    pub(super) const OF_NO_WORDS: usize = 36;

    /// The classes in a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let class = |byte: u8| CLASSES.get(usize::from(byte)).copied().unwrap_or_default();
        let (chunks, rest) = text.as_chunks::<8>();
        let all = chunks
            .iter()
            .fold(0, |all, chunk| chunk.iter().fold(all, |all, byte| all | class(*byte)));
        Self(rest.iter().fold(all, |all, byte| all | class(*byte)))
    }

    /// Whether a byte is in one of these classes.
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES.get(usize::from(byte)).is_some_and(|class| class & self.0 != 0)
    }

    /// The class of a byte.
    pub(super) const fn of_byte(byte: u8) -> Self {
        class(byte)
    }

    /// Whether a value with these classes is what it says, so that it need not be normalised. May
    /// be wrong one way: `false` for what stands for itself.
    pub(super) fn is_plain(self, spelling: Spelling) -> bool {
        const CODED: Marks = Marks::PERCENT
            .and(Marks::BACKSLASH)
            .and(Marks::AMPERSAND)
            .and(Marks::CONTROL)
            .and(Marks::HIGH);
        !self.any(CODED) && (spelling == Spelling::Literal || !self.any(Self::PLUS))
    }

    /// Whether nothing but letters and digits is there.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::SIGNS.0 == 0
    }

    /// The numbers of the classes in this set of what is neither a letter nor a digit.
    pub(super) fn of_no_words(self) -> impl Iterator<Item = usize> {
        let mut left = self.0 & ((1 << Self::OF_NO_WORDS) - 1);
        std::iter::from_fn(move || {
            let number = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(number)
        })
    }

    /// Whether all classes in this set are of what is neither a letter nor a digit.
    pub(super) const fn has_no_words(self) -> bool {
        self.0 >> Self::OF_NO_WORDS == 0
    }

    /// Whether all classes of this set are in another.
    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// How likely it is that an everyday value has one of these classes, only to be compared:
    /// letters and digits are nearly everywhere, so are a blank, a dot and a slash.
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
        b'\'' => Marks(1),
        b'"' => Marks(1 << 1),
        b'`' => Marks(1 << 2),
        b'<' => Marks(1 << 3),
        b'>' => Marks(1 << 4),
        b'(' => Marks(1 << 5),
        b')' => Marks(1 << 6),
        b'[' => Marks(1 << 7),
        b']' => Marks(1 << 8),
        b'{' => Marks(1 << 9),
        b'}' => Marks(1 << 10),
        b';' => Marks::SEMICOLON,
        b'|' => Marks(1 << 12),
        b'&' => Marks::AMPERSAND,
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
        b'!' => Marks(1 << 26),
        b'^' => Marks(1 << 27),
        b'~' => Marks(1 << 28),
        b'?' => Marks(1 << 29),
        b' ' | b'\t' => Marks::BLANK,
        b'-' => Marks::DASH,
        b'+' => Marks::PLUS,
        b',' => Marks(1 << 33),
        b'0' => Marks::ZERO,
        b'1'..=b'9' => Marks(Marks::ZERO.0 << 1),
        b'a'..=b'z' => Marks(1 << (Marks::LETTER + (byte - b'a') as u32)),
        b'A'..=b'Z' => Marks(1 << (Marks::LETTER + (byte - b'A') as u32)),
        0..=0x1f | 0x7f => Marks::CONTROL,
        0x80.. => Marks::HIGH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::normalise;

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
