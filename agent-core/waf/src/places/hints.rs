//! What the name of a field says about the values that it takes: a password, prose, source code, a URL.
//!
//! One table for detectors, which judge a value by what its field is for, and for findings, which never excerpt a secret. A name is a
//! hint and no proof: the client writes it. A rule may therefore rely on it only where the application would read nothing from a
//! field of another name.

use std::{borrow::Cow, ops::BitOr};

use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::Place;

/// What a name hints at. A name may hint at several things, most hint at nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NameHints(u16);

/// The longest name that is read, in bytes of letters and digits: longer ones are read from their end, where the noun stands.
const LONGEST: usize = 64;

/// Names of one hint, in lower case, without separators and without the `s` of a plural.
struct Names {
    hint: NameHints,
    /// Whole names.
    whole: &'static [&'static str],
    /// Ends of names: `new_password`, `txtPassword`.
    ends: &'static [&'static str],
}

/// The names, from public APIs, form conventions of browsers (WHATWG HTML, `autocomplete`) and frameworks' field types.
#[rustfmt::skip]
const NAMES: &[Names] = &[
    Names {
        hint: NameHints::SECRET,
        whole: &[
            "pass", "passw", "pword", "psw", "pswd", "pw", "pwd", "pin", "otp", "totp", "tan", "auth", "bearer", "jwt", "cookie", "session", "sid", "sig", "card", "cc", "pan", "ssn", "iban", "cvn",
            "csc", "hmac", "salt", "nonce", "assertion", "saml", "samlresponse", "xauth",
        ],
        ends: &[
            "password", "passwd", "passwort", "kennwort", "motdepasse", "contrasena", "contraseña", "senha", "userpass", "adminpass", "confirmpass", "dbpass", "ftppass", "loginpass", "mailpass", "newpass", "oldpass", "rootpass",
            "smtppass", "passkey", "passphrase", "passcode", "userpwd", "loginpwd",
            "newpwd", "oldpwd", "pincode", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "signingkey", "encryptionkey", "sharedkey", "masterkey",
            "authkey", "sshkey", "licensekey", "subscriptionkey", "authorization", "credential", "cookie", "sessionid", "sessionkey", "phpsessid", "cardnumber",
            "cardno", "creditcard", "ccnumber", "cvv", "cvc", "securitycode", "onetimecode", "otpcode", "mfacode", "totpcode", "recoverycode",
            "backupcode", "verificationcode", "amzsignature", "hubsignature", "connectionstring", "socialsecuritynumber", "clientassertion", "codeverifier", "mnemonic", "seedphrase",
        ],
    },
    Names {
        hint: NameHints::TEXT,
        whole: &[
            "text", "body", "content", "title", "subject", "about", "bio", "reason", "prompt", "remark", "headline", "msg", "answer", "question", "purpose", "excerpt",
            "memo", "intro", "instruction", "agenda", "synopsis", "abstract", "testimonial", "complaint", "reply", "quote", "plain", "bodyplain", "strippedtext",
        ],
        ends: &[
            "description", "comment", "message", "note", "summary", "review", "feedback", "detail", "caption", "biography", "freetext", "plaintext", "bodytext",
            "textbody", "longtext", "changelog", "releasenote", "transcript", "inquiry", "enquiry", "coverletter",
        ],
    },
    Names {
        hint: NameHints::CODE,
        whole: &[
            "code", "source", "diff", "patch", "script", "snippet", "program", "import", "extend", "js", "css", "yaml", "json", "stdin", "cell", "solution", "submission",
        ],
        ends: &[
            "sourcecode", "codeblock", "codesnippet", "javascript", "typescript", "stylesheet", "customcss", "customjs", "headercode", "footercode", "headcode",
            "notebook", "workflow", "pipeline", "dockerfile", "manifest", "sourcescontent", "diffhunk", "rawcode",
        ],
    },
    Names {
        hint: NameHints::QUERY,
        whole: &[
            "query", "sql", "expr", "filter", "where", "statement", "formula", "jql", "soql", "sosl", "kql", "cql", "promql", "logql", "hql", "gql", "criteria",
            "condition", "rule", "search", "lucene", "esql", "cypher", "xpath", "jsonpath",
        ],
        ends: &["sql", "expression", "querystring", "querytext", "searchquery", "nativequery", "sqlquery", "statement", "promql"],
    },
    Names {
        hint: NameHints::TEMPLATE,
        whole: &["template", "tpl", "layout", "liquid", "handlebar", "mustache", "jinja", "twig", "format", "pattern"],
        ends: &["template", "templatebody", "templatetext", "templatehtml", "mailbody", "emailbody", "htmlbody", "subjectline", "urlpattern", "urltemplate"],
    },
    // a browser is sent there, or comes from there: the application compares it, and does not fetch it
    Names {
        hint: NameHints::CALLBACK,
        whole: &[
            "redirect", "callback", "continue", "next", "return", "returnto", "goto", "cb", "back", "origin", "audience", "issuer", "iss", "aud", "service", "realm",
            "wreply", "wtrealm", "relaystate", "acs", "backto", "backurl", "forward", "then", "initiateloginuri", "clienturi", "clientid", "homepage", "siteurl", "appurl", "publicurl", "resource", "targetlinkuri", "stateurl",
        ],
        ends: &[
            "redirecturi", "redirecturl", "redirectto", "callbackuri", "callbackurl", "oauthcallback", "returnurl", "returnuri", "returnto", "continueurl", "nexturl", "successurl",
            "cancelurl", "failureurl", "errorurl", "logouturi", "logouturl", "loginuri", "loginurl", "signinurl", "signouturl", "origin", "redirect", "landingurl",
            "afterlogin", "afterlogout", "consumerserviceurl", "entityid", "homepageurl", "baseurl", "rooturl", "frontendurl", "setupurl", "devurl", "policyuri", "tosuri", "termsurl",
        ],
    },
    // what an application may fetch
    Names {
        hint: NameHints::URL,
        whole: &[
            "url", "uri", "u", "link", "href", "src", "host", "domain", "site", "website", "endpoint", "feed", "proxy", "dest", "destination", "target", "server", "remote",
            "upstream", "image", "img", "avatar", "icon", "picture", "photo", "fetch", "load", "resource", "webhook", "rss", "page",
        ],
        ends: &["url", "uri", "link", "endpoint", "href", "website"],
    },
    Names {
        hint: NameHints::FILE,
        whole: &[
            "file", "path", "dir", "folder", "doc", "document", "attachment", "include", "view", "page", "load", "module", "style", "theme", "lang", "locale", "download",
            "root", "read", "fn", "src", "f", "entry", "template", "layout", "source", "import", "from", "to", "prefix", "key",
        ],
        ends: &["file", "filename", "filepath", "path", "directory", "pathname", "folder", "attachment"],
    },
    // what hosts of repositories call them in their webhooks
    Names {
        hint: NameHints::CHANGE,
        whole: &["added", "modified", "removed", "renamed", "deleted", "newpath", "oldpath", "previousfilename", "filesadded", "filesmodified", "filesremoved", "changedfile", "filechanged", "fileschanged"],
        ends: &["changedfile", "modifiedfile", "addedfile", "removedfile"],
    },
    Names {
        hint: NameHints::HTML,
        whole: &["html", "body", "content", "markup", "editor", "article", "page", "introtext", "fulltext", "richtext", "wysiwyg", "embed", "embedcode", "srcdoc"],
        ends: &["html", "richtext", "postcontent", "pagecontent", "bodyhtml", "htmlbody", "articlebody", "htmlcontent", "contenthtml", "newslettercontent"],
    },
    // where a page or a request was, or where a program failed: measurements and error reports
    Names {
        hint: NameHints::REPORT,
        whole: &[
            "stack", "trace", "traceback", "backtrace", "exception", "dl", "dr", "urlref", "refr", "ref", "referer", "referrer", "frame", "abspath", "sourcefile",
            "httpurl", "urlfull", "httptarget", "currenturl", "pageurl", "pagereferrer", "documenturi", "documenturl", "documentlocation", "blockeduri", "blockedurl",
            "originalurl", "requesturl", "loc", "location", "debuginfo", "culprit",
        ],
        ends: &["stack", "stacktrace", "traceback", "backtrace", "exception", "referrer", "referer", "currenturl", "pageurl", "documenturl", "sourcefile", "blockeduri", "documenturi"],
    },
];

