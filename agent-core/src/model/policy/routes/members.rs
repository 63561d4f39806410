//! Objects and lists of a configuration, strictly: their members, and how many.

use serde_json::Value;

use crate::{
    model::policy::{
        error::Fault,
        value::{Parsed, list},
    },
    protocol::ConfigMap,
};

/// A list of at most so many items.
pub(in crate::model::policy) fn bounded<T>(
    value: &Value,
    most: usize,
    of: &str,
    item: impl Fn(&Value) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    match value.as_array() {
        Some(items) if items.len() > most => {
            let found = Value::from(format!("{} {of}", items.len()));
            Err(Fault::new(&found, format!("at most {most}")))
        }
        Some(_) | None => list(value, item),
    }
}

/// What must not be empty: nobody can tell whether it then means all or none.
pub(in crate::model::policy) fn some<T>(value: &Value, items: Vec<T>) -> Parsed<Vec<T>> {
    if items.is_empty() {
        Err(Fault::new(value, "a list of at least one"))
    } else {
        Ok(items)
    }
}

/// The members of an object; `null` is not given.
pub(in crate::model::policy) struct Members<'v>(&'v ConfigMap);

impl<'v> Members<'v> {
    /// An object with no other members than these.
    pub(in crate::model::policy) fn of(value: &'v Value, known: &[&str]) -> Parsed<Self> {
        let members = Self::named(value)?;
        match members.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, unknown)) => Err(Fault::new(unknown, format!("one of {}", known.join(", "))).in_member(name)),
            None => Ok(members),
        }
    }

    /// An object of any members.
    pub(in crate::model::policy) fn named(value: &'v Value) -> Parsed<Self> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| Fault::new(value, "an object of names and values"))
    }

    pub(in crate::model::policy) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::model::policy) fn get<T>(
        &self,
        name: &str,
        parse: impl Fn(&'v Value) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        let given = self.0.get(name).filter(|value| !value.is_null());
        given
            .map(|value| parse(value).map_err(|fault| fault.in_member(name)))
            .transpose()
    }

    pub(in crate::model::policy) fn each<T>(&self, parse: impl Fn(&'v str, &'v Value) -> Parsed<T>) -> Parsed<Vec<T>> {
        let given = self.0.iter().filter(|(_, value)| !value.is_null());
        given
            .map(|(name, value)| parse(name, value).map_err(|fault| fault.in_member(name)))
            .collect()
    }
}
