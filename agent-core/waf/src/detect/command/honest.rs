//! What looks like a command of a shell and is none: lists, quoted code, passwords, settings. Only
//! asked where a rule matches.

use std::borrow::Cow;

use super::tables::{is_list, is_table};
use crate::{
    detect::{Rule, Value, sentence},
    places::{NameHints, Part, Role},
};

/// Whether a rule that matches says nothing here, by what is known of the value.
pub(super) fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    match rule.name {
        "separator-word" | "separator-command" | "plain-command" if is_list(value) => true,
        "address-and-more" => is_list(value),
        "separator-argument" | "separator-host" | "separator-quoted" | "separator-tool" | "plain-tool" | "write"
            if is_pipeline(value) || is_about_a_shell(value) =>
        {
            true
        }
        "separator-word" | "separator-command" if is_pipeline(value) || is_about_a_shell(value) => true,
        "plain-command" | "plain-tool" | "separator-tool" | "separator-host" if is_title(value) => true,
        "loop" | "branch" if goes_on_in_words(value) => true,
        // a report says what was run
        "system" | "start-argument" | "folder" | "wrapper"
            if value.place.part == Part::Body && (value.context.is_report() || value.context.is_store_of_errors()) =>
        {
            true
        }
        "start-argument" if is_said(value) => true,
        "separator-host" | "separator-argument" if is_table(value) => true,
        "separator-command" if is_a_plain_password(value) => true,
        "separator-word" => value.is_password(),
        "piped-to-shell" | "redirect" if is_about_a_shell(value) => true,
        "glob" | "expansion" | "variables" | "here-string" | "redirect" | "computed-word" | "brace"
        | "piped-to-shell" => value.is_password() && !names_a_shells_own(value.text),
        // whose cells they are may send what they hold
        "formula-sent" => {
            value.place.part == Part::Body
                && (value.place.hints().any(NameHints::QUERY) || value.place.is_named(&["cell"]))
        }
        // build tools, loggers and compose files fill them in; what a logger obeys without being
        // asked is `jndi`
        "lookup-probe" => value.place.part == Part::Body && value.role == Role::Value,
        "start-argument" | "folder" => is_scheduled(value) || is_program_of_settings(value),
        "separator-argument" | "separator-tool" | "separator-quoted" => is_build(value),
        "substitution" => is_about_a_shell(value) && substitutes_plainly(value.text),
        _ => false,
    }
}

/// Words that titles and searches about tools are made of, and commands are not.
#[rustfmt::skip]
const OF_TITLES: &[&str] = &[
    "a", "an", "the", "and", "or", "vs", "versus", "for", "in", "of", "on", "to", "with", "without", "from", "by", "how", "what", "why", "when", "which", "is", "are", "my", "your",
    "explained", "tutorial", "tutorials", "guide", "basics", "basic", "beginner", "beginners", "advanced", "command", "commands", "manual", "example", "examples", "cheat", "sheet",
    "cheatsheet", "course", "book", "books", "tips", "tricks", "intro", "introduction", "difference", "differences", "primer", "reference", "scripting", "scripts", "lesson", "lessons",
    "learn", "learning", "training", "explanation", "options", "syntax", "usage", "meaning", "alternatives", "alternative", "help", "questions", "exam", "workshop", "handbook",
];

