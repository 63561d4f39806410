//! The forms that a route declares for its parameters.

use std::borrow::Cow;

use buckler_waf::{
    normal::Spelling,
    places::{Field, Part, Role},
};

use super::form::{Form, plain};

/// Parameters by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Box<[(Box<str>, Form)]>);

/// What a parameter that is declared to be one value has instead: members of its own.
const STRUCTURE: &str = "structure";

impl FromIterator<(Box<str>, Form)> for Params {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Form)>>(named: I) -> Self {
        let mut params: Vec<_> = named.into_iter().collect();
        params.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self(params.into())
    }
}

impl Params {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form that a value lacks. An empty value is not asked for its form, nor what JSON writes without quotes: such a number or
    /// word carries nothing.
    pub(super) fn misfit(&self, field: &Field<'_>, is_json: bool) -> Option<&'static str> {
        let has_params = matches!(field.place.part, Part::Query | Part::Body);
        let is_entered = matches!(field.role, Role::Value | Role::Name);
        if self.is_empty() || !has_params || !is_entered {
            return None;
        }
        let is_value = field.role == Role::Value && !field.value.is_empty();
        let name = name(field);
        if let Some(form) = self.form(&name) {
            return (is_value && !form.fits(field.value, field.spelling)).then(|| form.name());
        }
        let (parameter, rest) = name.split_at(name.find(if is_json { '.' } else { '[' })?);
        let form = self.form(parameter)?;
        if !is_json && is_item(rest) {
            return (is_value && !form.fits(field.value, field.spelling)).then(|| form.name());
        }
        Some(STRUCTURE)
    }

    fn form(&self, name: &str) -> Option<&Form> {
        let at = self.0.binary_search_by(|(declared, _)| (**declared).cmp(name)).ok()?;
        self.0.get(at).map(|(_, form)| form)
    }
}

/// The field's name as an application is given it.
fn name<'f>(field: &Field<'f>) -> Cow<'f, str> {
    let name = field.place.name;
    match plain(name.as_bytes(), field.spelling) {
        Cow::Owned(decoded) if field.spelling == Spelling::Form => {
            Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
        }
        Cow::Owned(_) | Cow::Borrowed(_) => Cow::Borrowed(name),
    }
}

/// Whether this is how forms write an item of a list: `[]`, `[0]`.
fn is_item(suffix: &str) -> bool {
    let inside = suffix.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}
