//! The head of a part: its disposition, its type, its transfer coding.

use percent_encoding::percent_decode;

use super::{
    super::parameter::{Parameter, parameter, parameters},
    starts_with,
};

/// The head of a part.
pub(super) struct Head<'p> {
    lines: &'p [u8],
    /// Whether an empty line ends it.
    pub(super) has_end: bool,
    disposition: &'p [u8],
    pub(super) content_type: Option<&'p str>,
    pub(super) transfer_coding: Option<&'p [u8]>,
}

impl<'p> Head<'p> {
    /// The head of a part and its content. Where no empty line stands between them, all is head.
    pub(super) fn split(part: &'p [u8]) -> (Self, &'p [u8]) {
        let (lines, content) = match split(part) {
            Some((lines, content)) => (lines, Some(content)),
            None => (part, None),
        };
        let mut head = Self {
            lines,
            has_end: content.is_some(),
            disposition: b"",
            content_type: None,
            transfer_coding: None,
        };
        head.disposition = head.values(b"content-disposition").next().unwrap_or_default();
        let content_type = head.values(b"content-type").next();
        head.content_type = content_type.and_then(|value| str::from_utf8(value).ok());
        head.transfer_coding = head.values(b"content-transfer-encoding").next();
        (head, content.unwrap_or_default())
    }

    /// Whether parsers may read it in several ways. The parts of forms must say what they are; what
    /// has no head, or none that an empty line ends, ends for some where it goes on for others.
    pub(super) fn is_loose(&self, is_form: bool) -> bool {
        let dispositions = self.values(b"content-disposition").count();
        let is_missing = self.lines.is_empty() || (is_form && dispositions == 0);
        is_missing
            || !self.has_end
            || dispositions > 1
            || self.values(b"content-type").count() > 1
            || self.values(b"content-transfer-encoding").count() > 1
            || self.has_odd_lines()
            || self.has_odd_parameters()
    }

    /// Lines that end with a bare line feed, go on with the next one, name nothing, or hold control
    /// characters.
    fn has_odd_lines(&self) -> bool {
        let has_bare_break = self
            .lines
            .windows(2)
            .any(|pair| matches!(pair, [before, b'\n'] if *before != b'\r'));
        let is_odd = |line: &[u8]| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let has_name = name.len() < line.len() && !name.is_empty();
            !has_name
                || name.iter().any(|byte| byte.is_ascii_whitespace())
                || line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
        };
        has_bare_break || self.lines().any(is_odd)
    }

    fn has_odd_parameters(&self) -> bool {
        let count = |name: &[u8]| parameters(self.disposition).filter(|own| own.is(name)).count();
        let is_odd = |own: Parameter<'_>| {
            let is_name = own.is(b"name") || own.is_extended(b"name");
            let is_file = own.is(b"filename");
            // names of files are escaped by curl, and may have a backslash of Windows' at their end
            let may_be_escaped = is_file && own.value.contains(&b'\\');
            own.is_odd && !may_be_escaped && (is_name || is_file || own.value.is_empty())
        };
        count(b"name") > 1 || count(b"filename") > 1 || parameters(self.disposition).any(is_odd)
    }

    /// The field's name; empty where it has none.
    pub(super) fn name(&self) -> &'p [u8] {
        parameter(self.disposition, b"name").unwrap_or_default()
    }

    /// The field's name in the extended notation, decoded.
    pub(super) fn extended_name(&self) -> Option<Vec<u8>> {
        parameters(self.disposition)
            .find(|own| own.is_extended(b"name"))
            .map(|own| decoded(own.value))
    }

    /// The names of the file, where it is one.
    pub(super) fn file_names(&self) -> impl Iterator<Item = &'p [u8]> + use<'p> {
        parameters(self.disposition)
            .filter(|own| own.is(b"filename"))
            .map(|own| own.value)
    }

    /// The file's name in the extended notation, decoded.
    pub(super) fn extended_file_name(&self) -> Option<Vec<u8>> {
        parameters(self.disposition)
            .find(|own| own.is_extended(b"filename"))
            .map(|own| decoded(own.value))
    }

    /// The lines without their ends.
    fn lines(&self) -> impl Iterator<Item = &'p [u8]> + use<'p> {
        let lines = self.lines.split(|byte| *byte == b'\n');
        lines
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.is_empty())
    }

    /// The values of a header whose name is in lower case.
    fn values<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'p [u8]> + use<'p, 'n> {
        self.lines().filter_map(move |line| {
            let line = line.trim_ascii_start();
            let rest = line.get(name.len()..).filter(|_| starts_with(line, name))?;
            rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii)
        })
    }
}

/// The lines in front of the first empty one, and what follows that.
fn split(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        let line = part.get(at..)?;
        let end = line.iter().position(|byte| *byte == b'\n')?;
        let after = at + end + 1;
        if matches!(line.get(..end), Some(b"" | b"\r")) {
            return Some((part.get(..at)?, part.get(after..)?));
        }
        at = after;
    }
}

/// A value in the extended notation (RFC 8187): charset, language, and percent-encoded text.
fn decoded(value: &[u8]) -> Vec<u8> {
    let text = value.rsplit(|byte| *byte == b'\'').next().unwrap_or(value);
    percent_decode(text).collect()
}