/// Names on the way to a member that say that all below is a measurement or an error report.
#[rustfmt::skip]
const OF_REPORTS: &[&str] = &[
    "http", "page", "span", "attribute", "breadcrumb", "frame", "stack", "stacktrace", "exception", "cspreport", "resourcespan", "scopespan", "resourcelog", "scopelog",
    "logrecord", "debugmeta", "pageview", "pageinfo", "webvital",
];

impl NameHints {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A password, a key, a token, a card: what nobody but its owner may read, and what may hold any signs.
    pub const SECRET: Self = Self(1);
    /// Prose that a person writes.
    pub const TEXT: Self = Self(1 << 1);
    /// Source code.
    pub const CODE: Self = Self(1 << 2);
    /// An expression of a query language.
    pub const QUERY: Self = Self(1 << 3);
    /// A template that the application fills in.
    pub const TEMPLATE: Self = Self(1 << 4);
    /// An address that a browser is sent to or comes from.
    pub const CALLBACK: Self = Self(1 << 5);
    /// An address that the application may fetch.
    pub const URL: Self = Self(1 << 6);
    /// The name or the path of a file.
    pub const FILE: Self = Self(1 << 7);
    /// Rich text that an editor sends.
    pub const HTML: Self = Self(1 << 8);
    /// A part of a measurement or an error report.
    pub const REPORT: Self = Self(1 << 9);
    /// The name of a file that a commit touched.
    pub const CHANGE: Self = Self(1 << 10);

