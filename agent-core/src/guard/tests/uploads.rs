//! The check `upload`: which files pass, by the configuration and by a route's rule.

use super::*;
use crate::model::policy::Check;

fn uploading(mut keys: Value) -> Stage {
    if keys["SECURITY_CHECKS"].is_null() {
        keys["SECURITY_CHECKS"] = json!({"upload": 1});
    }
    stage(keys)
}

/// A multipart body of files, each a name and its content.
fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday.exe\r\n".to_vec();
    for (name, content) in files {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";

impl Stage {
    /// The rule that refuses a body, its place and excerpt.
    fn upload(
        &self,
        path: &str,
        body: &[u8],
        length: Option<usize>,
        is_whole: bool,
    ) -> Option<(String, String, String)> {
        let length = length.map(|length| length.to_string());
        let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"multipart/form-data; boundary=b")];
        headers.extend(length.as_ref().map(|length| ("content-length", length.as_bytes())));
        let headers = headers.as_slice();
        let view = RequestView {
            peer: Some(ATTACKER.parse().unwrap()),
            method: "POST",
            path,
            query: "",
            host: None,
            route: RouteMatch::Matched,
            headers: &headers,
        };
        assert!(!self.guard.check(&view).is_block());
        assert!(self.guard.wants_body(&view).is_some());
        let is_block = self
            .guard
            .check_body(&view, BodyView { bytes: body, is_whole })
            .is_block();
        let found = self.detections().pop();
        assert_eq!(is_block, found.is_some());
        found.map(|found| {
            assert_eq!(found.check, Check::Upload);
            (found.rule.into(), found.place.into(), found.excerpt.into())
        })
    }

    fn rule(&self, files: &[(&str, &[u8])]) -> Option<String> {
        self.upload("/photos", &form(files), None, true).map(|(rule, ..)| rule)
    }
}

#[test]
fn files_are_those_that_the_configuration_allows() {
    let stage = uploading(json!({}));
    assert_eq!(stage.rule(&[("a.jpg", PICTURE), ("b.pdf", b"%PDF-1.7")]), None);
    let (rule, place, excerpt) = stage
        .upload("/photos", &form(&[("a.jpg", PICTURE), ("b.csv", b"a;b")]), None, true)
        .unwrap();
    assert_eq!((&*rule, &*place, &*excerpt), ("upload/extension", "body:file", "b.csv"));
    assert_eq!(
        stage.rule(&[("a.html.jpg", PICTURE)]).as_deref(),
        Some("upload/double-extension")
    );
    assert_eq!(stage.rule(&[("a.png", PICTURE)]).as_deref(), Some("upload/content"));
    assert_eq!(stage.rule(&[("", b"")]), None, "a field that no file was chosen for");
    assert_eq!(stage.rule(&[("", b"x")]).as_deref(), Some("upload/extension"));
    assert_eq!(stage.rule(&[]), None);
}

#[test]
fn no_file_passes_where_none_may_be_uploaded() {
    let stage = uploading(json!({"UPLOAD_FILES": false}));
    assert_eq!(stage.rule(&[("a.jpg", PICTURE)]).as_deref(), Some("upload/file"));
    assert_eq!(stage.rule(&[]), None);
    assert_eq!(stage.rule(&[("", b"")]), None);
}

#[test]
fn a_file_is_as_large_as_it_is_or_as_its_request_says() {
    let stage = uploading(json!({"UPLOAD_MAX_SIZE": 0.1}));
    let picture = |bytes: usize| [PICTURE, &vec![b'x'; bytes - PICTURE.len()]].concat();
    let whole = |bytes: usize| stage.upload("/photos", &form(&[("a.jpg", &picture(bytes))]), None, true);
    assert_eq!(whole(50_000), None);

    let beginning = |bytes: usize, says: bool| {
        let body = form(&[("a.jpg", &picture(bytes))]);
        let length = says.then_some(body.len());
        stage
            .upload("/photos", &body[..60_000], length, false)
            .map(|(rule, ..)| rule)
    };
    assert_eq!(beginning(100_000, true), None, "exactly");
    assert_eq!(beginning(100_001, true).as_deref(), Some("upload/size"));
    assert_eq!(
        beginning(100_001, false),
        None,
        "a request that does not say how long it is"
    );
    let beyond_the_peek = form(&[("a.jpg", &picture(100_001))]);
    let found = stage.upload("/photos", &beyond_the_peek, Some(beyond_the_peek.len()), true);
    assert_eq!(
        found.map(|(rule, ..)| rule).as_deref(),
        Some("upload/size"),
        "shown whole, and looked at in part"
    );
    let stage = uploading(json!({"UPLOAD_MAX_SIZE": 0.001}));
    assert_eq!(
        stage.rule(&[("a.jpg", &picture(1000)), ("b.jpg", &picture(1000))]),
        None,
        "each by itself"
    );
    assert_eq!(
        stage
            .rule(&[("a.jpg", &picture(1000)), ("b.jpg", &picture(1001))])
            .as_deref(),
        Some("upload/size")
    );
}

#[test]
fn a_route_has_uploads_of_its_own() {
    let stage = uploading(json!({"UPLOAD_FILES": false, "ROUTES": [
        {"path": "/import", "uploads": {"allowed": true, "max_size": 0.001, "extensions": ["csv"]}},
        {"path": "/off", "checks": {"upload": 3}},
    ]}));
    let at = |path: &str, name: &str, bytes: usize| {
        stage
            .upload(path, &form(&[(name, &vec![b'x'; bytes])]), None, true)
            .map(|(rule, ..)| rule)
    };
    assert_eq!(at("/import", "a.csv", 1000), None);
    assert_eq!(at("/import", "a.csv", 1001).as_deref(), Some("upload/size"));
    assert_eq!(at("/import", "a.txt", 10).as_deref(), Some("upload/extension"));
    assert_eq!(at("/photos", "a.csv", 10).as_deref(), Some("upload/file"));
    assert_eq!(
        at("/x/../import", "a.csv", 10).as_deref(),
        Some("upload/file"),
        "a path that may be another"
    );
}

#[test]
fn nothing_is_asked_of_files_where_the_check_is_off() {
    let stage = uploading(json!({"SECURITY_CHECKS": {"command": 2}, "UPLOAD_FILES": false}));
    assert_eq!(stage.rule(&[("notes.csv", b"a;b")]), None);
}
