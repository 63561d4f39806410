//! Names that say that their value is a secret: such values are judged, and never shown.
//!
//! A name is read as the words it is made of (`user[newPassword]`, `X-Api-Key`, `card.number`), so that one table serves parameters,
//! members of documents at any depth, cookies, headers, segments of paths, and what stands in texts as `name=value`.

use std::{borrow::Cow, fmt};

use super::{NameHints, Part, Place, Role};
use crate::normal::{Spelling, normalise};

/// Names of secrets, in lower case and without what joins their words: `apikey` is also `api_key`, `ApiKey` and `x-api-key`.
///
/// From OWASP's logging cheat sheet ("Data to exclude"), PCI DSS 4 (requirement 3.3), the default lists of Sentry's and Rails'
/// filters, and the same words in the languages that forms are often written in.
#[rustfmt::skip]
const NAMES: [&str; 93] = [
    "accesscode", "accesskey", "accountnumber", "apikey", "appkey", "assertion", "auth",
    "authcode", "authentication", "authkey", "authorisation", "authorization", "backupcode",
    "bearer", "card", "cardnumber", "ccnumber", "clave", "consumerkey", "contrasena",
    "contraseña", "cookie", "cred", "credential", "creditcard", "csc", "csrf", "cvc", "cvn",
    "cvv", "encryptionkey", "haslo", "hasło", "heslo", "iban", "jwt", "kennwort", "licensekey",
    "masterkey", "mdp", "mfa", "mfacode", "motdepasse", "nonce", "otp", "pan", "parola", "parole",
    "pass", "passcode", "passkey", "passphrase", "passw", "passwd", "password", "passwort", "pin", "pincode",
    "privatekey", "psw", "pswd", "pw", "pwd", "pword", "recoverycode", "resetcode", "saml", "salasana", "secret",
    "securityanswer", "securitycode", "senha", "sess", "sessid", "session", "sessionid",
    "sessionkey", "sid", "sig", "signature", "signingkey", "socialsecurity", "sshkey", "ssn",
    "ticket", "token", "totp", "verificationcode", "wachtwoord", "xsrf", "пароль", "密码", "パスワード",
];

/// Names that also end a word which nothing divides: `userpassword`, `phpsessid`, `authtoken`.
const ENDINGS: [&str; 17] = [
    "apikey",
    "cardnumber",
    "creditcard",
    "pass",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pswd",
    "pwd",
    "pword",
    "secret",
    "sessid",
    "sessionid",
    "token",
];

/// Words that end like a password's name and are none.
const WORDS_IN_PASS: [&str; 7] = [
    "bypass",
    "compass",
    "encompass",
    "overpass",
    "surpass",
    "trespass",
    "underpass",
];

/// The most names in one text that are compared with the table, at a microsecond each: of what has more, no more is shown. A long one
/// counts for as many as it could be made of.
const MOST_RUNS: usize = 512;
const BYTES_OF_A_RUN: usize = 16;

/// The most words of one name that are compared with the table: paths of documents have fewer. What
/// stands behind them is not shown.
const MOST_WORDS: usize = 48;

/// The most segments of a path that are compared with the table, and how much of it that is in
/// bytes: paths of pages have fewer. What stands behind them is not shown.
const MOST_SEGMENTS: usize = 32;
const MOST_OF_PATH: usize = 1024;

/// What stands for what is not shown.
pub(crate) const MASK: &str = "***";

/// The names whose values are never shown: the table's, and those that a configuration adds (`SENSITIVE_NAMES`).
///
/// ```
/// use buckler_waf::places::{Part, Place, Role, SecretNames};
/// let names = SecretNames::standard();
/// let hides = |name| names.hides(&Place { part: Part::Body, name }, Role::Value);
/// assert!(hides("user[newPassword]") && hides("credentials.old.value") && hides("X-Api-Key"));
/// assert!(!hides("monkey") && !hides("comment"));
/// assert_eq!(names.shown_path("/reset-password/hunter2"), "/reset-password/***");
/// assert_eq!(names.shown_text("/?page=2&token=hunter2"), Some("/?page=2&token=***".into()));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretNames {
    own: Vec<Box<str>>,
}

