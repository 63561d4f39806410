//! What the function gets and gives, unchanged.

use serde_json::json;

use super::{
    cloud::Cloud,
    events::{Front, get},
    function::Function,
};

#[test]
fn bodies_reach_the_function_as_they_came_and_answers_go_as_they_are() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let multipart =
        b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n\xff\x00\xfe\r\n--b--\r\n";
    let bodies: [(&str, &[u8]); 5] = [
        ("application/json", br#"{"a": "\u00e4", "b": [1, 2]}"#),
        ("text/plain", "gr\u{fc}n".as_bytes()),
        ("application/x-www-form-urlencoded", b"a=1&b=%C3%A4"),
        ("multipart/form-data; boundary=b", multipart),
        ("application/octet-stream", &noise),
    ];
    for front in Front::ALL {
        for (content_type, body) in bodies {
            let answer = function.ask(&get("/echo", "203.0.113.9").body(content_type, body), front);
            assert_eq!(answer.status(), 200, "{front:?} {content_type}");
            assert!(
                answer.body() == body,
                "{front:?} {content_type}: {} bytes",
                answer.body().len()
            );
            assert_eq!(answer.header("content-type"), Some(content_type));
        }
        let bytes = function.ask(&get("/bytes", "203.0.113.9"), front);
        assert_eq!((bytes.is_base64(), bytes.body()), (true, b"foo".to_vec()), "{front:?}");
    }
}

#[test]
fn the_function_sees_the_uri_that_lambda_http_gives_it() {
    let cloud = Cloud::start(&json!({}));
    let function = Function::start(&cloud);
    let asked = get("/uri", "203.0.113.9").query("a=1");
    for (front, expected) in [
        (Front::RestApi, "https://shop.example.com/prod/uri?a=1"),
        (Front::HttpApi, "https://shop.example.com/prod/uri?a=1"),
        (Front::FunctionUrl, "https://shop.example.com/uri?a=1"),
        (Front::LoadBalancer, "https://shop.example.com/uri?a=1"),
    ] {
        let answer = function.ask(&asked, front);
        assert_eq!(String::from_utf8_lossy(&answer.body()), expected, "{front:?}");
    }
    let answer = function.ask(&get("/cookies", "203.0.113.9"), Front::FunctionUrl);
    assert_eq!(answer.0["cookies"], json!(["a=1", "b=2"]));
}
