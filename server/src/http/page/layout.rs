//! What all views share: the frame around them, the policy under which browsers show them, and the
//! forms that change something.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, Responder,
    body::BoxBody,
    http::{StatusCode, header},
};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ROOT, assets, guard::Visitor, words};
use crate::{http::reply::Refusal, store::Role};

/// What a browser may load and do on the page: what the server itself serves, and nothing that
/// stands in the text.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A view, ready to be sent.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    text: Markup,
}

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        answer(&mut HttpResponse::build(self.status), self.text)
    }
}

/// Sends a text under the page's policy.
pub(super) fn answer(answer: &mut HttpResponseBuilder, text: Markup) -> HttpResponse {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(text.into_string())
}

/// Where the profiles are.
const PROFILES: &str = "/admin/ui/profiles";

/// The views, as the navigation names them.
const VIEWS: [(&str, &str); 8] = [
    (ROOT, "Overview"),
    ("/admin/ui/agents", "Agents"),
    ("/admin/ui/list", "List"),
    ("/admin/ui/proposals", "Proposals"),
    ("/admin/ui/findings", "Findings"),
    ("/admin/ui/refusals", "Refusals"),
    (PROFILES, "Profiles"),
    ("/admin/ui/audit", "Audit"),
];

/// A view within the frame.
pub(super) fn frame(visitor: &Visitor, title: &str, content: &Markup) -> Page {
    let operator = &visitor.asker.operator;
    let is_here = |path: &str| {
        let within = visitor.path.strip_prefix(path);
        let is_agent = path == "/admin/ui/agents" && visitor.path == "/admin/ui/agent";
        is_agent || visitor.path == path || (path != ROOT && within.is_some_and(|rest| rest.starts_with('/')))
    };
    let body = html! {
        a .skip href="#main" { "Skip to content" }
        header .bar {
            a .brand href=(ROOT) { img src=(assets::ICON) alt="" width="24" height="24"; "Buckler" }
            nav aria-label="Views" {
                @for (path, name) in VIEWS {
                    a href=(path) aria-current=[is_here(path).then_some("page")] { (name) }
                }
            }
            div .who {
                span #live .live data-events="/admin/ui/events" role="status" { "Not live" }
                span .name title={ "Role: " (operator.role.name()) } { (operator.label) }
                form method="post" action="/admin/ui/sign-out" {
                    (token(visitor))
                    button .quiet type="submit" { "Sign out" }
                }
            }
        }
        main #main tabindex="-1" {
            h1 { (title) }
            (content)
        }
    };
    Page {
        status: StatusCode::OK,
        text: document(title, &body),
    }
}

/// The whole document.
pub(super) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Buckler" }
                link rel="icon" href=(assets::ICON) type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLE);
                script src=(assets::SCRIPT) defer {}
            }
            body { (body) }
        }
    }
}

/// A refusal for people.
pub(super) fn trouble(refusal: &Refusal) -> HttpResponse {
    let title = match refusal.status().as_u16() {
        403 => "Not allowed",
        404 => "Not found",
        409 | 422 => "Not done",
        429 | 503 => "Not now",
        _ => "This did not work",
    };
    let body = html! {
        main #main .narrow {
            h1 { (title) }
            p .problem role="alert" { (refusal.to_string()) }
            p { a href=(ROOT) { "Back to the overview" } }
        }
    };
    let mut response = HttpResponse::build(refusal.status());
    if let Some((name, value)) = refusal.header() {
        response.insert_header((name.clone(), value));
    }
    answer(&mut response, document(title, &body))
}

/// What every form carries.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="form" value=(visitor.form); }
}

/// A form of one button.
pub(super) fn button(visitor: &Visitor, action: &str, fields: &[(&str, &str)], (kind, label): (&str, &str)) -> Markup {
    html! {
        form .inline method="post" action=(action) {
            (token(visitor))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class=(kind) type="submit" { (label) }
        }
    }
}

/// A form that unbans a network, for who may do it.
pub(super) fn unban(visitor: &Visitor, fleet: &str, network: &str, back: &str) -> Markup {
    if !visitor.may(Role::Operate) {
        return html! {};
    }
    let fields = [("fleet", fleet), ("address", network), ("back", back)];
    button(visitor, "/admin/ui/list/unban", &fields, ("danger", "Unban"))
}

/// A number with its name below.
pub(super) fn tile(name: &str, number: u64, note: &str, kind: &str) -> Markup {
    html! {
        div class={ "tile " (kind) } {
            span .label { (name) }
            span .number { (words::count(number)) }
            span .note { (note) }
        }
    }
}

/// A path with a query, each value escaped.
pub(super) fn link(path: &str, query: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()))
        .finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// The path of a profile's page, whatever its name holds.
pub(super) fn path_of_profile(name: &str) -> String {
    format!("{PROFILES}/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// Names and what they are, one below the other.
pub(super) fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl .facts {
            @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } }
        }
    }
}

/// What stands where there is nothing.
pub(super) fn nothing() -> Markup {
    html! { span .none { "–" } }
}
