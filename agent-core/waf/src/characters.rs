//! Characters that hide what a text says, or pass for others: the check `chars`.
//!
//! A Cyrillic `а` looks like a Latin one, an invisible character splits a word that a filter knows
//! (and carries instructions to a language model that its user does not see), and a control
//! character ends a text for one program and not for the next. The classes are those of pyrasp 0.10
//! (`CHARS_PATTERNS`). One thing is different: a joiner or variation selector that follows a
//! character beyond U+00FF belongs to it, as in emoji, Persian and the scripts of India, and hides
//! nothing.

use std::ops::Range;

/// The classes that are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Characters {
    /// `CHARS_CYRILLIC`: letters of the Cyrillic block.
    pub cyrillic: bool,
    /// `CHARS_INVISIBLE`: characters without a width, and directions of writing.
    pub invisible: bool,
    /// `CHARS_NONPRINTABLE`: control characters other than tab, line feed and carriage return.
    pub controls: bool,
}

impl Characters {
    /// The first character of these classes in a text: its class, and where it stands.
    ///
    /// ```
    /// use buckler_waf::characters::Characters;
    /// let characters = Characters { invisible: true, ..Characters::default() };
    /// assert_eq!(characters.find("SEL\u{200b}ECT"), Some(("invisible", 3..6)));
    /// assert_eq!(characters.find("with love \u{2764}\u{fe0f}"), None);
    /// ```
    #[must_use]
    pub fn find(self, text: &str) -> Option<(&'static str, Range<usize>)> {
        let mut before = '\0';
        for (at, char) in text.char_indices() {
            if let Some(class) = self.class(before, char) {
                return Some((class, at..at + char.len_utf8()));
            }
            before = char;
        }
        None
    }

    /// Whether any class is looked for.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.cyrillic || self.invisible || self.controls
    }

    fn class(self, before: char, char: char) -> Option<&'static str> {
        match char {
            '\t' | '\n' | '\r' | ' '..='\u{ff}' => None,
            '\0'..'\u{20}' => self.controls.then_some("control"),
            '\u{400}'..='\u{4ff}' => self.cyrillic.then_some("cyrillic"),
            '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' if before > '\u{ff}' => None,
            // a keycap: `1`, the selector, U+20E3
            '\u{fe0f}' if before.is_ascii_digit() || matches!(before, '#' | '*') => None,
            _ => (self.invisible && is_invisible(char)).then_some("invisible"),
        }
    }
}

/// Whether a character has no width, is a blank of a script that is not written here, or turns the
/// direction of writing.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            // tags, in which instructions to language models are smuggled
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Characters = Characters {
        cyrillic: true,
        invisible: true,
        controls: true,
    };

    #[test]
    fn each_class_is_found_where_it_is_looked_for_alone() {
        for (class, only, text) in [
            (
                "cyrillic",
                Characters {
                    cyrillic: true,
                    ..Characters::default()
                },
                "p\u{430}ypal",
            ),
            (
                "invisible",
                Characters {
                    invisible: true,
                    ..Characters::default()
                },
                "UN\u{200d}ION",
            ),
            (
                "invisible",
                Characters {
                    invisible: true,
                    ..Characters::default()
                },
                "file\u{202e}gpj.exe",
            ),
            (
                "invisible",
                Characters {
                    invisible: true,
                    ..Characters::default()
                },
                "hi\u{e0041}",
            ),
            (
                "control",
                Characters {
                    controls: true,
                    ..Characters::default()
                },
                "a\0b",
            ),
            (
                "control",
                Characters {
                    controls: true,
                    ..Characters::default()
                },
                "\u{1b}[2J",
            ),
        ] {
            let found = |characters: Characters| characters.find(text).map(|(class, _)| class);
            assert_eq!((found(only), found(ALL)), (Some(class), Some(class)), "{text:?}");
            assert_eq!(found(Characters::default()), None);
            assert!(only.is_any() && !Characters::default().is_any());
        }
    }

    #[test]
    fn what_people_write_passes() {
        for text in [
            "Zoë's café, 50 % off\r\n\tü ß ñ",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} at home \u{2764}\u{fe0f}",
            "press 1\u{fe0f}\u{20e3} or #\u{fe0f}\u{20e3}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "日本語の文章 — “quoted” … €",
        ] {
            assert_eq!(ALL.find(text), None, "{text:?}");
        }
    }
}
