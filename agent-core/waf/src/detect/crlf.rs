//! Line breaks that end a header or a mail command (CWE-93, CWE-113; RFC 9112, section 5; RFC 5321;
//! RFC 3501).
//!
//! Texts have lines. What follows the break must be what a protocol obeys, and what stands in front
//! of it a single short line. A place is no redirect: `Location: Room 5` is a line of an
//! invitation.

use super::{
    BuildError, Detector, Family, Finding, Hits, Marks, Rule, RuleSet, Value,
    lexicon::Lexicon,
    rules::{always, short},
};
use crate::places::{NameHints, Part, Role};

pub(super) const RULES: &[Rule] = &[
    always(
        "header",
        r"^[^\n\r]*[\r\n]+\s*\d?(?:Set-Cookie\s*:|X-XSS-Protection\s*:\s*\d|Access-Control-[\w-]+\s*:)|^\W*[\r\n]+\s*(?:Content-?(?:Length|Type)|Transfer-Encoding)\s*:|\xE5\x98[\x8A\x8D]\s*(?:Set-Cookie|Location|Content-\w+)\s*:",
    ),
    always(
        "redirect",
        r"^[^\n\r]*[\r\n]+\s*\d?(?:Location\s*:\s*(?:[a-z][a-z0-9+.-]*:\S|[/\\.]|www\.)|Refresh\s*:\s*(?:\d|[a-z][a-z0-9+.-]*:\S|/|www\.))",
    ),
    short("response", r"^[^\n\r]*[\r\n]+\s*HTTP/\d(?:\.\d)?\s+\d{3}\b"),
    always(
        "mail",
        r"[\r\n]\s*(?:RCPT TO\s*:|MAIL FROM\s*:|(?:EHLO|HELO)\s+\S|VRFY\s\S|EXPN\s\S)|^[^\s]*(?:[ \t]+\S+){0,4}[ \t]*[\r\n]+\s*[a-z]\d{1,4}\s+(?:CAPABILITY|FETCH|SELECT|LOGIN|EXAMINE|LIST|LSUB|STATUS|APPEND|SEARCH|COPY|CREATE|DELETE|RENAME|NOOP|LOGOUT|QUIT|AUTHENTICATE)\b|^\s*[\r\n]\s*(?:APOP|TOP|UIDL|RETR|PASS|USER|STAT|QUIT|DATA|RSET)\b",
    ),
    // what a mail, a request, an answer or a cache obeys: in fields of one line
    always(
        "line",
        r"^[^\n\r]*[\r\n]+\s*(?:(?:b?cc|to|from|subject|reply-to|return-path|content-(?:type|length|transfer-encoding)|transfer-encoding|mime-version|x-[a-z-]+|host|connection|location|set-cookie)\s*:|(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH)\s+[/*]\S*\s+HTTP/|DATA\s*[\r\n]|QUIT\s*$|(?:SLAVEOF|REPLICAOF)\s+\S|FLUSH(?:ALL|DB)\b|CONFIG\s+SET\s|EVAL\s+\S|MODULE\s+LOAD\s|SET\s+\S+\s+\S)|^\S*\s+HTTP/\d\.\d[\r\n]+\s*[\w-]+:",
    ),
    always("break-script", r"^[\r\n]+\s*<script"),
];

/// Finds line breaks before what a protocol obeys.
pub(super) struct Crlf {
    rules: RuleSet,
    /// Those of them that say something in fields of one line alone.
    of_lines: Hits,
}

impl Crlf {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        let rules = RuleSet::with(RULES, lexicon)?;
        Ok(Self {
            of_lines: rules.named(&["line"]),
            rules,
        })
    }
}

impl Detector for Crlf {
    fn family(&self) -> Family {
        Family::Crlf
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(Marks::BREAK.and(Marks::COLON))
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        let is_line = |value: &Value<'_>| value.role == Role::Value && is_of_one_line(value);
        let value = &value.unless(&self.of_lines, is_line);
        let counts = |rule: &Rule| rule.name != "redirect" || !is_prose_of_a_body(value);
        self.rules.judge_by(value, counts)
    }
}

