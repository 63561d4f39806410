//! What looks like a command of a shell and is none: lists, quoted code, passwords, settings. Only
//! asked where a rule matches.

use super::{
    quoted::FEWEST_WORDS,
    tables::{is_list, is_table},
};
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

/// Whether a value says in the settings how an application is built or started: tools of builds,
/// one behind the other, that run what the application has.
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
