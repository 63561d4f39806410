//! Which requests are for static files: pictures, style sheets, scripts, fonts, as a page asks for by the dozen.

use super::request::RequestView;

/// Endings of files that pages are made of, in lower case. They are those that the OWASP Core Rule Set leaves out of its count of
/// requests, and the newer ones of the same kinds.
const ENDINGS: [&str; 36] = [
    "aac",
    "apng",
    "avif",
    "bmp",
    "css",
    "cur",
    "eot",
    "flac",
    "gif",
    "ico",
    "jpeg",
    "jpg",
    "js",
    "jxl",
    "m4a",
    "m4s",
    "m4v",
    "map",
    "mjs",
    "mp3",
    "mp4",
    "mpd",
    "ogg",
    "ogv",
    "opus",
    "otf",
    "png",
    "svg",
    "ttf",
    "vtt",
    "wasm",
    "wav",
    "webm",
    "webmanifest",
    "webp",
    "woff",
];

/// Those that end in a digit, whose kinds are above.
const NEWER_ENDINGS: [&str; 2] = ["woff2", "m3u8"];

/// What a browser loads into a page, as it says itself (Fetch Metadata, `Sec-Fetch-Dest`). A script or style sheet that an attacker
/// names so is none, which is why it is counted all the same, only apart.
const PARTS: [&[u8]; 11] = [
    b"audio",
    b"audioworklet",
    b"font",
    b"image",
    b"manifest",
    b"paintworklet",
    b"script",
    b"style",
    b"track",
    b"video",
    b"worker",
];

/// Whether a request is for a static file: one that is read, by the ending of its path or by what the browser makes of it.
pub(super) fn is_static(request: &RequestView<'_>) -> bool {
    matches!(request.method, "GET" | "HEAD") && (has_static_ending(request.path) || is_part_of_page(request))
}

fn has_static_ending(path: &str) -> bool {
    // the last dot of the last segment; near the end, so that a search that is set up takes longer
    let sign = path.bytes().rposition(|byte| matches!(byte, b'/' | b'.'));
    let Some((b".", ending)) = sign.and_then(|at| Some((path.as_bytes().get(at..=at)?, path.get(at + 1..)?))) else {
        return false;
    };
    let is = |known: &&str| ending.eq_ignore_ascii_case(known);
    ENDINGS.iter().any(is) || NEWER_ENDINGS.iter().any(is)
}

fn is_part_of_page(request: &RequestView<'_>) -> bool {
    let mut is_part = false;
    request.headers.for_each_value("sec-fetch-dest", &mut |value| {
        is_part = PARTS.iter().any(|part| value.eq_ignore_ascii_case(part));
    });
    is_part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::RouteMatch;

    fn is(method: &str, path: &str, dest: &[u8]) -> bool {
        is_static(&RequestView {
            peer: None,
            method,
            path,
            query: "",
            host: None,
            route: RouteMatch::Unsure,
            headers: &[("sec-fetch-dest", dest)],
        })
    }

    #[test]
    fn files_are_known_by_their_ending() {
        for path in [
            "/a.css",
            "/static/app.1f3c.JS",
            "/img/7.jpeg",
            "/f/x.woff2",
            "/favicon.ico",
            "/live.m3u8",
        ] {
            assert!(is("GET", path, b"empty"), "{path}");
        }
        for path in [
            "/",
            "/css",
            "/api/report.json",
            "/a.css/edit",
            "/index.html",
            "/report.pdf",
            "/x.",
            "/.png/",
        ] {
            assert!(!is("GET", path, b"empty"), "{path}");
        }
    }

    #[test]
    fn parts_of_pages_are_known_by_what_the_browser_says() {
        for part in [&b"image"[..], b"Style", b"font", b"script", b"video"] {
            assert!(is("GET", "/pictures/7", part));
        }
        for other in [&b"document"[..], b"empty", b"iframe", b""] {
            assert!(!is("GET", "/pictures/7", other));
        }
    }

    #[test]
    fn what_is_sent_is_no_file() {
        assert!(is("HEAD", "/a.css", b"") && !is("POST", "/a.css", b"") && !is("POST", "/upload", b"image"));
    }
}