    /// What a name hints at: that of a parameter, a header, a cookie, or the names on the way to a
    /// member with dots or brackets between them. Allocates nothing unless the name is
    /// percent-encoded, and takes some hundred comparisons: ask only where a rule found something.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let name = decoded(end_of(name));
        let mut segments = segments(&name);
        let Some(last) = segments.next() else {
            return Self::NONE;
        };
        let mut buffer = [0; LONGEST];
        let own = compact(last, &mut buffer);
        let is_generic = matches!(own, "value" | "stringvalue" | "val" | "data");
        let mut hints = Self::of_word(own);
        for (place, segment) in segments.enumerate() {
            let parent = compact(segment, &mut buffer);
            if place == 0 && is_generic {
                hints = hints | Self::of_word(parent);
            }
            if OF_REPORTS.contains(&parent) {
                hints = hints | Self::REPORT;
            }
        }
        hints
    }

    /// Whether one of these is hinted at.
    #[must_use]
    pub const fn any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Both, in constants.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_word(word: &str) -> Self {
        let word = without_repetition(word);
        let matching = NAMES
            .iter()
            .filter(|names| names.whole.contains(&word) || names.ends.iter().any(|end| word.ends_with(end)));
        matching.fold(Self::NONE, |all, names| all | names.hint)
    }
}

impl BitOr for NameHints {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// What forms call what is searched for.
const OF_SEARCHES: &[&str] = &["q", "s", "search", "query", "keyword", "keywords", "term", "k"];

impl Place<'_> {
    /// Whether it holds what a person searches for, by its name.
    pub(crate) fn is_search(&self) -> bool {
        OF_SEARCHES.iter().any(|known| self.name.eq_ignore_ascii_case(known))
    }

    /// What the place's name hints at.
    #[must_use]
    pub fn hints(&self) -> NameHints {
        NameHints::of(self.name)
    }

