//! The page: what operators look at in a browser, at `/admin/ui`.
//!
//! It is rendered here, readable without scripts, and kept up to date by one small script that is
//! told of changes by server-sent events ([`live`]). Operators sign in with their tokens
//! ([`session`]); every path asks for a role, and every form for its token ([`guard`]). All that
//! agents and attackers send is text to the templates, and nothing on the page may run that is not
//! the server's own ([`layout`]).

mod agents;
mod allowed;
mod assets;
mod audit;
mod bulk;
mod candidate;
mod chart;
mod findings;
mod guard;
mod layout;
mod list;
mod live;
mod overview;
mod profile_edit;
mod profiles;
mod proposals;
mod refusal;
mod refusals;
mod session;
mod sign_in;
mod summary;
mod troubles;
mod words;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{Method, header},
    web::{Redirect, ServiceConfig},
};

use self::guard::{Paths, open, page};
pub(crate) use self::session::Sessions;
use crate::store::Role;

/// Where the page is.
const ROOT: &str = "/admin/ui";

/// Adds the page's paths.
pub(super) fn routes(app: &mut ServiceConfig) {
    add(app);
    for path in ["/admin", "/admin/", "/admin/ui/"] {
        app.service(Redirect::new(path, ROOT).see_other());
    }
}

/// Every path, with the role that each method asks for.
fn add(app: &mut impl Paths) {
    use Role::{Admin, Operate, View};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    app.add(page(ROOT).on(GET, View, overview::show));
    app.add(page("/admin/ui/agents").on(GET, View, agents::all));
    app.add(page("/admin/ui/agent").on(GET, View, agents::one));
    app.add(page("/admin/ui/agents/forget").on(POST, Operate, agents::forget_gone));
    app.add(page("/admin/ui/agent/forget").on(POST, Operate, agents::forget));
    app.add(page("/admin/ui/agent/credential").on(POST, Admin, agents::credential));
    app.add(page("/admin/ui/list").on(GET, View, list::show));
    app.add(page("/admin/ui/list/ban").on(POST, Operate, list::ban));
    app.add(page("/admin/ui/list/unban").on(POST, Operate, list::unban));
    app.add(page("/admin/ui/list/bulk").on(POST, Operate, bulk::perform));
    app.add(page("/admin/ui/list/allow").on(POST, Operate, allowed::allow));
    app.add(page("/admin/ui/list/disallow").on(POST, Operate, allowed::disallow));
    app.add(
        page("/admin/ui/proposals")
            .on(GET, View, proposals::all)
            .on(POST, Operate, proposals::decide),
    );
    app.add(page("/admin/ui/findings").on(GET, View, findings::all));
    app.add(page("/admin/ui/refusals").on(GET, View, refusals::newest));
    app.add(page("/admin/ui/refusals/{id}").on(GET, View, refusal::one));
    app.add(page("/admin/ui/refusals/{id}/allow").on(POST, Operate, refusal::allow));
    app.add(page("/admin/ui/profiles").on(GET, View, profiles::all));
    app.add(
        page("/admin/ui/profiles/{name}")
            .on(GET, View, profiles::one)
            .on(POST, Operate, profile_edit::change),
    );
    app.add(page("/admin/ui/audit").on(GET, View, audit::newest));
    app.add(page("/admin/ui/events").on(GET, View, live::events));
    app.add(page("/admin/ui/sign-out").on(POST, View, sign_in::end));
    app.add(open("/admin/ui/sign-in").get(sign_in::form).post(sign_in::begin));
    app.add(open(assets::STYLE).get(assets::style));
    app.add(open(assets::SCRIPT).get(assets::script));
    app.add(open(assets::ICON).get(assets::icon));
}

/// Sends the browser on after a form was taken, so that to load again does nothing twice.
fn see(path: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer
        .insert_header((header::LOCATION, path))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::{guard::tests::Listed, *};

    #[test]
    fn every_path_asks_for_a_role_and_changes_ask_for_more_than_to_look() {
        let mut listed = Listed::default();
        add(&mut listed);
        assert!(listed.guarded.len() >= 15, "{listed:?}");
        for (path, method, role) in &listed.guarded {
            assert!(path.starts_with(ROOT), "{path}");
            let changes = *method != Method::GET && *path != "/admin/ui/sign-out";
            assert_eq!(changes, *role >= Role::Operate, "{method} {path} takes {role:?}");
        }
        let open = [
            "/admin/ui/sign-in",
            "/admin/ui/page.css",
            "/admin/ui/page.js",
            "/admin/ui/icon.svg",
        ];
        assert_eq!(listed.open, open, "and no other");
    }
}