/// Whether a value is a title or a search that names tools: `Grep & awk for beginners`. Words of
/// letters around one separator that has blanks as prose has them, and behind it a word that is no
/// argument. What it could run is a tool without a path, an option or a sign.
fn is_title(value: &Value<'_>) -> bool {
    let text = value.text.trim();
    if is_named(value, OF_ADDRESSES) {
        return false;
    }
    let separators = [" & ", "; ", " | "];
    let Some((before, after)) = separators.iter().find_map(|separator| text.split_once(separator)) else {
        return false;
    };
    let words = |part: &'_ str| {
        let is_of_words = |sign: char| sign.is_alphabetic() || matches!(sign, ' ' | ',' | ':' | '+' | '?' | '!');
        part.chars().all(is_of_words)
    };
    let mut behind = after
        .split_whitespace()
        .map(|word| word.trim_matches([',', ':', '?', '!']));
    // what acts on what it is given acts on any word but those of titles
    let is_title_word = |word: &str| OF_TITLES.iter().any(|known| word.eq_ignore_ascii_case(known));
    let mut first = behind.clone().take(2);
    let is_acting = first.next().is_some_and(|word| {
        // `useradd`, `groupmod`
        let account = word.strip_prefix("user").or_else(|| word.strip_prefix("group"));
        account.is_some_and(|act| ["add", "del", "mod"].contains(&act))
            || ACTING.iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    let acts = is_acting && first.next().is_some_and(|word| !is_title_word(word));
    words(before)
        && words(after)
        && !acts
        && before
            .split_whitespace()
            .any(|word| word.chars().count() >= FEWEST_LETTERS)
        && behind.any(is_title_word)
}

/// Tools that do harm with one word behind them.
#[rustfmt::skip]
const ACTING: &[&str] = &[
    "killall", "pkill", "adduser", "deluser", "chpasswd", "mkdir", "rmdir", "unlink", "shred", "sudo", "doas", "systemctl", "umount",
    "chroot", "nohup", "curl", "wget", "swapoff", "rmmod", "modprobe", "ifdown",
];

/// The fewest letters of a word that says that words stand before a separator.
const FEWEST_LETTERS: usize = 3;

/// Commands that are no names of columns.
pub(super) const UNMISTAKABLE: &[&str] = &[
    "whoami",
    "uname",
    "ifconfig",
    "ipconfig",
    "netstat",
    "wget",
    "curl",
    "nslookup",
    "printenv",
    "tasklist",
    "systeminfo",
    "powershell",
    "ls",
    "lsof",
    "reboot",
    "poweroff",
    "halt",
    "shutdown",
    "killall",
    "pkill",
    "dmesg",
    "lsblk",
    "lscpu",
    "lsusb",
    "lsmod",
    "sudo",
    "visudo",
    "crontab",
    "tcpdump",
    "nmap",
    "netcat",
    "iptables",
    "sysctl",
    "mysqldump",
    "pg_dump",
    "sestatus",
    "getenforce",
];

/// Names of fields that take an address for a diagnosis, or the parameter of a command.
pub(super) const OF_ADDRESSES: &[&str] = &[
    "ip",
    "ipaddr",
    "ipaddress",
    "ip_address",
    "host",
    "hostname",
    "host_name",
    "target",
    "domain",
    "ping",
    "cmd",
    "exec",
    "server",
    "ns",
    "dns",
];

/// Whether the last of a value's names is one of these as it is: of `hosts` there may be several.
pub(super) fn is_named(value: &Value<'_>, names: &[&str]) -> bool {
    let last = value.place.last_name();
    names.iter().any(|known| last.eq_ignore_ascii_case(known))
}

/// Whether one address is wanted, by the name of the field, and the value is no list of them.
pub(super) fn is_for_address(value: &Value<'_>) -> bool {
    let is_address = |entry: &str| {
        let entry = entry.trim();
        entry.contains(['.', ':'])
            && entry
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
    };
    is_named(value, OF_ADDRESSES) && !value.text.split([';', '|', '\n']).all(is_address)
}

/// What stages of query languages begin with (SPL, KQL, LogQL, jq): some are names of commands too.
#[rustfmt::skip]
const STAGES: &[&str] = &[
    "search", "where", "sort", "order", "head", "tail", "limit", "top", "take", "eval", "stats", "table", "fields", "dedup", "rename", "rex", "regex", "timechart", "chart",
    "join", "append", "extend", "project", "summarize", "count", "distinct", "parse", "json", "logfmt", "line_format", "label_format", "unwrap", "keep", "drop", "pattern",
    "unpack", "mvexpand", "makemv", "spath", "transaction", "bin", "bucket", "lookup", "inputlookup", "fillnull", "eventstats", "streamstats", "return", "format", "from",
    "uniq", "set", "select", "group", "filter", "render", "union", "mv", "make", "evaluate", "getschema", "serialize", "map", "keys", "length", "to_entries", "date", "rate",
];

/// Whether a value is a query in stages, in a query language's field: pipes and nothing else of a
/// shell's.
fn is_pipeline(value: &Value<'_>) -> bool {
    let is_stage = |stage: &str| {
        let word = stage
            .trim_start_matches(['=', '~', '>', ' ', '\n', '"'])
            .split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
        word.into_iter()
            .next()
            .is_some_and(|word| word.is_empty() || STAGES.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    // what a stage computes with is no file of the system's
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &[" /etc/", " /bin/", " /usr/", " /var/", " /tmp/", " /tmp", " /home/", " /root/", " /proc/", " /dev/", " /opt/", " /srv/", "||", "$("];
    !value.text.contains([';', '&', '`', '<'])
        && !FOLDERS.iter().any(|folder| value.text.contains(folder))
        && value.place.hints().any(NameHints::QUERY)
        && value.text.split('|').skip(1).all(is_stage)
}

/// Whether a message is about a shell: in a body's field for prose, where words stand before the
/// first separator.
fn is_about_a_shell(value: &Value<'_>) -> bool {
    let before = value
        .text
        .split([';', '|', '&', '$', '`', '>', '<'])
        .next()
        .unwrap_or_default();
    let is_word = |word: &&str| {
        word.len() > 1
            && word
                .trim_matches([',', '.', ':', '!', '?', '"', '(', ')'])
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    };
    value.place.part == Part::Body
        && before.split_whitespace().filter(is_word).count() >= FEWEST_WORDS
        && value.place.hints().any(NameHints::TEXT)
        && !is_appended(value.text)
}

/// Whether a command is appended to words: behind them a separator, and from there on nothing but a
/// shell's up to the end. Who writes about commands says so in front of them, or goes on in words.
fn is_appended(text: &str) -> bool {
    /// Words that announce a command, and commands: who writes one in front of a separator writes
    /// about a shell.
    #[rustfmt::skip]
    const ANNOUNCING: &[&str] = &[
        "run", "runs", "ran", "running", "type", "typed", "enter", "entered", "execute", "executed", "try", "tried", "use", "used", "using", "do", "did", "command", "commands", "call",
        "with", "via", "cd", "cat", "echo", "apt", "apt-get", "npm", "pip", "git", "docker", "kubectl", "curl", "wget", "ls", "ssh", "sudo", "export", "mkdir", "rm", "cp", "mv", "chmod",
        "systemctl", "service", "bash", "sh", "python", "node", "php", "make", "script", "pipe", "piped", "shell",
    ];
    /// What runs what it is given, and what tells who runs it.
    const SHELLS: &[&str] = &[
        "sh", "bash", "zsh", "dash", "ash", "id", "python", "python3", "perl", "php", "ruby", "node",
    ];
    /// Tools that ask whether a host is there, which is what people tell of them.
    const ASKING: &[&str] = &["ping", "host", "nslookup", "dig", "traceroute", "tracert", "telnet"];
    let Some(at) = text.find([';', '|', '&', '$', '`', '<', '>']) else {
        return false;
    };
    let (before, from) = text.split_at_checked(at).unwrap_or_default();
    let after = from.trim_start_matches([';', '|', '&', ' ', '\t']);
    let is_separated = after.len() < from.len();
    let after = after.trim_end_matches([';', '|', '&', ' ', '\t', '\r', '\n']);
    if !is_separated || after.is_empty() || after.contains('\n') {
        return false;
    }
    let clause = before.trim_end();
    let is_announced = clause.ends_with(':') || words(clause).any(|word| is_one_of(word, ANNOUNCING));
    let first = after.split_whitespace().next().unwrap_or_default();
    let last = after.split([' ', '\t', '|', ';', '&']).next_back().unwrap_or_default();
    // a word that is none of a shell's ends a sentence
    let ends_in_words = last.chars().all(|sign| sign.is_alphabetic() || ".,!?)".contains(sign))
        && !is_one_of(last, UNMISTAKABLE)
        && !is_one_of(last, SHELLS);
    let only_asks =
        is_one_of(first, ASKING) && !after.contains([';', '|', '&', '$', '`', '>']) && !after.contains(" -");
    !is_announced && !ends_in_words && !only_asks && !sentence::has_words_of_sentences(after)
}

/// The words of a text without the signs around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|sign: char| !sign.is_alphanumeric()))
}

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether all that a message has a shell substitute is what everybody's instructions do, and what
/// tells nothing that is worth to know: `docker run -v $(pwd):/app`.
fn substitutes_plainly(text: &str) -> bool {
    #[rustfmt::skip]
    const PLAIN: &[&str] = &["pwd", "date", "date +%s", "date +%f", "nproc", "uname -r", "uname -s", "uname -m", "id -u", "id -g", "git rev-parse head"];
    text.split("$(").skip(1).all(|rest| {
        let inside = rest.split_once(')').map(|(inside, _)| inside.trim());
        inside.is_some_and(|inside| is_one_of(inside, PLAIN))
    })
}

/// Whether a message begins with a command, and goes on as a sentence.
fn is_said(value: &Value<'_>) -> bool {
    value.place.part == Part::Body
        && value.place.hints().any(NameHints::TEXT)
        && !value.text.contains(['|', '&', '$', '`', '>', '<'])
        // what stands between two semicolons is a sentence too
        && (!value.text.contains(';') || value.text.split(';').all(sentence::has_words_of_sentences))
        && sentence::is_sentence(value.text)
}

/// Whether a value is a password that holds what is as well a word behind a sign: `p@$$w0rd;ls`.
fn is_a_plain_password(value: &Value<'_>) -> bool {
    let mut words = value.text.split([';', '|', '&', '`', '(', ')']);
    value.place.part == Part::Body
        && value.is_password()
        && !words.any(|word| word != "ls" && UNMISTAKABLE.contains(&word))
}

/// Whether a text has what no generator of passwords puts together: a folder of the system's, or a
/// variable that every shell has set.
fn names_a_shells_own(text: &str) -> bool {
    #[rustfmt::skip]
    const OWN: &[&str] = &["/bin/", "/etc/", "/usr/", "/var/", "/tmp/", "/dev/", "/home/", "/proc/", "/opt/", "/srv/", "${", "$SHELL", "$HOME", "$PATH", "$IFS", "$BASH"];
    OWN.iter().any(|own| text.contains(own))
}

/// Whether a message goes on behind the end of a loop or a condition as no shell does: with a word.
fn goes_on_in_words(value: &Value<'_>) -> bool {
    const ENDS: &[&str] = &["done", "fi", "esac"];
    let mut words = value.text.split_whitespace().rev();
    let after = words.by_ref().take_while(|word| !ENDS.contains(word));
    let is_word = |word: &str| word.chars().all(|sign| sign.is_alphanumeric() || ",.?!".contains(sign));
    let mut count = 0;
    let are_words = after.inspect(|_| count += 1).all(is_word);
    value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT) && are_words && count >= 2
}

/// Whether a setting says where a program lies that is called as the setting is (`git_path`).
fn is_program_of_settings(value: &Value<'_>) -> bool {
    #[rustfmt::skip]
    const FOLDERS: &[&str] = &["/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/bin/", "/sbin/", "/opt/homebrew/bin/"];
    let program = FOLDERS.iter().find_map(|folder| value.text.trim().strip_prefix(folder));
    let Some(program) = program.filter(|_| value.place.part == Part::Body && value.context.is_settings()) else {
        return false;
    };
    let program = program.trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.');
    let is_plain = program.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let last = value.place.last_name().to_ascii_lowercase();
    program.len() > 2
        && is_plain
        && last
            .split(['_', '-', '.'])
            .any(|word| word.eq_ignore_ascii_case(program))
}

/// Whether a value says in the settings how an application is built or started: tools of builds, one
/// behind the other, that run what the application has.
fn is_build(value: &Value<'_>) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "buildcommand", "startcommand", "installcommand", "testcommand", "runcommand", "releasecommand", "predeploy", "postdeploy", "prebuild", "postbuild", "predeploycommand",
        "postdeploycommand",
    ];
    #[rustfmt::skip]
    const TOOLS: &[&str] = &[
        "npm", "npx", "yarn", "pnpm", "bun", "pip", "pip3", "poetry", "pipenv", "uv", "bundle", "rake", "rails", "composer", "go", "cargo", "make", "mvn", "gradle", "dotnet", "mix", "hugo",
        "jekyll", "python", "python3", "node", "php", "ruby",
    ];
    const INTERPRETERS: &[&str] = &["python", "python3", "node", "php", "ruby"];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" ;&./-_=:,@".contains(&byte);
    let runs_its_own = |command: &str| {
        let mut words = command.split_whitespace();
        let (tool, first) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        TOOLS.contains(&tool) && !(INTERPRETERS.contains(&tool) && first.starts_with(['-', '/', '.']))
    };
    value.place.part == Part::Body
        && value.context.is_settings()
        && value.place.is_named(NAMES)
        && value.text.bytes().all(is_plain)
        && !["..", " /", "://"].iter().any(|part| value.text.contains(part))
        && value
            .text
            .split([';', '&'])
            .filter(|command| !command.trim().is_empty())
            .all(runs_its_own)
}

