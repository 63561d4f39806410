//! Multipart bodies, as `actix-multipart` and `multer`, the parser of axum, read them.

use std::convert::Infallible;

use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;

use crate::seen::Seen;

/// What the engine looks at of any file, in bytes, whatever it holds.
const FILE_HEAD: usize = 4096;

/// Boundaries as headers name them.
const TYPES: [&str; 12] = [
    "multipart/form-data; boundary=X",
    "multipart/form-data; boundary=X",
    "multipart/form-data; boundary=X",
    "multipart/form-data; boundary=\"X\"",
    "multipart/form-data; charset=utf-8; boundary=X",
    "multipart/form-data;boundary=XY",
    "multipart/form-data; boundary=X; boundary=XY",
    "multipart/form-data; boundary=XY; boundary=X",
    "multipart/form-data; boundary=\"\\X\"",
    "multipart/form-data; boundary*=utf-8''X",
    "Multipart/Form-Data; Boundary=X",
    "multipart/mixed; boundary=X",
];

/// Bodies that are nearly what they should be.
fn body() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "--X\r\n",
        "\r\n--X\r\n",
        "\r\n--X\r\n",
        "\r\n--X--\r\n",
        "\n--X\n",
        "\r\n--XY\r\n",
        "--X",
        "\r--X\r",
        "\r\n--X \r\n",
        "\r\n--X\t\r\n",
        "\r\n--X--",
        "\r\n--X-\r\n",
        "\r\n\r\n",
        "\r\n",
        "\n",
        "\r",
        "\n\n",
        "Content-Disposition: form-data; name=\"q\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"q\"\r\n\r\n",
        "Content-Disposition: form-data; name=q\r\n\r\n",
        "content-disposition:form-data;name=\"a\\\"b\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"q\"; filename=\"a.txt\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"q\"; filename*=utf-8''a.txt\r\n\r\n",
        "Content-Disposition: form-data; name=\"q\"; name=\"z\"\r\n\r\n",
        "Content-Disposition: form-data; name*=utf-8''q\r\n\r\n",
        "Content-Disposition: attachment; name=\"q\"\r\n\r\n",
        "Content-Disposition : form-data; name=\"q\"\r\n\r\n",
        "Content-Disposition: form-data\r\n ; name=\"q\"\r\n\r\n",
        "Content-Type: text/plain\r\n\r\n",
        "Content-Type: text/plain; charset=utf-16le\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "X-Other: a\r\n",
        "Content-Disposition: form-data; name=\"q\"\r\n",
        "<script>",
        "hello",
        "1' or '1'='1",
        "--",
        "-",
        "X",
        "é",
        "\0",
    ]);
    let pieces = || prop::collection::vec(piece.clone(), 0..10).prop_map(|pieces| pieces.concat());
    (pieces(), pieces(), any::<bool>()).prop_map(|(first, second, is_framed)| {
        let head = "--X\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n";
        if is_framed {
            format!("{head}{first}\r\n{head}{second}\r\n--X--\r\n")
        } else {
            format!("{first}{second}")
        }
    })
}

/// What a handler gets of a part: its name, its file's name, and its content.
type Got = Vec<Vec<u8>>;

fn got(name: Option<&str>, file_name: Option<&str>, content: &[u8], all: &mut Got) {
    all.extend(name.map(|name| name.as_bytes().to_vec()));
    all.extend(file_name.map(|name| name.as_bytes().to_vec()));
    let most = if file_name.is_some() { FILE_HEAD } else { usize::MAX };
    all.push(content.get(..most).unwrap_or(content).to_vec());
}

/// Up to the first error, as handlers go.
fn by_actix(content_type: &str, body: &str) -> Got {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    let sent = Bytes::copy_from_slice(body.as_bytes());
    let mut all = Got::new();
    actix_rt::System::new().block_on(async {
        let pieces = stream::iter([Ok(sent)]);
        let mut parts = actix_multipart::Multipart::new(&headers, pieces);
        while let Some(Ok(mut part)) = parts.next().await {
            let Ok(Ok(content)) = part.bytes(1 << 20).await else {
                break;
            };
            let file_name = part.content_disposition().and_then(|said| said.get_filename());
            got(part.name(), file_name, &content, &mut all);
        }
    });
    all
}

fn by_multer(content_type: &str, body: &str) -> Got {
    let mut all = Got::new();
    let Ok(boundary) = multer::parse_boundary(content_type) else {
        return all;
    };
    let sent = Bytes::copy_from_slice(body.as_bytes());
    futures_util::future::FutureExt::now_or_never(async {
        let mut parts = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(sent)]), boundary);
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().map(str::to_owned);
            let file_name = part.file_name().map(str::to_owned);
            let Ok(content) = part.bytes().await else {
                break;
            };
            got(name.as_deref(), file_name.as_deref(), &content, &mut all);
        }
    });
    all
}

proptest! {
    #![proptest_config(crate::bounded())]

    #[test]
    fn every_part_that_actix_web_reads_was_seen(body in body(), content_type in prop::sample::select(&TYPES[..])) {
        let all = by_actix(content_type, &body);
        prop_assert_eq!(Seen::body(content_type, body.as_bytes()).misses(all), None);
    }

    #[test]
    fn every_part_that_axum_reads_was_seen(body in body(), content_type in prop::sample::select(&TYPES[..])) {
        let all = by_multer(content_type, &body);
        prop_assert_eq!(Seen::body(content_type, body.as_bytes()).misses(all), None);
    }
}

#[test]
fn the_parsers_read_what_is_as_it_should_be() {
    let content_type = TYPES[0];
    let body = "--X\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nhello\r\n--X--\r\n";
    let expected: Got = vec![b"q".to_vec(), b"hello".to_vec()];
    assert_eq!(by_actix(content_type, body), expected);
    assert_eq!(by_multer(content_type, body), expected);
}
