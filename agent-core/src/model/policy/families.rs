//! Which check of the configuration switches which of the engine's families.

use buckler_waf::detect::{Families, Family};

use super::Check;

/// The families of each check: asked for every request.
static BY_CHECK: [Families; Check::ALL.len()] = by_check();

const fn by_check() -> [Families; Check::ALL.len()] {
    let mut table = [Families::NONE; Check::ALL.len()];
    let mut index = 0;
    while index < Family::ALL.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within both tables")]
        {
            let family = Family::ALL[index];
            let place = &mut table[Check::of(family) as usize];
            *place = place.and(Families::only(family));
        }
        index += 1;
    }
    table
}

impl Check {
    /// Returns the check that switches a family. pyrasp knows no others: what makes the server do
    /// or read something that it should not goes with `command`.
    #[must_use]
    pub const fn of(family: Family) -> Self {
        match family {
            Family::Sqli => Self::Sqli,
            Family::Xss => Self::Xss,
            Family::Pollution => Self::Hpp,
            Family::Upload => Self::Upload,
            Family::Probe => Self::Decoy,
            Family::Prompt => Self::Prompt,
            Family::Leak => Self::Dlp,
            Family::Command
            | Family::Path
            | Family::Ssrf
            | Family::Template
            | Family::Code
            | Family::Nosql
            | Family::Ldap
            | Family::Ssi
            | Family::Xxe
            | Family::Crlf
            | Family::Prototype
            | Family::Custom(_) => Self::Command,
        }
    }

    /// Returns the families that this check switches.
    #[must_use]
    pub fn families(self) -> Families {
        BY_CHECK.get(self as usize).copied().unwrap_or(Families::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_switches_its_families_and_no_others() {
        assert_eq!(Check::of(Family::Sqli), Check::Sqli);
        assert_eq!(Check::of(Family::Ssrf), Check::Command);
        assert_eq!(Check::of(Family::Probe), Check::Decoy);
        for family in Family::ALL {
            for check in Check::ALL {
                let is_its_own = Check::of(family) == check;
                assert_eq!(check.families().has(family), is_its_own, "{check} {family}");
            }
        }
        assert_eq!(Check::Flood.families(), Families::NONE);
    }
}
