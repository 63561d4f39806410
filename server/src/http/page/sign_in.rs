//! Signing in with an operator's token, and out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use maud::{Markup, html};

use super::{
    ROOT, assets,
    guard::{Sent, Trouble},
    layout::{self, link},
    see, session,
};
use crate::{
    http::{failures::Wrong, state::State},
    secret::Secret,
};

/// Where operators sign in.
const PATH: &str = "/admin/ui/sign-in";

/// The longest form that is read from who has shown no token yet, in bytes: a token and a path.
const LONGEST: usize = 8 << 10;

/// Where to sign in to see what was asked for.
pub(super) fn path_for(request: &HttpRequest) -> String {
    let asked = if request.method() == actix_web::http::Method::GET {
        request.uri().to_string()
    } else {
        String::new()
    };
    link(
        PATH,
        &[("next", next(&asked).filter(|next| *next != ROOT).unwrap_or_default())],
    )
}

/// A path of the page to go on to, and nothing that leads elsewhere.
pub(super) fn next(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(ROOT)?;
    let is_within = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_within && is_plain && !rest.starts_with("/events")).then_some(text)
}

pub(super) async fn form(request: HttpRequest) -> HttpResponse {
    let asked = Sent::asked(&request);
    shown(StatusCode::OK, asked.text("next"), None)
}

pub(super) async fn begin(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let (body, _room) = state.unproven(&request, payload, LONGEST).whole().await?;
    let sent = Sent::read(&body);
    let token = Secret::of(sent.text("token"));
    let now = state.now().tick;
    if state.tokens.of(&token, now).is_none() {
        let refusal = state.wrong(&request, Wrong::Token).await;
        return Ok(shown(refusal.status(), sent.text("next"), Some(&refusal.to_string())));
    }
    let cookie = session::set_cookie(&request, &state, &state.sessions.begin(token, now));
    tracing::info!(peer = %state.peer(&request), "an operator signs in to the page");
    Ok(see(next(sent.text("next")).unwrap_or(ROOT))
        .insert_header(cookie)
        .finish())
}

pub(super) async fn end(request: HttpRequest, state: Data<State>) -> HttpResponse {
    if let Some(cookie) = session::cookie_of(&request) {
        state.sessions.end(&cookie);
    }
    let over = session::set_cookie(&request, &state, "");
    see(PATH).insert_header(over).finish()
}

fn shown(status: StatusCode, next: &str, problem: Option<&str>) -> HttpResponse {
    let body: Markup = html! {
        main #main .sign-in {
            div .card {
                img src=(assets::ICON) alt="" width="40" height="40";
                h1 { "Sign in to Buckler" }
                @if let Some(problem) = problem { p .problem role="alert" { (problem) } }
                form method="post" action=(PATH) {
                    input type="hidden" name="next" value=(next);
                    // password managers offer a token for the name that they kept it under
                    input type="text" name="username" value="operator" autocomplete="username" hidden;
                    label for="token" { "Operator's token" }
                    input #token type="password" name="token" required autofocus autocomplete="current-password";
                    button type="submit" { "Sign in" }
                }
                p .hint { "The " code { "admin_token" } " of the server's file, or a token that "
                    code { "bucklerctl tokens create" } " showed." }
            }
        }
    };
    layout::answer(&mut HttpResponse::build(status), layout::document("Sign in", &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_nothing_but_the_page() {
        for good in [
            "/admin/ui",
            "/admin/ui/refusals/0123456789abcdef",
            "/admin/ui?range=day",
        ] {
            assert_eq!(next(good), Some(good));
        }
        let bad = [
            "",
            "/",
            "//evil.example",
            "/admin/uix",
            "https://evil.example/admin/ui",
            "/admin/ui/\\evil",
            "/admin/ui/ x",
            "/admin/ui/\r\nset-cookie:x",
            "/admin/ui/events",
        ];
        for bad in bad {
            assert_eq!(next(bad), None, "{bad:?}");
        }
    }
}
