//! `${NAME}` in the texts of a settings file: the environment variable of this name, so that a secret need not stand in the file.

use config::{Value, ValueKind};

use super::{
    Problem,
    environment::Environment,
    value::{Table, VARIABLE},
};

impl Environment {
    /// Puts the variables into the texts of a settings file that name them, and says which are not set.
    pub(super) fn expand(&self, origin: &str, table: &mut Table, problems: &mut Vec<Problem>) {
        for (key, value) in sorted_mut(table) {
            self.expand_value(origin, key, value, problems);
        }
    }

    fn expand_value(&self, origin: &str, place: &str, value: &mut Value, problems: &mut Vec<Problem>) {
        if let ValueKind::Table(table) = &mut value.kind {
            for (key, inner) in sorted_mut(table) {
                self.expand_value(origin, &format!("{place}.{key}"), inner, problems);
            }
        } else if let ValueKind::Array(items) = &mut value.kind {
            for (index, item) in items.iter_mut().enumerate() {
                self.expand_value(origin, &format!("{place}[{index}]"), item, problems);
            }
        } else if let ValueKind::String(text) = &value.kind
            && text.contains("${")
        {
            *value = match self.expanded(text) {
                Ok(Expanded::Text(text)) => Value::new(Some(&origin.to_owned()), text),
                // as the variable would be read by itself: its text may stand for a number, a list, true or false
                Ok(Expanded::Variable(name, text)) => {
                    Value::new(Some(&format!("{VARIABLE}{name}, named in {origin}")), text)
                }
                Err(name) => {
                    let found = format!("${{{name}}}, and no environment variable {name} that is a text");
                    let allowed = format!("a variable that is set, or $${{{name}}} for the text itself");
                    problems.push(Problem::new(origin, place, found, allowed));
                    // one problem is enough
                    Value::new(Some(&origin.to_owned()), ValueKind::Nil)
                }
            };
        }
    }

    /// A text with its variables in place, or the name of the first that is not set.
    fn expanded(&self, text: &str) -> Result<Expanded, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let named = after.split_once('}').filter(|(name, _)| is_name(name));
            if let (Some(before), Some((name, after))) = (before.strip_suffix('$'), named) {
                expanded += &format!("{before}${{{name}}}");
                rest = after;
            } else if let Some((name, after)) = named {
                let said = self.all.get(name).and_then(|said| said.to_str());
                let said = said.ok_or_else(|| name.to_owned())?;
                if text.len() == name.len() + "${}".len() {
                    return Ok(Expanded::Variable(name.to_owned(), said.to_owned()));
                }
                expanded = expanded + before + said;
                rest = after;
            } else {
                expanded = expanded + before + "${";
                rest = after;
            }
        }
        Ok(Expanded::Text(expanded + rest))
    }
}

enum Expanded {
    Text(String),
    /// The whole text was one variable: its name and what it says.
    Variable(String, String),
}

/// Whether it can be a variable's name (POSIX, section 8.1): what else stands in braces is the text's own.
fn is_name(name: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_of_a_name) && !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty()
}

fn sorted_mut(table: &mut Table) -> Vec<(&String, &mut Value)> {
    let mut entries: Vec<_> = table.iter_mut().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}
