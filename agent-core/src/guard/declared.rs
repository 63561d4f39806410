//! Holds what a request carries against what the configuration declares: the forms of parameters, and the files that may be uploaded.

use buckler_waf::{
    detect::excerpt_at,
    places::{self, Field, Part, Place, Role},
};

use super::{
    inspect::{Search, Suspicion, shown},
    request::BodyView,
};
use crate::model::policy::Check;

impl Search<'_, '_> {
    /// Files of a kind or a size that nobody may upload here.
    pub(super) fn files(&mut self, content_type: &str, bytes: &[u8], body: BodyView<'_>) {
        if !self.goes_on || !self.case.rules.level(Check::Upload).is_on() {
            return;
        }
        /// Steps of a byte that is searched for delimiters once more.
        const A_BYTE: u64 = 1;
        if !self.case.fuel.spend(bytes.len() as u64 * A_BYTE) {
            return;
        }
        let is_all = body.is_whole && bytes.len() == body.bytes.len();
        let unseen = if is_all { 0 } else { self.unseen(bytes) };
        places::files(content_type, bytes, unseen, &mut |file| {
            let refused = self.case.rules.uploads().find_map(|uploads| uploads.refuse(file));
            refused.is_none_or(|rule| {
                let name = String::from_utf8_lossy(file.name);
                let place = Place {
                    part: Part::Body,
                    name: file.field,
                };
                self.declare(Check::Upload, (place, Role::FileName), rule, &name)
            })
        });
    }

    /// How much of the body follows, by its `Content-Length`. A body that does not say how long it is has the host's limits alone.
    fn unseen(&self, bytes: &[u8]) -> u64 {
        let mut length = 0;
        self.case
            .request
            .headers
            .for_each_value("content-length", &mut |value| {
                length = str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or_default();
            });
        u64::saturating_sub(length, bytes.len() as u64)
    }

    /// Whether a value has the form that its route declares, or is to be looked into all the same: what only logs ends no search.
    pub(super) fn fits(&mut self, field: &Field<'_>) -> bool {
        let rules = &self.case.rules;
        if !rules.declares_params() || !rules.level(Check::Format).is_on() {
            return true;
        }
        let misfit = rules.misfit(field, self.is_json);
        misfit.is_none_or(|form| {
            let at = (field.place, field.role);
            self.declare(Check::Format, at, form, &String::from_utf8_lossy(field.value))
        })
    }

    /// Shows what is not as the configuration declares it.
    fn declare(&mut self, check: Check, (place, role): (Place<'_>, Role), rule: &'static str, found: &str) -> bool {
        let policy = self.case.policy;
        self.goes_on = (self.report)(Suspicion {
            check,
            place: shown(&place, policy),
            rule: (check.name(), rule),
            score: 100,
            excerpt: excerpt_at(policy.secret_names(), &place, role, found, 0..0),
            value: found.into(),
        });
        self.goes_on
    }
}