/// The names of the table alone.
pub(crate) static STANDARD: SecretNames = SecretNames { own: Vec::new() };

impl SecretNames {
    /// The names of the table, in lower case and without signs.
    pub const KNOWN: &'static [&'static str] = &NAMES;

    /// The names of the table alone.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// The table's names and these, which are compared as the table's are. Those without a letter or digit are none.
    pub fn with<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let own = names.into_iter().map(squashed).filter(|name| !name.is_empty());
        Self {
            own: own.map(Into::into).collect(),
        }
    }

    /// Whether a name says that its value is a secret: what detectors take for one ([`NameHints::SECRET`]), and what this table adds, which
    /// may be wider, for a value that is not shown is judged all the same.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.first_secret(name).is_some() || NameHints::of(name).any(NameHints::SECRET)
    }

    /// Whether what stood at a place is not shown. All cookies are secrets: one of them is the session.
    #[must_use]
    pub fn hides(&self, place: &Place<'_>, role: Role) -> bool {
        match role {
            Role::Name => matches!(self.shown_name(place.name), Cow::Owned(_)),
            Role::Value | Role::FileName | Role::FileHead | Role::Document => {
                place.part == Part::Cookie || self.is_secret(&plain(place.name))
            }
        }
    }

    /// The name of a place as it may be shown: up to the first part of it that names a secret, for what follows may be the secret, or that
    /// looks like one.
    #[must_use]
    pub fn shown_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let plain = plain(name);
        let secret = self.first_secret(&plain).map(|end| split_word(&plain, end));
        // an index says nothing, and neither does the end of a bracket
        let says_nothing = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || b"[].".contains(&byte));
        let by_name = secret.filter(|(_, rest)| !says_nothing(rest)).map(|(shown, _)| shown);
        match (by_name, token_in(&plain)) {
            (Some(shown), token) if token.is_none_or(|token| shown.len() < token) => {
                Cow::Owned(format!("{shown}.{MASK}"))
            }
            (_, Some(token)) => Cow::Owned(format!("{}{MASK}", plain.get(..token).unwrap_or_default())),
            (_, None) => Cow::Borrowed(name),
        }
    }

    /// A path as it may be shown: up to the first segment that names a secret.
    #[must_use]
    pub fn shown_path<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let mut at = 0;
        for (index, segment) in path.split('/').enumerate() {
            if index >= MOST_SEGMENTS || at + segment.len() > MOST_OF_PATH {
                let shown = path.floor_char_boundary(at.min(MOST_OF_PATH));
                return Cow::Owned(format!("{}{MASK}", path.get(..shown).unwrap_or_default()));
            }
            at += segment.len() + 1;
            let has_more = path.get(at..).is_some_and(|rest| !rest.is_empty());
            if has_more && self.is_secret(&plain(segment)) {
                return Cow::Owned(format!("{}{MASK}", path.get(..at).unwrap_or_default()));
            }
        }
        self.shown_text(path).map_or(Cow::Borrowed(path), Cow::Owned)
    }

    /// A text as it may be shown: up to the first value in it that a secret's name stands before (`?token=…`, `"password": …`,
    /// `Bearer …`, `//user:…@`). `None` where there is none.
    #[must_use]
    pub fn shown_text(&self, text: &str) -> Option<String> {
        let end = self.first_value(text)?;
        Some(format!("{}{MASK}", text.get(..end).unwrap_or_default()))
    }

    /// Whether a document holds the name of a secret anywhere: in a markup language its value may stand in another element than its
    /// name, so that nothing of such a document is shown.
    #[must_use]
    pub fn named_in(&self, document: &[u8]) -> bool {
        let text = String::from_utf8_lossy(document);
        let mut compared = 0;
        Runs::of(&text).any(|run| {
            compared += run.weight();
            compared > MOST_RUNS || self.is_secret(run.text)
        })
    }

    /// Whether a JSON document names a secret in a value: `{"name": "password", "value": …}`.
    #[must_use]
    pub fn named_in_value(&self, document: &[u8]) -> bool {
        let text = String::from_utf8_lossy(document);
        let mut compared = 0;
        let mut is_value = |run: Run<'_>| {
            compared += run.weight();
            let after = text.get(run.end..).unwrap_or_default();
            let is_whole = text.get(..run.start).is_some_and(|before| before.ends_with('"')) && after.starts_with('"');
            let is_key = || {
                after
                    .get(1..)
                    .is_some_and(|after| after.trim_ascii_start().starts_with(':'))
            };
            compared > MOST_RUNS || (is_whole && !is_key() && self.is_secret(run.text))
        };
        Runs::of(&text).any(&mut is_value)
    }

    /// Where the first word, or words together, end that name a secret.
    fn first_secret(&self, name: &str) -> Option<usize> {
        let words: Vec<Word<'_>> = Words { name, at: 0 }.take(MOST_WORDS + 1).collect();
        let found = (0..words.len()).find_map(|from| self.spelled_by(words.get(from..)?));
        found.or_else(|| words.get(MOST_WORDS).map(|word| word.end))
    }

    /// Where a secret's name ends that the first of these words begin.
    fn spelled_by(&self, words: &[Word<'_>]) -> Option<usize> {
        let first = words.first()?;
        let begins = first.text.chars().flat_map(char::to_lowercase).next();
        let known = NAMES.into_iter().chain(self.own.iter().map(|own| &**own));
        let known = known.filter(|name| name.chars().next() == begins);
        let whole = known.filter_map(|name| spelled(words, name)).min();
        let is_word = || WORDS_IN_PASS.iter().any(|word| ends_with(first.text, word));
        let is_ending = || ENDINGS.iter().any(|ending| ends_with(first.text, ending)) && !is_word();
        whole.or_else(|| is_ending().then_some(first.end))
    }

    /// Where the first value begins that a secret's name, or what is written before secrets, stands before.
    fn first_value(&self, text: &str) -> Option<usize> {
        let by_name = self.first_named_value(text);
        let by_scheme = position(text, "bearer ").map(|at| at + "bearer ".len());
        [by_name, by_scheme, password_of_url(text)].into_iter().flatten().min()
    }

    fn first_named_value(&self, text: &str) -> Option<usize> {
        let mut before: Option<Run<'_>> = None;
        let mut compared = 0;
        for run in Runs::of(text) {
            if compared >= MOST_RUNS {
                return Some(run.start);
            }
            // `api key: …`
            let joined = before.filter(|before| text.get(before.end..run.start) == Some(" "));
            let start = joined.map_or(run.start, |joined| joined.start);
            let name = text.get(start..run.end).unwrap_or_default();
            if let Some(value) = value_after(text, run) {
                compared += run.weight();
                if self.is_secret(name) {
                    return Some(value);
                }
            }
            before = Some(run);
        }
        None
    }
}

