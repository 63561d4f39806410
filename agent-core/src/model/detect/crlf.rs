//! Line breaks that end a header or a mail command (CWE-93, CWE-113; RFC 9112, section 5; RFC 5321; RFC 3501).
//!
//! Texts have lines. What follows the break must be what a protocol obeys, and what stands in front of it a single short line.

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always},
};

pub(super) const RULES: &[Rule] = &[
    always(
        "header",
        r"^[^\n\r]{0,200}[\r\n]+\s*\d?(?:Set-Cookie|Location|Refresh|X-XSS-Protection|Access-Control-[\w-]+|HTTP/\d)\s*[:/]|^\W*[\r\n]+\s*(?:Content-?(?:Length|Type)|Transfer-Encoding)\s*:|\xE5\x98[\x8A\x8D]\s*(?:Set-Cookie|Location|Content-\w+)\s*:",
    ),
    always(
        "mail",
        r"[\r\n]\s*(?:RCPT TO\s*:|MAIL FROM\s*:|(?:EHLO|HELO)\s+\S|VRFY\s\S|EXPN\s\S)|^[^\n\r]{0,80}[\r\n]+\s*[a-z]\d{1,4}\s+(?:CAPABILITY|FETCH|SELECT|LOGIN|EXAMINE|LIST|LSUB|STATUS|APPEND|SEARCH|COPY|CREATE|DELETE|RENAME|NOOP|LOGOUT|QUIT|AUTHENTICATE)\b|^\s*[\r\n]\s*(?:APOP|TOP|UIDL|RETR|PASS|USER|STAT|QUIT|DATA|RSET)\b",
    ),
    always("break-script", r"^[\r\n]+\s*<script"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(Family::Crlf, Marks::BREAK.and(Marks::COLON), ENTERED, RULES, lexicon)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

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
    fn look_alikes_pass() {
        assert_passes(&[
            "line one\nline two",
            "Hello,\r\n\r\nthe location: room 5",
            "--boundary\nContent-Type: text/plain",
            "Subject: x\nplease list all",
            "user: anna\npass the salt",
        ]);
    }
}