/// The fewest words around quoted code that make a message of it.
const FEWEST_WORDS: usize = 3;

/// The value without what it quotes as code, where it is a message in a body: chats and trackers
/// mark code with backticks. Without a message around them backticks are a shell's.
pub(super) fn without_quoted_code<'v>(value: &Value<'v>) -> Option<Cow<'v, str>> {
    // what is not read by people, a shell may put between its own quotes
    const READ: NameHints = NameHints::TEXT
        .and(NameHints::HTML)
        .and(NameHints::CODE)
        .and(NameHints::TEMPLATE)
        .and(NameHints::REPORT);
    const NAMES: &[&str] = &[
        "markdown",
        "md",
        "payload",
        "input",
        "output",
        "completion",
        "reasoning",
    ];
    let is_read = value.is_document
        || value.place.hints().any(READ)
        || value.place.is_search()
        || value.place.is_named(NAMES)
        || value.context.is_webhook();
    if let Some(rest) = without_elements_of_code(value) {
        return Some(Cow::Owned(rest));
    }
    if value.place.part != Part::Body || !is_read || value.text.bytes().filter(|byte| *byte == b'`').count() < 2 {
        return None;
    }
    let mut rest = String::with_capacity(value.text.len());
    let mut left = value.text;
    while let Some((before, after)) = left.split_once('`') {
        let opens =
            before.is_empty() && rest.is_empty() || before.ends_with([' ', '\n', '(', '[', '"', '>', '*', '_', ':']);
        let fence = after.trim_start_matches('`');
        let ticks = after.len() - fence.len() + 1;
        let closing = "`".repeat(ticks.min(3));
        let closed = fence.split_once(closing.as_str()).filter(|(_, next)| {
            next.is_empty()
                || next.starts_with(|next: char| {
                    !next.is_alphanumeric() && !matches!(next, '/' | '$' | '-' | ';' | '|' | '&')
                })
        });
        let (true, Some((_, next))) = (opens, closed) else {
            return None;
        };
        rest.push_str(before);
        rest.push(' ');
        left = next;
    }
    rest.push_str(left);
    let is_word = |word: &&str| word.chars().filter(|sign| sign.is_alphanumeric()).count() > 1;
    (rest.split_whitespace().filter(is_word).count() >= FEWEST_WORDS).then_some(Cow::Owned(rest))
}

