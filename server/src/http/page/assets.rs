//! The page's files, which are part of the program: one style sheet, one script, one icon.

use actix_web::{HttpRequest, HttpResponse, http::header};

/// Where the style sheet is.
pub(super) const STYLE: &str = "/admin/ui/page.css";
/// Where the script is.
pub(super) const SCRIPT: &str = "/admin/ui/page.js";
/// Where the icon is.
pub(super) const ICON: &str = "/admin/ui/icon.svg";

pub(super) async fn style(request: HttpRequest) -> HttpResponse {
    file(&request, "text/css; charset=utf-8", include_str!("assets/page.css"))
}

pub(super) async fn script(request: HttpRequest) -> HttpResponse {
    file(
        &request,
        "text/javascript; charset=utf-8",
        include_str!("assets/page.js"),
    )
}

pub(super) async fn icon(request: HttpRequest) -> HttpResponse {
    file(&request, "image/svg+xml", include_str!("assets/icon.svg"))
}

/// A file, or word that the browser has it: after an upgrade it has another name.
fn file(request: &HttpRequest, kind: &'static str, text: &'static str) -> HttpResponse {
    let mark = format!("\"{}\"", blake3::hash(text.as_bytes()).to_hex());
    let has_it = request.headers().get(header::IF_NONE_MATCH);
    let is_same = has_it.is_some_and(|known| known.as_bytes() == mark.as_bytes());
    let mut answer = if is_same {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::ETAG, mark))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if is_same {
        return answer.finish();
    }
    answer.content_type(kind).body(text)
}
