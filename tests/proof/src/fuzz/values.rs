//! Values as clients send them: undressed, taken out of bodies, and looked into.

use std::sync::LazyLock;

use buckler_waf::{
    Engine, Head,
    detect::{Detectors, Families, Options},
    normal::{Spelling, normalise},
    places::{self, Field, Part, Role},
};

use super::bytes::Bytes;

/// Undresses a value.
///
/// # Panics
/// Where the text is much longer than what stood for it, or differs from one time to the next.
pub fn normal(input: &[u8]) {
    for spelling in [Spelling::Form, Spelling::Literal] {
        let normal = normalise(input, spelling, true);
        // a broken byte becomes three, and compatibility forms have a bounded room
        let most = 3 * input.len() + 1100;
        assert!(
            normal.text.len() <= most,
            "{} bytes of {}",
            normal.text.len(),
            input.len()
        );
        let hidden = normal.hidden.as_ref().map_or(0, String::len);
        assert!(hidden <= most, "{hidden} hidden bytes of {}", input.len());
        assert_eq!(normal, normalise(input, spelling, true));
        let without = normalise(input, spelling, false);
        assert_eq!((without.text, without.hidden), (normal.text, None));
    }
}

/// Takes a body apart. The first line is its type.
///
/// # Panics
/// Where there are more values than the bounds allow, or one is longer than what it was taken from.
pub fn places(input: &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (content_type, body) = input.split_at(at);
    let content_type = String::from_utf8_lossy(content_type);
    let body = body.get(1..).unwrap_or_default();
    let mut seen = 0;
    let mut visit = |field: &Field<'_>| {
        seen += field.value.len() + 1;
        assert!(field.place.name.len() <= body.len().max(512), "{:?}", field.place);
        true
    };
    let shown = places::Body::whole(&content_type, body);
    let gaps = places::body(places::MOST_BYTES, &shown, &mut visit);
    assert!(
        seen <= places::most_visited(body.len()),
        "{seen} bytes of {}",
        body.len()
    );
    assert!(gaps.iter().all(|(_, at)| at <= body.len()), "{gaps:?}");
    let mut stopped = 0;
    places::body(places::MOST_BYTES, &shown, &mut |_| {
        stopped += 1;
        false
    });
    assert!(stopped <= 1, "{stopped} values were shown to one who had seen enough");
    let text = String::from_utf8_lossy(body);
    places::query(&text, &mut |field| field.value.len() <= text.len());
    places::cookies(body, &mut |field| field.value.len() <= body.len());
}

/// Looks into a value. The first byte says where it stands.
///
/// # Panics
/// Where a finding lies outside of the text, has no score, or differs from one time to the next.
pub fn detect(input: &[u8]) {
    static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| Detectors::standard().unwrap());
    let mut bytes = Bytes::new(input);
    let (part, role) = match bytes.byte() % 7 {
        0 => (Part::Query, Role::Value),
        1 => (Part::Query, Role::Name),
        2 => (Part::Path, Role::Value),
        3 => (Part::Body, Role::Document),
        4 => (Part::Body, Role::FileName),
        5 => (Part::Body, Role::FileHead),
        _ => (Part::Header, Role::Value),
    };
    let field = Field::whole(part, role, bytes.rest(), Spelling::Form);
    let options = Options {
        wants: Families::ALL,
        ..Options::STANDARD
    };
    let all = || {
        let mut found = Vec::new();
        DETECTORS.each(&field, &options, &mut |caught| {
            found.push(caught);
            true
        });
        found
    };
    let found = all();
    for caught in &found {
        assert!(caught.finding.score <= 100, "{caught:?}");
        assert!(caught.finding.at.start <= caught.finding.at.end, "{caught:?}");
        assert!(caught.excerpt.chars().all(|char| !char.is_control()), "{caught:?}");
    }
    assert_eq!(found, all(), "the same value is judged the same");
}

/// Judges a request by the engine alone. The first line is its query, the second its type, the
/// third its coding, and what follows its body.
///
/// # Panics
/// Where a match has no score or shows control characters, or a body that comes in pieces is judged
/// otherwise than the same at once.
pub fn judge(input: &[u8]) {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (query, content_type, coding, body) = (line(), line(), line(), line());
    let query = String::from_utf8_lossy(query);
    let headers = [("content-type", content_type), ("content-encoding", coding)];
    let head = Head {
        path: "/",
        query: &query,
        headers: &headers,
    };
    let whole = ENGINE.judge(&head, body);
    for found in &whole.matches {
        assert!(found.score <= 100, "{found:?}");
        assert!(found.excerpt.chars().all(|char| !char.is_control()), "{found:?}");
    }
    let mut pieces = ENGINE.judge_head(&head);
    let mut stream = ENGINE.body(&head);
    if !pieces.is_attack() {
        body.chunks(61).for_each(|piece| pieces.merge(stream.push(piece)));
        pieces.merge(stream.end(true));
    }
    // what is longer is judged in windows
    if body.len() <= places::MOST_BYTES {
        assert_eq!(whole, pieces, "in pieces it is judged otherwise");
    }
}