/// Rich text without what it shows as code, where it has any: an element for code is closed, and
/// begins as code does and no injection.
fn without_elements_of_code(value: &Value<'_>) -> Option<String> {
    const RICH: NameHints = NameHints::HTML.and(NameHints::TEXT);
    const ELEMENTS: &[(&str, &str)] = &[("<pre", "</pre>"), ("<code", "</code>")];
    if value.place.part != Part::Body || !value.text.contains("</") || !value.place.hints().any(RICH) {
        return None;
    }
    let (mut plain, mut rest) = (String::new(), value.text);
    let mut has_block = false;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at_checked(at)?;
        let Some((start, end)) = ELEMENTS.iter().find(|(start, _)| from.starts_with(start)) else {
            let (tag, behind) = rest.split_at_checked(at + 1)?;
            plain.push_str(tag);
            rest = behind;
            continue;
        };
        let (attributes, content) = from.get(start.len()..)?.split_once('>')?;
        let (code, behind) = content.split_once(end)?;
        let first = code.trim_start_matches("<code>").trim_start().chars().next();
        let begins = first.is_none_or(|first| first.is_alphanumeric() || "#/.<-@_[".contains(first));
        if !(begins && (attributes.is_empty() || attributes.starts_with(' '))) {
            return None;
        }
        // a block of lines stands by itself, and a line within a text
        has_block |= *end == "</pre>" && code.trim().contains('\n');
        plain.push_str(before);
        plain.push_str("code");
        rest = behind;
    }
    plain.push_str(rest);
    let is_word = |word: &&str| word.chars().filter(|sign| sign.is_alphanumeric()).count() > 1;
    let words = plain
        .split(['<', '>', ' ', '\n'])
        .filter(|word| !word.contains(['/', '=']))
        .filter(is_word);
    let is_text = || words.take(FEWEST_WORDS_AROUND).count() == FEWEST_WORDS_AROUND;
    (plain != value.text && (has_block || is_text())).then_some(plain)
}