/// Whether a field takes one line, by its name: an address of a mail or of a page, a key, a name of
/// who acts.
fn is_of_one_line(value: &Value<'_>) -> bool {
    const NAMES: &[&str] = &[
        "to",
        "cc",
        "bcc",
        "from",
        "email",
        "mail",
        "recipient",
        "sender",
        "replyto",
        "subject",
        "host",
        "hostname",
        "domain",
        "key",
        "username",
        "login",
        "lang",
        "locale",
    ];
    const PROSE: NameHints = NameHints::TEXT
        .and(NameHints::HTML)
        .and(NameHints::CODE)
        .and(NameHints::TEMPLATE);
    let hints = value.place.hints();
    value.place.is_named(NAMES)
        || value.place.is_named_like(&["email"])
        || hints.any(NameHints::URL.and(NameHints::CALLBACK)) && !hints.any(PROSE)
}

/// Whether a value is prose of several lines by its place: an invitation may say at which URL one
/// meets. No header is made of it.
fn is_prose_of_a_body(value: &Value<'_>) -> bool {
    value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, find_as, find_in_query};
    use crate::places::Role;

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "crlf",
            &[
                "x\r\nSet-Cookie: a=b",
                "\r\nLocation: http://evil.example/",
                "%0d%0aSet-Cookie:crlf=injection",
                "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
                "\nRCPT TO: <a@example.com>",
                "\r\nV100 CAPABILITY\r\nV101 FETCH 4791",
            ],
        );
    }

    #[test]
    fn fields_of_one_line_hold_no_second() {
        for line in [
            "a@b.c\r\nBcc: v@evil.example",
            "a@b.c%0ACc:v@evil.example",
            "a@b.c\nTo: v@evil.example\nSubject: x",
            "x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
            "x\r\nTransfer-Encoding: chunked",
            "x\r\nX-Foo: bar",
            "x HTTP/1.1\r\nHost: evil.example",
            "x\r\nGET /admin HTTP/1.1",
            "x\r\nDATA\r\n.\r\nQUIT",
            "x\r\nSLAVEOF 1.1.1.1 6379",
            "\r\nFLUSHALL\r\n",
            "\r\nCONFIG SET dir /var/www\r\n",
            "x\r\nset k 0 0 1\r\na",
        ] {
            for name in [
                "email",
                "to",
                "redirect",
                "url",
                "user_email",
                "image_url",
                "subject",
                "to[]",
                "cc%5B%5D",
                "email[0]",
                "mail.to[0]",
                "recipients[]",
            ] {
                assert_eq!(find_in_query(name, line).unwrap().0, "crlf", "{name} {line}");
            }
            for name in ["email", "to[]", "email[0]"] {
                assert_eq!(find_as(Role::Value, name, line).unwrap().0, "crlf", "{name} {line}");
            }
        }
        let mail = "Fw: news\n\nFrom: Ann\nTo: Bob\nSubject: Hello\nCc: Carl\n\nset the table for 3";
        for name in ["message", "body", "description", "content", "notes"] {
            assert_eq!(find_as(Role::Value, name, mail), None, "{name}");
        }
        for (name, text) in [
            ("urls", "https://a.example/\nhttps://b.example/"),
            ("to", "a@example.com,\nb@example.com"),
            ("to[]", "a@example.com,\nb@example.com"),
            ("message[0]", mail),
            ("subject.text", mail),
            ("subject", "Re: to do\n"),
            ("email", "a@example.com\n"),
        ] {
            assert_eq!(find_as(Role::Value, name, text), None, "{name}");
        }
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            "line one\nline two",
            "Hello,\r\n\r\nthe location: room 5",
            "--boundary\nContent-Type: text/plain",
            "Subject: x\nplease list all",
            "user: anna\npass the salt",
            "Sommerfest\r\nLocation: Halle 3, Berlin\r\nBeginn: 18 Uhr",
            "Job offer\nLocation: Remote (EU)\nSalary: 60k",
            "Workshop\r\nRefresh: coffee and cake at 15:00",
            "Agenda\nLocation: tbd",
        ]);
        let invitation = "Team day\nLocation: https://meet.example.com/x";
        assert_eq!(find_as(Role::Value, "event.description", invitation), None);
        assert_eq!(find_as(Role::Value, "lang", invitation).unwrap().0, "crlf");
        assert_eq!(find_in_query("description", invitation).unwrap().0, "crlf");
        let split = "x\r\nSet-Cookie: a=b";
        assert_eq!(find_as(Role::Value, "description", split).unwrap().0, "crlf");
    }
}
