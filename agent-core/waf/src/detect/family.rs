//! Families of attacks.

use std::fmt;

/// A family of attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// SQL injection (CWE-89).
    Sqli,
    /// Cross-site scripting (CWE-79).
    Xss,
    /// Injection of commands of a shell (CWE-78).
    Command,
    /// Path traversal and files that no application serves (CWE-22).
    Path,
    /// Server-side request forgery (CWE-918).
    Ssrf,
    /// Injection into templates (CWE-1336).
    Template,
    /// Code of the server's language, and serialised objects (CWE-94, CWE-502).
    Code,
    /// Operators of document databases (CWE-943).
    Nosql,
    /// LDAP filters (CWE-90).
    Ldap,
    /// Server-side includes (CWE-97).
    Ssi,
    /// External entities of XML (CWE-611).
    Xxe,
    /// Header and mail commands behind a line break (CWE-93, CWE-113).
    Crlf,
    /// Prototype pollution (CWE-1321).
    Prototype,
    /// Parameters more than once (CWE-235).
    Pollution,
    /// Dangerous uploads (CWE-434).
    Upload,
    /// Requests for what only attackers ask for (CWE-538, CWE-552).
    Probe,
    /// Prompt injection (OWASP LLM01).
    Prompt,
    /// Data that leaves (CWE-200).
    Leak,
    /// A detector of the host's own.
    Custom(&'static str),
}

impl Family {
    /// Each family; of the host's own, one that stands for all.
    pub const ALL: [Self; 19] = [
        Self::Sqli,
        Self::Xss,
        Self::Command,
        Self::Path,
        Self::Ssrf,
        Self::Template,
        Self::Code,
        Self::Nosql,
        Self::Ldap,
        Self::Ssi,
        Self::Xxe,
        Self::Crlf,
        Self::Prototype,
        Self::Pollution,
        Self::Upload,
        Self::Probe,
        Self::Prompt,
        Self::Leak,
        Self::Custom(""),
    ];

    /// Its place among all; the host's own have one together.
    pub(super) const fn index(self) -> u32 {
        match self {
            Self::Sqli => 0,
            Self::Xss => 1,
            Self::Command => 2,
            Self::Path => 3,
            Self::Ssrf => 4,
            Self::Template => 5,
            Self::Code => 6,
            Self::Nosql => 7,
            Self::Ldap => 8,
            Self::Ssi => 9,
            Self::Xxe => 10,
            Self::Crlf => 11,
            Self::Prototype => 12,
            Self::Pollution => 13,
            Self::Upload => 14,
            Self::Probe => 15,
            Self::Prompt => 16,
            Self::Leak => 17,
            Self::Custom(_) => 18,
        }
    }

    /// The name in events and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqli => "sqli",
            Self::Xss => "xss",
            Self::Command => "command",
            Self::Path => "traversal",
            Self::Ssrf => "ssrf",
            Self::Template => "template",
            Self::Code => "code",
            Self::Nosql => "nosql",
            Self::Ldap => "ldap",
            Self::Ssi => "ssi",
            Self::Xxe => "xxe",
            Self::Crlf => "crlf",
            Self::Prototype => "prototype",
            Self::Pollution => "hpp",
            Self::Upload => "upload",
            Self::Probe => "probe",
            Self::Prompt => "prompt",
            Self::Leak => "leak",
            Self::Custom(name) => name,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_a_place_of_its_own() {
        for (place, family) in (0..).zip(Family::ALL) {
            assert_eq!(family.index(), place, "{family:?}");
        }
    }
}
