//! Judges an `http::Request`: its head, its body as a whole, and a body in pieces.
//!
//! `cargo run -p buckler-waf --example judge`

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::error::Error;

use buckler_waf::{Engine, Head, Judgement};
use http::Request;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new()?;
    let honest = Request::get("/search?q=red+shoes").body(Vec::new())?;
    let attack = Request::get("/search?q=1'+union+select+password+from+users--+-").body(Vec::new())?;
    let posted = Request::post("/search")
        .header("content-type", "application/json")
        .body(br#"{"filter": {"name": "<script>alert(1)</script>"}}"#.to_vec())?;
    for request in [honest, attack, posted] {
        println!(
            "{} {}: {}",
            request.method(),
            request.uri(),
            told(&judge(&engine, &request))
        );
    }
    let upload = Request::post("/notes").header("content-type", "text/plain").body(())?;
    let pieces = (0..50).map(|_| "two of the blue ones, please\n".repeat(100));
    let pieces = pieces.chain(["../../../../etc/passwd\n".to_owned()]);
    println!("POST /notes, in pieces: {}", told(&stream(&engine, &upload, pieces)));
    Ok(())
}

/// Judges a request of which all is there.
pub(crate) fn judge(engine: &Engine, request: &Request<Vec<u8>>) -> Judgement {
    let headers = request.headers().iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let head = Head {
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
    };
    engine.judge(&head, request.body())
}

/// Judges a request whose body comes in pieces, up to the first that is an attack.
pub(crate) fn stream(engine: &Engine, request: &Request<()>, pieces: impl Iterator<Item = String>) -> Judgement {
    let headers = request.headers().iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let head = Head {
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
    };
    let mut judgement = engine.judge_head(&head);
    let mut body = engine.body(&head);
    for piece in pieces {
        judgement.merge(body.push(piece.as_bytes()));
        if judgement.is_attack() {
            return judgement;
        }
    }
    judgement.merge(body.end(true));
    judgement
}

/// Returns what a log would say.
pub(crate) fn told(judgement: &Judgement) -> String {
    let matches = judgement
        .matches
        .iter()
        .map(|found| format!("{found} ({})", found.score));
    let reasons = judgement.unjudged.iter().map(|reason| format!("unjudged: {reason}"));
    let all: Vec<String> = matches.chain(reasons).collect();
    let verdict = if judgement.is_attack() { "refused" } else { "passes" };
    format!("{verdict} {}", all.join(", ")).trim_end().to_owned()
}