/// The number of names that were added: they may be another tenant's words.
impl fmt::Debug for SecretNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretNames").field("own", &self.own.len()).finish()
    }
}

/// A name without percent codes and the like.
fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'&')) {
        Cow::Owned(normalise(name.as_bytes(), Spelling::Literal, false).text.into_owned())
    } else {
        Cow::Borrowed(name)
    }
}

/// A name's letters and digits in lower case.
fn squashed(name: &str) -> String {
    let letters = name.chars().filter(|char| char.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Where the words end that spell the target together, or its plural, from the first on.
fn spelled(words: &[Word<'_>], target: &str) -> Option<usize> {
    let mut rest = target;
    for Word { text, end } in words {
        match strip(rest, text) {
            Some("") => return Some(*end),
            Some(left) => rest = left,
            None => {
                let singular = text.strip_suffix(['s', 'S'])?;
                return (strip(rest, singular) == Some("")).then_some(*end);
            }
        }
    }
    None
}

/// What is left of a text in lower case behind a word in any case.
fn strip<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut rest = text;
    for char in word.chars().flat_map(char::to_lowercase) {
        rest = rest.strip_prefix(char)?;
    }
    (!word.is_empty()).then_some(rest)
}

/// Whether a word ends with an ASCII ending, in any case, in the singular or plural.
fn ends_with(word: &str, ending: &str) -> bool {
    let word = word
        .strip_suffix(['s', 'S'])
        .filter(|_| !ending.ends_with('s'))
        .unwrap_or(word);
    let start = word.len().checked_sub(ending.len());
    start
        .and_then(|start| word.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// The words of a name: runs of letters, and of digits, a new one where a capital follows a small letter or precedes one (`APIKey`).
struct Words<'n> {
    name: &'n str,
    at: usize,
}

/// A word, and where it ends in the name.
#[derive(Clone, Copy)]
struct Word<'n> {
    text: &'n str,
    end: usize,
}

impl<'n> Iterator for Words<'n> {
    type Item = Word<'n>;

    fn next(&mut self) -> Option<Word<'n>> {
        let rest = self.name.get(self.at..)?;
        let start = self.at + rest.find(char::is_alphanumeric)?;
        let rest = self.name.get(start..)?;
        let mut chars = rest.char_indices().peekable();
        let (_, mut before) = chars.next()?;
        let mut end = rest.len();
        while let Some((at, char)) = chars.next() {
            let follows_small = before.is_lowercase() && char.is_uppercase();
            let precedes_small = before.is_uppercase()
                && char.is_uppercase()
                && chars.peek().is_some_and(|(_, next)| next.is_lowercase());
            let is_other = before.is_numeric() != char.is_numeric();
            if !char.is_alphanumeric() || follows_small || precedes_small || is_other {
                end = at;
                break;
            }
            before = char;
        }
        self.at = start + end;
        Some(Word {
            text: rest.get(..end)?,
            end: self.at,
        })
    }
}

/// A name up to the end of the word at `end` and what is joined to it, and what follows.
fn split_word(name: &str, end: usize) -> (&str, &str) {
    let rest = name.get(end..).unwrap_or_default();
    let is_joint = |char: char| !(char.is_alphanumeric() || matches!(char, '_' | '-'));
    let length = rest.find(is_joint).unwrap_or(rest.len());
    name.split_at(end + length)
}

/// Where a part of a name begins that is rather a token than a name: long, without anything that divides words, with several digits.
fn token_in(name: &str) -> Option<usize> {
    /// Letters and digits: longer than words, as long as 128 bits in Base64.
    const LONG: usize = 22;
    /// Digits that a name does not have.
    const DIGITS: usize = 3;
    let is_part = |char: char| char.is_ascii_alphanumeric();
    let mut from = 0;
    while let Some(at) = name.get(from..)?.find(is_part) {
        let start = from + at;
        let rest = name.get(start..)?;
        let part = rest.get(..rest.find(|char| !is_part(char)).unwrap_or(rest.len()))?;
        if part.len() >= LONG && part.bytes().filter(u8::is_ascii_digit).count() >= DIGITS {
            return Some(start);
        }
        from = start + part.len();
    }
    None
}

/// A run of what names are made of.
#[derive(Clone, Copy)]
struct Run<'t> {
    text: &'t str,
    start: usize,
    end: usize,
}

