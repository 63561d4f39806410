//! A refusal, as Python's middlewares send it.

use std::borrow::Cow;

use buckler::guard::{Reaction, Refusal as Refused, Verdict};
use pyo3::{prelude::*, types::PyBytes};

#[cfg(unix)]
use crate::wire::{Reader, Writer};

/// What a client that is refused is answered: a status, headers, and a body. No cache may keep it: it is meant for one client, and a
/// proxy that stored it would answer everybody with it.
#[pyclass(frozen, module = "buckler")]
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The name of this refusal, for whoever asks why: also in the header `x-block-id`.
    #[pyo3(get)]
    id: String,
    /// The status.
    #[pyo3(get)]
    status: u16,
    location: Option<String>,
    content: String,
    content_type: Cow<'static, str>,
    /// Those of every refusal.
    headers: Vec<(Cow<'static, str>, String)>,
}

#[pymethods]
impl Refusal {
    /// The headers, names in lower case; `content-length` is among them.
    #[getter]
    fn headers(&self) -> Vec<(Cow<'static, str>, String)> {
        let kind = match &self.location {
            Some(location) => ("location".into(), location.clone()),
            None => ("content-type".into(), self.content_type.clone().into_owned()),
        };
        let mut headers = vec![kind, ("content-length".into(), self.content.len().to_string())];
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// Where the client is sent to instead; `None` where it is answered.
    #[getter]
    fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The body, in UTF-8.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.content.as_bytes())
    }

    fn __repr__(&self) -> String {
        format!("Refusal(id={:?}, status={})", self.id, self.status)
    }
}

impl Refusal {
    /// The refusal in a verdict; nothing where the request passes.
    pub(crate) fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Pass => None,
            Verdict::Block(refusal) => Some(refusal.into()),
        }
    }

    /// A refusal that the guard knows nothing of, and nobody can ask about.
    pub(crate) fn unnamed() -> Self {
        Self {
            id: String::new(),
            status: FORBIDDEN,
            location: None,
            content: String::new(),
            content_type: "text/html; charset=utf-8".into(),
            headers: vec![("cache-control".into(), "no-store".to_owned())],
        }
    }

    /// Writes a refusal, or that there is none, for a sibling.
    #[cfg(unix)]
    pub(crate) fn write(refusal: Option<&Self>, writer: Writer) -> Writer {
        let Some(refusal) = refusal else {
            return writer.flag(false);
        };
        let writer = writer
            .flag(true)
            .text(&refusal.id)
            .number(refusal.status.into())
            .maybe(refusal.location.as_deref())
            .text(&refusal.content)
            .text(&refusal.content_type)
            .number(refusal.headers.len() as u64);
        let headers = refusal.headers.iter();
        headers.fold(writer, |writer, (name, value)| writer.text(name).text(value))
    }

    /// Reads what [`write`](Self::write) wrote.
    #[cfg(unix)]
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Option<Self>> {
        if !reader.flag()? {
            return Some(None);
        }
        let id = reader.text()?.to_owned();
        let status = u16::try_from(reader.number()?).ok()?;
        let location = reader.maybe()?.map(str::to_owned);
        let (content, content_type) = (reader.text()?.to_owned(), reader.text()?.to_owned().into());
        let mut headers = Vec::new();
        for _ in 0..reader.number()? {
            headers.push((reader.text()?.to_owned().into(), reader.text()?.to_owned()));
        }
        Some(Some(Self {
            id,
            status,
            location,
            content,
            content_type,
            headers,
        }))
    }
}

impl From<&Refused> for Refusal {
    /// What HTTP cannot say is a plain refusal, because to refuse matters more than how.
    fn from(refusal: &Refused) -> Self {
        let id = refusal.id.to_string();
        let (status, location, content) = match &refusal.answer() {
            Reaction::Respond { status, content } => (*status, None, content.to_string()),
            Reaction::Redirect { status, location } if is_header_value(location) => {
                (*status, Some(location.to_string()), String::new())
            }
            Reaction::Redirect { .. } => (FORBIDDEN, None, String::new()),
        };
        let status = if (200..600).contains(&status) {
            status
        } else {
            FORBIDDEN
        };
        Self {
            id,
            status,
            location,
            content,
            content_type: refusal.content_type.into(),
            headers: refusal
                .headers()
                .map(|(name, value)| (name.into(), value.into_owned()))
                .collect(),
        }
    }
}

const FORBIDDEN: u16 = 403;

/// Whether a text can be a header's value: printable ASCII, which every server can send.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
