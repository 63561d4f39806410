//! What a finding comes to for its client: nothing, evidence, or a ban.

use std::{net::IpAddr, time::Duration};

use buckler_waf::detect::Compared;

use super::{
    Shared,
    checks::{Case, Finding},
    evidence::Against,
    explain::EvidenceCount,
    foreign::{is_foreign, may_navigate},
};
use crate::{
    model::policy::{Check, Level},
    protocol::v2::Evidence,
};

/// Where a client stands after a finding. By default the finding does not count.
#[derive(Default)]
pub(super) struct Standing {
    /// What speaks against it by now.
    pub(super) count: Option<EvidenceCount>,
    /// For how long it is to be banned; absent where it is not.
    pub(super) ban_for: Option<Duration>,
    /// Whether this must be reported, though the finding is one of many alike.
    pub(super) is_news: bool,
}

/// What bans alone: one value, of one.
const ALONE: Against = Against {
    values: 1,
    needed: 1,
    refused: 1,
};

impl Shared {
    /// Counts a finding against its client, and decides whether that is enough for a ban.
    pub(super) fn standing(&self, level: Level, check: Check, finding: &Finding<'_>, case: &Case<'_>) -> Standing {
        let Some(source) = case.countable().filter(|_| counts(level, check, case)) else {
            return Standing::default();
        };
        let is_foreign = is_foreign(case);
        // one click on a link to a decoy, in a mail or a forum, is not the reader's attack; three
        // different ones are
        let is_click = finding.evidence == Evidence::Certain && may_navigate(case);
        let bans_alone = finding.evidence != Evidence::Repeated && !is_foreign && !is_click;
        if bans_alone && finding.evidence == Evidence::Threshold {
            // of a count there is one value, and its requests are those that passed
            return self.ban(self.count(ALONE, false, source, case), source, case);
        }
        let family = finding.rule.map_or_else(|| check.name(), |(family, _)| family);
        let value = finding
            .value
            .split_at(finding.value.floor_char_boundary(Compared::LONGEST))
            .0;
        let Some(against) = self
            .evidence
            .add(source, (family, value), is_foreign, case.terms, case.now)
        else {
            return Standing::default();
        };
        if bans_alone {
            return self.ban(self.count(ALONE, false, source, case), source, case);
        }
        let count = self.count(against, is_foreign, source, case);
        if count.values >= count.needed && is_notable(&count, case.terms.share) {
            return self.ban(count, source, case);
        }
        Standing {
            count: Some(count),
            ..Standing::default()
        }
    }

    fn ban(&self, count: EvidenceCount, source: IpAddr, case: &Case<'_>) -> Standing {
        Standing {
            count: Some(count),
            ban_for: Some(case.policy.ban_length(self.history.bans(source, case.now))),
            is_news: count.is_foreign,
        }
    }

    fn count(&self, against: Against, is_foreign: bool, source: IpAddr, case: &Case<'_>) -> EvidenceCount {
        let Against {
            values,
            needed,
            refused,
        } = against;
        let requests = self.traffic.within(source, case.terms.window, case.now);
        EvidenceCount {
            values,
            needed,
            refused,
            // another client may have taken its slot meanwhile
            requests: requests.max(refused),
            is_foreign,
        }
    }
}

/// Whether findings of this check are evidence. An unknown path is the application's 404 and not an attack: it only is where one
/// finding is enough, as in pyrasp.
fn counts(level: Level, check: Check, case: &Case<'_>) -> bool {
    let is_evidence = check != Check::Path || case.terms.evidence == 1;
    level.bans() && is_evidence && !case.policy.blacklist_override()
}

/// Whether the refused requests are a notable share of all. In `f64` every count of 24 bits is exact.
fn is_notable(count: &EvidenceCount, share: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "counts have 24 bits")]
    let (refused, requests) = (count.refused as f64, count.requests as f64);
    refused >= share * requests
}
