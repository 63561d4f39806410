//! Reads a corpus.

use std::{
    error::Error,
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// A request with its label.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) corpus: String,
    pub(crate) category: String,
    pub(crate) label: Label,
    pub(crate) encoder: Option<String>,
    pub(crate) request: Request,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Label {
    Attack,
    Benign,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default, rename = "body_b64")]
    coded: Option<String>,
    #[serde(skip)]
    pub(crate) body: Vec<u8>,
}

/// Every request of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let file = File::open(path)?;
    let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if is_compressed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut rows = Vec::new();
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let line = line?;
        let mut row: Row = serde_json::from_str(&line).map_err(|error| format!("line {}: {error}", number + 1))?;
        row.request.prepare();
        rows.push(row);
    }
    Ok(rows)
}

impl Request {
    /// Path and query, without what a proxy is told in front of them (RFC 9112, section 3.2.2).
    pub(crate) fn target(&self) -> (&str, &str) {
        let after_scheme = ["http://", "https://"]
            .iter()
            .find_map(|scheme| self.uri.strip_prefix(scheme));
        let target = after_scheme.map_or(self.uri.as_str(), |rest| {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        });
        target.split_once('?').unwrap_or((target, ""))
    }

    /// The first value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(own, _)| own == name);
        header.map(|(_, value)| value.as_str())
    }

    /// What adapters do before the guard sees a request: names of headers in lower case, the body as bytes.
    fn prepare(&mut self) {
        for (name, _) in &mut self.headers {
            name.make_ascii_lowercase();
        }
        self.body = self.coded.take().map_or_else(Vec::new, |coded| decoded(&coded));
    }
}

/// Base64 of the standard alphabet.
fn decoded(coded: &str) -> Vec<u8> {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in coded.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        word = (word << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).unwrap_or_default());
        }
    }
    bytes
}

/// Which half of a corpus an id belongs to: the lowest bit of its CRC-32 (IEEE 802.3), as `zlib.crc32` computes it.
pub(crate) fn half(id: &str) -> u32 {
    let crc = id.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    !crc & 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(decoded("aGVsbG8="), b"hello");
        assert_eq!(decoded("/+8="), [0xff, 0xef]);
        assert_eq!(decoded(""), b"");
    }

    #[test]
    fn halves_are_told_by_the_checksum() {
        // CRC-32 of "123456789" is cbf43926, of "a" e8b7be43
        assert_eq!((half("123456789"), half("a")), (0, 1));
    }
}
