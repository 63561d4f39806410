//! Browsers that have signed in: each has a cookie for a while, which stands for the token that it
//! was got with. Like tokens they are known by fingerprint; a restart ends them all.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use actix_web::{HttpRequest, http::header};
use arc_swap::ArcSwap;

use super::ROOT;
use crate::{
    http::state::State,
    moment::Tick,
    secret::{Fingerprint, Secret},
};

/// The most sessions at once: several browsers for each of the people who operate a server. With
/// one more, the one that was used longest ago ends.
const MOST: usize = 512;
/// How long a session lasts, in seconds: a working day and a half.
const LASTS_S: u64 = 12 * 3_600;
/// How long it lasts after the browser asked for something last, in seconds: a page that is open
/// asks all the time.
const IDLE_S: u64 = 2 * 3_600;

/// The cookie's name over TLS; the prefix has browsers refuse one that was set without.
const SECURE: &str = "__Secure-buckler";
/// The cookie's name without TLS.
const PLAIN: &str = "buckler";

/// What the token of a session's forms is derived under.
const FORMS: &str = "buckler 2026-11 forms of the operators' page";

/// A browser that has signed in.
#[derive(Debug)]
pub(super) struct Session {
    /// The operator's token.
    token: Secret,
    begun: Tick,
    used: AtomicU32,
}

impl Session {
    pub(super) const fn token(&self) -> &Secret {
        &self.token
    }

    /// Whether it still stands for the operator.
    pub(super) fn lasts(&self, now: Tick) -> bool {
        let used = Tick::from_seconds(self.used.load(Ordering::Relaxed));
        now.since(self.begun) < LASTS_S && now.since(used) < IDLE_S
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: ArcSwap<HashMap<Fingerprint, Arc<Session>>>,
}

impl Sessions {
    /// Begins a session with a token that was found good; what its cookie says.
    pub(super) fn begin(&self, token: Secret, now: Tick) -> String {
        let (text, secret) = Secret::random("");
        let session = Arc::new(Session {
            token,
            begun: now,
            used: AtomicU32::new(now.seconds()),
        });
        self.all.rcu(|all| {
            let lasting = all.iter().filter(|(_, session)| session.lasts(now));
            let mut all: HashMap<_, _> = lasting.map(|(name, session)| (*name, Arc::clone(session))).collect();
            if all.len() >= MOST {
                let used = |session: &Arc<Session>| session.used.load(Ordering::Relaxed);
                let idlest = all
                    .iter()
                    .min_by_key(|(_, session)| used(session))
                    .map(|(name, _)| *name);
                idlest.and_then(|idlest| all.remove(&idlest));
            }
            all.insert(secret.fingerprint(), Arc::clone(&session));
            all
        });
        text
    }

    /// The session that a cookie stands for.
    pub(super) fn find(&self, cookie: &str, now: Tick) -> Option<Arc<Session>> {
        let all = self.all.load();
        let session = all.get(&Secret::of(cookie).fingerprint())?;
        if !session.lasts(now) {
            return None;
        }
        session.used.store(now.seconds(), Ordering::Relaxed);
        Some(Arc::clone(session))
    }

    /// Whether a session was not ended meanwhile.
    pub(super) fn holds(&self, session: &Arc<Session>) -> bool {
        let all = self.all.load();
        all.values().any(|held| Arc::ptr_eq(held, session))
    }

    /// Ends a session.
    pub(super) fn end(&self, cookie: &str) {
        let name = Secret::of(cookie).fingerprint();
        self.all.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(&name);
            all
        });
    }
}

/// What the browser's cookie says.
pub(super) fn cookie_of(request: &HttpRequest) -> Option<String> {
    let sent = request.headers().get_all(header::COOKIE);
    let pairs = sent
        .filter_map(|sent| sent.to_str().ok())
        .flat_map(|sent| sent.split(';'));
    let all: Vec<(&str, &str)> = pairs.filter_map(|pair| pair.trim().split_once('=')).collect();
    let value = |wanted: &str| {
        all.iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| (*value).to_owned())
    };
    value(SECURE).or_else(|| value(PLAIN))
}

/// `Set-Cookie` that begins a session, or with no text ends it.
pub(super) fn set_cookie(request: &HttpRequest, state: &State, text: &str) -> (header::HeaderName, String) {
    let lasts_s = if text.is_empty() { 0 } else { LASTS_S };
    let (name, secure) = if is_asked_by_tls(request, state) {
        (SECURE, "; Secure")
    } else {
        (PLAIN, "")
    };
    let cookie = format!("{name}={text}; Path={ROOT}; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}");
    (header::SET_COOKIE, cookie)
}

/// Whether the browser spoke TLS to the server, or to a trusted proxy that says so.
fn is_asked_by_tls(request: &HttpRequest, state: &State) -> bool {
    let said = request.headers().get("x-forwarded-proto");
    request.app_config().secure() || (state.is_behind_proxy(request) && said.is_some_and(|said| said == "https"))
}

/// What every form of a session carries, which no other site can know.
pub(super) fn form_token(cookie: &str) -> String {
    blake3::Hash::from(blake3::derive_key(FORMS, cookie.as_bytes()))
        .to_hex()
        .to_string()
}

/// Whether a form carries the session's token, compared in constant time.
pub(super) fn is_form_token(expected: &str, sent: &str) -> bool {
    let hash = |text: &str| blake3::Hash::from_hex(text);
    matches!((hash(expected), hash(sent)), (Ok(expected), Ok(sent)) if expected == sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> Tick {
        Tick::from_seconds(seconds)
    }

    #[test]
    fn a_session_ends_after_a_while_and_sooner_where_it_is_not_used() {
        let sessions = Sessions::default();
        let cookie = sessions.begin(Secret::of("token"), at(1_000));
        assert!(sessions.find(&cookie, at(1_000)).is_some());
        assert!(sessions.find("another", at(1_000)).is_none());
        for hours in 1..12 {
            assert!(sessions.find(&cookie, at(1_000 + hours * 3_600)).is_some(), "{hours}");
        }
        assert!(sessions.find(&cookie, at(1_000 + 12 * 3_600)).is_none());
        let idle = sessions.begin(Secret::of("token"), at(1_000));
        assert!(sessions.find(&idle, at(1_000 + 2 * 3_600)).is_none());
        let ended = sessions.begin(Secret::of("token"), at(1_000));
        sessions.end(&ended);
        assert!(sessions.find(&ended, at(1_000)).is_none());
    }

    #[test]
    fn there_are_only_so_many_and_the_idlest_ends_first() {
        let sessions = Sessions::default();
        let (first, second) = (
            sessions.begin(Secret::of("a"), at(5)),
            sessions.begin(Secret::of("a"), at(6)),
        );
        let last = (0..MOST - 1)
            .map(|_| sessions.begin(Secret::of("a"), at(7)))
            .last()
            .unwrap();
        assert!(sessions.find(&first, at(8)).is_none());
        assert!(sessions.find(&second, at(8)).is_some() && sessions.find(&last, at(8)).is_some());
        sessions.begin(Secret::of("a"), at(8 + 3 * 3_600));
        assert_eq!(sessions.all.load().len(), 1, "those that are over are gone");
    }

    #[test]
    fn a_form_of_one_session_is_none_of_another() {
        let (one, other) = (form_token("one"), form_token("other"));
        assert!(is_form_token(&one, &one.to_uppercase()) && is_form_token(&one, &one));
        for sent in ["", "one", &other, &one[1..]] {
            assert!(!is_form_token(&one, sent), "{sent}");
        }
    }
}