    /// The last of the names on the way to a value, without the place in a list: `email` for
    /// `user.email[0]`.
    pub(crate) fn last_name(&self) -> Cow<'_, str> {
        match decoded(end_of(self.name)) {
            Cow::Borrowed(name) => segments(name).next().unwrap_or_default().into(),
            Cow::Owned(name) => segments(&name).next().unwrap_or_default().to_owned().into(),
        }
    }

    /// Whether the last of its names is one of these, in lower case, of letters and digits alone,
    /// in the singular.
    pub(crate) fn is_named(&self, names: &[&str]) -> bool {
        names.contains(&compact(&self.last_name(), &mut [0; LONGEST]))
    }

    /// Whether the last of its names ends as one of these, written likewise: `user_email`.
    pub(crate) fn is_named_like(&self, ends: &[&str]) -> bool {
        let (last, mut buffer) = (self.last_name(), [0; LONGEST]);
        let last = compact(&last, &mut buffer);
        ends.iter().any(|end| last.ends_with(end))
    }
}

/// The end of a name, which says what the value is: names of applications are shorter.
fn end_of(name: &str) -> &str {
    const LONGEST_NAME: usize = 512;
    let from = name.ceil_char_boundary(name.len().saturating_sub(LONGEST_NAME));
    name.get(from..).unwrap_or(name)
}

/// A name as an application reads it. Clients encode brackets, and attackers letters.
fn decoded(name: &str) -> Cow<'_, str> {
    match memchr(b'%', name.as_bytes()) {
        Some(_) => percent_decode_str(name).decode_utf8_lossy(),
        None => Cow::Borrowed(name),
    }
}

/// The names on the way to a value, from the last one on, without places in lists.
fn segments(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    let all = std::iter::from_fn(move || {
        let text = rest?;
        let at = text
            .bytes()
            .rposition(|byte| matches!(byte, b'.' | b'[' | b']' | b'$' | b':'));
        rest = at.and_then(|at| text.get(..at));
        text.get(at.map_or(0, |at| at + 1)..)
    });
    all.filter(|segment| segment.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

/// A name in lower case, of its letters and digits alone, without trailing digits and the `s` of a plural.
fn compact<'b>(name: &str, buffer: &'b mut [u8; LONGEST]) -> &'b str {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let length = name.bytes().filter(kept).count();
    let written = name.bytes().filter(kept).skip(length.saturating_sub(LONGEST));
    let mut end = 0;
    for (place, byte) in buffer.iter_mut().zip(written) {
        *place = byte.to_ascii_lowercase();
        end += 1;
    }
    let bytes = buffer.get(..end).unwrap_or_default();
    let text = str::from_utf8(bytes).unwrap_or_default();
    let text = text.trim_end_matches(|sign: char| sign.is_ascii_digit());
    match text.strip_suffix('s') {
        // neither `address` nor `status` nor `customjs` is one
        Some(singular) if singular.len() > 2 && !singular.ends_with(['s', 'u', 'j']) => singular,
        _ => text,
    }
}