impl Run<'_> {
    /// As how many names it counts.
    const fn weight(self) -> usize {
        1 + self.text.len() / BYTES_OF_A_RUN
    }
}

/// The runs of a text.
struct Runs<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Runs<'t> {
    const fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'t> Iterator for Runs<'t> {
    type Item = Run<'t>;

    fn next(&mut self) -> Option<Run<'t>> {
        let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.');
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.find(is_part)?;
        let rest = self.text.get(start..)?;
        let text = rest.get(..rest.find(|char| !is_part(char)).unwrap_or(rest.len()))?;
        self.at = start + text.len();
        Some(Run {
            text,
            start,
            end: self.at,
        })
    }
}

/// Where a value begins behind a run that could be its name: `name=`, `"name": `, `name[0]=`, `<name>`, `name is `, `--name `.
fn value_after(text: &str, run: Run<'_>) -> Option<usize> {
    let after = text.get(run.end..)?;
    let skipped = behind_name(after);
    let value = text.len() - skipped.len();
    let is_option = run.text.starts_with("--");
    let is_quoted = || after.starts_with(['"', '\'']) && skipped.starts_with(',');
    let is_blank = || after.starts_with([' ', '\t']);
    if skipped.starts_with(['=', ':', '>']) || is_quoted() {
        Some(value + 1)
    } else if is_blank() && skipped.starts_with("is ") {
        Some(value + "is ".len())
    } else if is_blank() && is_option {
        Some(value)
    } else {
        None
    }
}

