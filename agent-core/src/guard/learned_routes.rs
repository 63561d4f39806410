//! The routes of the application, as far as they are known: from the host's own list, and learned from the requests that pass.
//!
//! A framework says which of its patterns a request matched (`match_pattern()` of actix-web, `MatchedPath` of axum). A pattern comes
//! from the application's source, never from a client, so that a client can teach the guard nothing but which routes there are. Reading
//! is non-blocking; only a pattern that is new copies what is known.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;

use crate::protocol::{Route, Routes};

/// The routes, changed by copy.
#[derive(Debug, Default)]
pub(super) struct LearnedRoutes {
    known: ArcSwap<Known>,
    /// Rises with every route, and with every method of one.
    version: AtomicU64,
}

/// Patterns with the methods that were seen.
type Known = HashMap<Box<str>, Methods>;

/// A set of [`METHODS`], a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Methods(u8);

/// The methods that are told apart (RFC 9110, section 9, and RFC 5789): a route for any method would else be learned with whatever a
/// client invents.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl LearnedRoutes {
    /// The most routes: more than large applications have, and few enough to copy and to look through where a decoy is found.
    const MOST: usize = 512;

    /// The longest pattern, in bytes; a longer one is not kept.
    const LONGEST: usize = 256;

    /// Takes note of a route. Whether it is new.
    pub(super) fn learn(&self, method: &str, pattern: &str) -> bool {
        let method = Methods::of(method);
        let is_news = |known: &Known| match known.get(pattern) {
            Some(methods) => methods.0 | method.0 != methods.0,
            None => known.len() < Self::MOST && pattern.starts_with('/') && pattern.len() <= Self::LONGEST,
        };
        if !is_news(&self.known.load()) {
            return false;
        }
        self.known.rcu(|known| {
            let mut next = Known::clone(known);
            if is_news(known) {
                next.entry(pattern.into()).or_default().0 |= method.0;
            }
            Arc::new(next)
        });
        self.version.fetch_add(1, Relaxed);
        true
    }

    /// Whether a path is the beginning of a route: `/admin` of `/admin/users`. Segments in braces or after a colon stand for any
    /// text, but the path's last segment must be the route's own: else one route for `/{user}/posts` would begin with every path.
    pub(super) fn leads_on(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
        !last.is_empty()
            && self
                .known
                .load()
                .keys()
                .any(|pattern| begins_with(pattern, parents, last))
    }

    /// The routes, as the server is told of them.
    pub(super) fn all(&self) -> Routes {
        let known = self.known.load();
        let route = |pattern: &str, methods: &Methods| {
            let (path, methods) = (pattern.to_owned(), methods.names());
            (path.clone(), Route { methods, path })
        };
        known.iter().map(|(pattern, methods)| route(pattern, methods)).collect()
    }

    /// Rises with what is learned; 0 where nothing was.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }
}

impl Methods {
    fn of(method: &str) -> Self {
        let at = METHODS.iter().position(|known| *known == method);
        Self(at.map_or(0, |at| 1 << at))
    }

    fn names(self) -> Vec<String> {
        let all = METHODS.iter().enumerate();
        all.filter(|(at, _)| self.0 >> at & 1 == 1)
            .map(|(_, name)| (*name).to_owned())
            .collect()
    }
}

fn begins_with(pattern: &str, parents: &str, last: &str) -> bool {
    let mut segments = pattern.split('/');
    let is_any = |segment: &str| segment.contains('{') || segment.starts_with([':', '*', '<']);
    let is_same = |parent: &str| segments.next().is_some_and(|own| own == parent || is_any(own));
    parents.split('/').all(is_same) && segments.next() == Some(last) && segments.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(patterns: &[&str]) -> LearnedRoutes {
        let routes = LearnedRoutes::default();
        for pattern in patterns {
            routes.learn("GET", pattern);
        }
        routes
    }

    #[test]
    fn a_prefix_of_a_route_leads_on() {
        let routes = learned(&["/admin/users", "/shop/", "/{user}/posts/{id}", "/api/:id/logs/all"]);
        for path in ["/admin", "/admin/", "/shop", "/kim/posts", "/api/7/logs"] {
            assert!(routes.leads_on(path), "{path}");
        }
        for path in [
            "/",
            "",
            "/adm",
            "/admin/users",
            "/.env",
            "/kim",
            "/kim/admin",
            "/api/7",
            "/admin/x",
        ] {
            assert!(!routes.leads_on(path), "{path}");
        }
        assert!(!LearnedRoutes::default().leads_on("/admin"));
    }

    #[test]
    fn a_route_is_learned_once_with_its_methods() {
        let routes = LearnedRoutes::default();
        assert!(routes.learn("GET", "/a"));
        assert!(!routes.learn("GET", "/a"));
        assert!(routes.learn("POST", "/a"));
        assert!(!routes.learn("BREW", "/a") && !routes.learn("GET", "") && !routes.learn("GET", "a"));
        assert!(routes.learn("BREW", "/pot"));
        let all = routes.all();
        assert_eq!(
            (&all["/a"].methods, &all["/pot"].methods),
            (&vec!["GET".into(), "POST".into()], &vec![])
        );
        assert_eq!(routes.version(), 3);
    }

    #[test]
    fn routes_are_bounded() {
        let routes = LearnedRoutes::default();
        assert!(!routes.learn("GET", &format!("/{}", "x".repeat(LearnedRoutes::LONGEST))));
        for n in 0..LearnedRoutes::MOST + 100 {
            routes.learn("GET", &format!("/{n}"));
        }
        assert_eq!(routes.all().len(), LearnedRoutes::MOST);
        assert!(routes.learn("PUT", "/1"), "a method of a route that is known");
    }
}