/// The fewest words, with the names of elements, around an element of code that make a text of it.
const FEWEST_WORDS_AROUND: usize = 4;

/// The value without the files that it holds as `data:` URLs in Base64 (RFC 2397), where it has
/// any: `;base64,/9j/` reads as a separator, a command and a path, and is how the URL of every JPEG
/// begins. What stands around them stays.
pub(super) fn without_files(value: &Value<'_>) -> Option<String> {
    const SCHEME: &str = "data:";
    // reads as a word and cannot be the beginning of another URL
    const LEFT: &str = "file";
    let mut rest = value.text;
    let mut plain: Option<String> = None;
    let mut begin = 0;
    while let Some((before, content)) = rest.get(begin..)?.split_once(SCHEME) {
        let Some(behind) = behind_file(content) else {
            begin += before.len() + SCHEME.len();
            continue;
        };
        let text = plain.get_or_insert_default();
        text.push_str(rest.get(..begin + before.len())?);
        text.push_str(LEFT);
        (rest, begin) = (behind, 0);
    }
    let mut plain = plain?;
    plain.push_str(rest);
    Some(plain)
}

/// What follows a file in Base64, which stands behind `data:`; `None` where none does.
fn behind_file(content: &str) -> Option<&str> {
    const BASE64: &str = "base64,";
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '+' | '-' | '_');
    // slashes are escaped in the JSON of some languages
    let slash = |text: &'_ str| text.strip_prefix('\\').unwrap_or(text).strip_prefix('/').map(str::len);
    let kind = content.trim_start_matches(is_name);
    let kind = match slash(kind) {
        Some(left) => kind.get(kind.len() - left..)?.trim_start_matches(is_name),
        None => content,
    };
    let mut parameters = kind.strip_prefix(';')?;
    while !parameters.starts_with(BASE64) {
        let value = parameters.trim_start_matches(is_name).strip_prefix('=')?;
        let behind = match value.strip_prefix('"') {
            Some(quoted) => quoted.trim_start_matches(is_name).strip_prefix('"')?,
            None => value.trim_start_matches(is_name),
        };
        parameters = behind.strip_prefix(';')?.trim_start_matches(' ');
    }
    let mut code = parameters.strip_prefix(BASE64)?;
    let is_of_base64 = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '+' | '/' | '-' | '_' | '=');
    loop {
        code = code.trim_start_matches(is_of_base64);
        match code.strip_prefix('\\') {
            Some(escaped) if escaped.starts_with('/') => code = escaped,
            _ => return Some(code),
        }
    }
}

/// Whether a value is what a scheduler runs, in its field: an interpreter by its path, and a
/// program by its own. Nothing in it is for a shell, and it reads nothing of the system's.
fn is_scheduled(value: &Value<'_>) -> bool {
    const FIELDS: &[&str] = &["command", "commandline", "cron", "job", "entrypoint", "execstart"];
    const INTERPRETERS: &[&str] = &["php", "python", "perl", "ruby", "node", "java"];
    let last = value.place.last_name();
    let word = last.rsplit(['_', '-']).next().unwrap_or_default();
    let is_for_it = FIELDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let mut words = value.text.split_whitespace();
    let program = words.next().unwrap_or_default();
    let name = program
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.');
    let script = words.next().unwrap_or_default();
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'/' | b'.' | b'-' | b'_' | b':' | b'=' | b',')
    };
    value.place.part == Part::Body
        && is_for_it
        && program.starts_with('/')
        && INTERPRETERS.contains(&name)
        && script.starts_with('/')
        && !["/etc", "/proc", "/dev", "/tmp", "/root", "/bin"]
            .iter()
            .any(|folder| script.starts_with(folder))
        && !["..", "/.", "upload"].iter().any(|part| value.text.contains(part))
        && value.text.bytes().all(is_plain)
}