/// A name without what says that a value is entered a second time.
fn without_repetition(word: &str) -> &str {
    const AGAIN: &[&str] = &[
        "confirmation",
        "confirm",
        "again",
        "repeat",
        "verification",
        "verify",
        "retype",
    ];
    AGAIN
        .iter()
        .find_map(|again| word.strip_suffix(again))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        for name in [
            "password",
            "Password",
            "user.password",
            "user[password]",
            "data%5BUser%5D%5Bpassword%5D",
            "password_confirmation",
            "passwordConfirm",
            "new-password",
            "newPassword2",
            "ctl00$Main$txtPassword",
            "login:password",
            "passwd",
            "pwd",
            "j_password",
            "DB_PASSWORD",
            "api_key",
            "X-Api-Key",
            "apiKey",
            "access_token",
            "refreshToken",
            "csrfmiddlewaretoken",
            "client_secret",
            "authorization",
            "proxy-authorization",
            "card_number",
            "card.cvv",
            "cvc",
            "credentials",
            "tokens[0]",
            "password.value",
            "x-amz-signature",
        ] {
            assert!(NameHints::of(name).any(NameHints::SECRET), "{name}");
        }
    }

    #[test]
    fn names_of_other_things_are_no_secrets() {
        for name in [
            "",
            "q",
            "name",
            "email",
            "comment",
            "token_type",
            "passenger",
            "compass",
            "passport_country",
            "secretary",
            "postcard_text",
            "path",
            "url",
            "key",
            "password_hint",
            "sessions_attended",
            "discard",
            "id",
            "[]",
            "0",
            "pinned",
            "tokenizer",
        ] {
            assert!(!NameHints::of(name).any(NameHints::SECRET), "{name}");
        }
    }

    #[test]
    fn names_hint_at_what_their_fields_are_for() {
        for (name, hint) in [
            ("description", NameHints::TEXT),
            ("ticket.comment", NameHints::TEXT),
            ("customer_note", NameHints::TEXT),
            ("code", NameHints::CODE),
            ("sourceCode", NameHints::CODE),
            ("dataset_query.native.query", NameHints::QUERY),
            ("rawSql", NameHints::QUERY),
            ("queries.expr", NameHints::QUERY),
            ("email_template", NameHints::TEMPLATE),
            ("redirect_uri", NameHints::CALLBACK),
            ("redirectUris", NameHints::CALLBACK),
            ("post_logout_redirect_uri", NameHints::CALLBACK),
            ("app.allowed_origins", NameHints::CALLBACK),
            ("data.object.success_url", NameHints::CALLBACK),
            ("continue", NameHints::CALLBACK),
            ("image_url", NameHints::URL),
            ("u", NameHints::URL),
            ("commits.added", NameHints::CHANGE),
            ("changes.new_path", NameHints::CHANGE),
            ("changes.new_path", NameHints::FILE),
            ("fileName", NameHints::FILE),
            ("body_html", NameHints::HTML),
            ("exception.stacktrace", NameHints::REPORT),
            ("http.url", NameHints::REPORT),
            ("csp-report.document-uri", NameHints::REPORT),
            ("spans.attributes.value.stringValue", NameHints::REPORT),
        ] {
            assert!(NameHints::of(name).any(hint), "{name}");
        }
        assert_eq!(NameHints::of("q"), NameHints::NONE);
        assert_eq!(NameHints::of("\u{e9}\u{e9}"), NameHints::NONE);
    }

    #[test]
    fn the_last_name_is_told_however_a_list_is_written() {
        let place = |name| Place {
            part: crate::places::Part::Query,
            name,
        };
        for name in [
            "email",
            "email[]",
            "email[0]",
            "email%5B%5D",
            "user[email][0]",
            "user.e-mail",
            "users[0].email.1",
            "Emails[]",
            "e%6Dail",
            "email2",
        ] {
            assert!(place(name).is_named(&["email"]), "{name}");
        }
        for name in ["", "[]", "0", "email.text", "emailed", "user_email"] {
            assert!(!place(name).is_named(&["email"]), "{name}");
        }
        assert!(place("user_email[]").is_named_like(&["email"]) && !place("email_text").is_named_like(&["email"]));
        assert_eq!(place("a.userId[0]").last_name(), "userId");
        assert_eq!(place("a%5Buser_id%5D").last_name(), "user_id");
        assert!(place("custom_js").is_named(&["customjs"]) && place("header_scripts").is_named(&["headerscript"]));
        for (name, hint) in [
            ("to%5Bpassword%5D%5B0%5D", NameHints::SECRET),
            ("p%61ssword", NameHints::SECRET),
            ("custom_js", NameHints::CODE),
        ] {
            assert!(NameHints::of(name).any(hint), "{name}");
        }
    }

    #[test]
    fn the_table_is_written_as_names_are_compared() {
        for name in NAMES.iter().flat_map(|names| names.whole.iter().chain(names.ends)) {
            let is_compact = name
                .chars()
                .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || !sign.is_ascii());
            assert!(is_compact, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_read_from_its_end_and_costs_no_allocation() {
        let long = format!("{}Password", "x".repeat(10_000));
        let allocations = allocation_counter::measure(|| assert!(NameHints::of(&long).any(NameHints::SECRET)));
        assert_eq!(allocations.count_total, 0, "{allocations:?}");
        assert_eq!(NameHints::of(&"\u{e9}".repeat(1000)), NameHints::NONE);
    }
}