/// What follows a name without what may stand between it and its value: quotes, brackets with what they hold, blanks.
fn behind_name(after: &str) -> &str {
    /// The longest key in brackets, in bytes.
    const LONGEST: usize = 64;
    let mut rest = after;
    loop {
        rest = rest.trim_start_matches(['"', '\'', '`', ']', ')', '}', '\\', ' ', '\t']);
        let inner = rest.strip_prefix('[');
        // no further than that: each of many names is followed
        let end = |inner: &str| inner.bytes().take(LONGEST + 1).position(|byte| byte == b']');
        match inner.and_then(|inner| Some((inner, end(inner)?))) {
            Some((inner, end)) => rest = inner.get(end + 1..).unwrap_or_default(),
            None => return rest,
        }
    }
}

/// Where an ASCII word stands in a text, in any case.
fn position(text: &str, word: &str) -> Option<usize> {
    let mut all = text.as_bytes().windows(word.len());
    all.position(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
}

/// Where the password begins in a URL that names one: `https://user:…@host`.
fn password_of_url(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find("://") {
        let start = from + at + "://".len();
        let authority = text.get(start..)?;
        let end = authority.find(|char: char| matches!(char, '/' | '?' | '#') || char.is_whitespace());
        let authority = authority.get(..end.unwrap_or(authority.len()))?;
        if let (Some(colon), Some(at)) = (authority.find(':'), authority.rfind('@'))
            && colon < at
        {
            return Some(start + colon + 1);
        }
        from = start;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret(name: &str) -> bool {
        STANDARD.hides(&Place { part: Part::Body, name }, Role::Value)
    }

    #[test]
    fn a_name_is_read_by_its_words() {
        for name in [
            "password",
            "PASSWORD",
            "newPassword",
            "new_password",
            "user[password]",
            "user%5Bpassword%5D",
            "user.password.old",
            "password2",
            "passwords",
            "userpassword",
            "X-Api-Key",
            "apiKey",
            "APIKey",
            "api.key",
            "apikey",
            "card[number]",
            "cardNumber",
            "cc-number",
            "cvv2",
            "PHPSESSID",
            "JSESSIONID",
            "authenticity_token",
            "OAuthToken",
            "clientSecret",
            "Proxy-Authorization",
            "пароль",
            "contraseña",
            "access_key_id",
            "j_password",
            "pwd",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "",
            "q",
            "comment",
            "description",
            "monkey",
            "keyboard",
            "author",
            "discard",
            "spinning",
            "compass",
            "passenger",
            "secretary",
            "tokenizer",
            "pinned",
            "panel",
            "assessment",
            "api",
            "key",
            "number",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn of_a_name_of_many_words_the_end_is_not_shown() {
        let names = SecretNames::standard();
        let usual = vec!["item"; MOST_WORDS].join(".");
        assert_eq!(names.shown_name(&usual), usual);
        let long = vec!["item"; 20_000].join(".");
        let shown = names.shown_name(&long);
        assert!(shown.ends_with(MASK) && shown.len() < 300, "{}", shown.len());
    }

    #[test]
    fn a_configuration_adds_names_of_its_own() {
        let names = SecretNames::with(["kunden-nummer", "PESEL", "--"]);
        let is_secret = |name: &str| names.is_secret(name);
        assert!(
            is_secret("kundenNummer")
                && is_secret("client.kunden_nummer")
                && is_secret("pesel")
                && is_secret("password")
        );
        assert!(!is_secret("nummer") && !is_secret("kunden") && !is_secret(""));
        assert_eq!(format!("{names:?}"), "SecretNames { own: 2 }");
    }

    #[test]
    fn cookies_are_hidden_whatever_their_name() {
        let cookie = |name, role| {
            STANDARD.hides(
                &Place {
                    part: Part::Cookie,
                    name,
                },
                role,
            )
        };
        assert!(cookie("theme", Role::Value) && cookie("", Role::Value) && !cookie("theme", Role::Name));
    }

    #[test]
    fn what_follows_a_secrets_name_is_masked_in_names() {
        for (name, shown) in [
            ("password", "password"),
            ("user[password]", "user[password]"),
            ("passwords[0]", "passwords[0]"),
            ("passwords.hunter2", "passwords.***"),
            ("passwords.hunter2.x", "passwords.***"),
            ("password%5Bhunter2%5D", "password.***"),
            ("password_new", "password_new"),
            ("{\"password\":\"hunter2' or 1", "{\"password.***"),
            ("items.name", "items.name"),
            ("verify.abcdef0123456789abcdef01", "verify.***"),
            (
                "shipping_address_2.street_name_line1",
                "shipping_address_2.street_name_line1",
            ),
        ] {
            assert_eq!(STANDARD.shown_name(name), shown, "{name}");
        }
        let name = |name| STANDARD.hides(&Place { part: Part::Body, name }, Role::Name);
        assert!(name("passwords.hunter2") && !name("password") && !name("user[password]"));
    }

    #[test]
    fn what_follows_a_secrets_name_is_masked_in_texts() {
        for (text, shown) in [
            (
                "https://a.example/?x=1&token=hunter2&y=2",
                "https://a.example/?x=1&token=***",
            ),
            (
                "{\"user\": {\"password\" : \"hunter2\"}}",
                "{\"user\": {\"password\" :***",
            ),
            ("[[\"password\",\"hunter2\"]]", "[[\"password\",***"),
            ("a[password][]=hunter2", "a[password][]=***"),
            ("passwords[0][new]=hunter2", "passwords[0][new]=***"),
            ("<login><password>hunter2</password>", "<login><password>***"),
            ("my password is hunter2", "my password is ***"),
            ("mysql --password hunter2", "mysql --password ***"),
            ("the API key: hunter2", "the API key:***"),
            ("curl -H 'authorization: Bearer hunter2'", "curl -H 'authorization:***"),
            ("x Bearer hunter2", "x Bearer ***"),
            ("ftp://bob:hunter2@files.example/", "ftp://bob:***"),
            ("/a;jsessionid=hunter2", "/a;jsessionid=***"),
        ] {
            assert_eq!(STANDARD.shown_text(text).as_deref(), Some(shown), "{text}");
        }
        for text in [
            "' union select password from users -- ",
            "select * from cards where id = 1",
            "https://a.example:8080/x@y",
            "",
            "key=value",
        ] {
            assert_eq!(STANDARD.shown_text(text), None, "{text}");
        }
    }

    #[test]
    fn what_follows_a_secrets_name_is_masked_in_paths() {
        for (path, shown) in [
            ("/reset/token/hunter2", "/reset/token/***"),
            ("/reset%2Dpassword/hunter2/x", "/reset%2Dpassword/***"),
            ("/user/password", "/user/password"),
            ("/user/password/", "/user/password/"),
            ("/items/7", "/items/7"),
        ] {
            assert_eq!(STANDARD.shown_path(path), shown, "{path}");
        }
    }

    #[test]
    fn documents_that_name_a_secret_are_told() {
        assert!(STANDARD.named_in(b"<field name='password' value='hunter2'/>") && !STANDARD.named_in(b"<a>text</a>"));
        assert!(STANDARD.named_in_value(br#"[{"name": "password", "value": "hunter2"}]"#));
        assert!(!STANDARD.named_in_value(br#"{"password": "hunter2", "a": "b"}"#));
        assert!(
            STANDARD.named_in("a ".repeat(MOST_RUNS + 1).as_bytes()),
            "too many to look at"
        );
    }
}
