//! Which classes of bytes a text holds: the question that spares nearly all values nearly all detectors.

use std::ops::BitOr;

/// A set of byte classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks(u32);

/// The class of each byte.
static CLASSES: [u32; 256] = classes();

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

    /// The classes in a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let all = text.iter().fold(0, |all, byte| {
            all | CLASSES.get(usize::from(*byte)).copied().unwrap_or_default()
        });
        Self(all)
    }

    /// Whether nothing but letters and digits is there.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
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

const fn classes() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the table")]
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
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
        _ => Marks(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_classes_of_its_bytes() {
        let marks = Marks::of(b"a='b'");
        assert!(marks.any(Marks::QUOTE) && marks.any(Marks::EQUALS) && !marks.any(Marks::ANGLE | Marks::SLASH));
        assert!(Marks::of(b"abc123").is_empty());
        assert!(Marks::of("été".as_bytes()).is_empty());
        assert_eq!(Marks::of(b"'`\""), Marks::QUOTE);
    }
}
