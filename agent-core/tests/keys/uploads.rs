//! What may be uploaded.

use serde_json::{Value, json};

use super::stage::{Stage, get, stage};

fn uploading(mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({"upload": 1});
    stage(keys)
}

fn refuses(stage: &Stage, name: &str, content: &[u8]) -> bool {
    let head = format!(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--x--\r\n"].concat();
    let length = body.len().to_string();
    let request = get("/upload")
        .with("content-type", "multipart/form-data; boundary=x")
        .with("content-length", length);
    let request = super::stage::Request {
        method: "POST",
        ..request
    };
    stage.refuses_body(&request, &body)
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

#[test]
fn upload_files() {
    for (allowed, refused) in [(true, false), (false, true)] {
        let stage = uploading(json!({"UPLOAD_FILES": allowed}));
        assert_eq!(refuses(&stage, "a.png", PNG), refused, "{allowed}");
        assert_eq!(stage.checks(), if refused { vec!["upload"] } else { vec![] });
    }
}

#[test]
fn upload_max_size() {
    let stage = uploading(json!({"UPLOAD_MAX_SIZE": 0.001}));
    let sized = |bytes: usize| [PNG, &vec![0; bytes - PNG.len()]].concat();
    assert!(!refuses(&stage, "a.png", &sized(900)));
    assert!(refuses(&stage, "a.png", &sized(1001)));
}

#[test]
fn upload_extensions() {
    let stage = uploading(json!({"UPLOAD_EXTENSIONS": [".PNG", "csv"]}));
    assert!(!refuses(&stage, "a.png", PNG) && !refuses(&stage, "a.PNG", PNG) && !refuses(&stage, "a.csv", b"a;b"));
    for name in ["a.gif", "a", "a.csv.sh"] {
        assert!(refuses(&stage, name, b"GIF89a"), "{name}");
    }
}
