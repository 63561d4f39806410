//! Paths that are named by right: in settings, by builds, in reports, and what only looks like one.

use crate::{detect::Value, places::Place};

/// Whether a setting says where a certificate or its key lies, or which file or socket an
/// application works with, as the setting is called.
pub(super) fn is_set_up(value: &Value<'_>) -> bool {
    const CERTIFICATES: &[&str] = &[
        "/etc/ssl/",
        "/etc/letsencrypt/",
        "/etc/pki/",
        "/etc/certs/",
        "/etc/tls/",
        "/etc/nginx/",
        "/etc/apache2/",
    ];
    const OF_CERTIFICATES: &[&str] = &[".pem", ".crt", ".cer", ".key", ".p12", ".pfx"];
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "sslkey", "sslcert", "sslcertificate", "sslcertificatekey", "sslca", "tlskey", "tlscert", "tlsca", "tlscertificate", "keyfile", "certfile", "cafile", "certificatefile", "keypath",
        "certpath", "capath", "certificatepath", "certificate", "cert", "chainfile", "cacert", "clientcert", "clientkey", "servercert", "serverkey",
    ];
    let text = value.text.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b':');
    if text.contains("..") || !text.bytes().all(is_plain) {
        return false;
    }
    let is_certificate = || {
        CERTIFICATES.iter().any(|folder| text.starts_with(folder))
            && OF_CERTIFICATES.iter().any(|ending| text.ends_with(ending))
            && value.place.is_named_like(NAMES)
    };
    let is_database = || {
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite3://"));
        path.is_some_and(|path| {
            path.starts_with("/var/lib/")
                && [".db", ".sqlite", ".sqlite3"]
                    .iter()
                    .any(|ending| path.ends_with(ending))
        })
    };
    let is_socket = || {
        let path = text.strip_prefix("unix://").unwrap_or(text);
        matches!(path, "/var/run/docker.sock" | "/run/docker.sock")
            && value
                .place
                .is_named_like(&["dockerhost", "dockersocket", "dockersock", "dockerurl"])
    };
    is_certificate() || is_database() || is_socket()
}

/// Whether a file's name ends as those of pictures do: what was photographed of a screen.
pub(super) fn is_picture(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Whether a name is one of a build's settings (`tsconfig.json`, bundlers), or of a markup that
/// writers link in. Steps towards a known file count there all the same.
pub(super) fn is_of_a_build(place: &Place<'_>) -> bool {
    const NAMES: &[&str] = &[
        "extend",
        "outdir",
        "rootdir",
        "declarationdir",
        "baseurl",
        "typeroot",
        "reference",
        "wikitext",
        "wiki",
        "adoc",
        "asciidoc",
        "rst",
        "tsx",
        "jsx",
        "sourcetext",
    ];
    let is_within = |word: &str| {
        place
            .name
            .split(['.', '[', ']'])
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    place.is_named(NAMES) || is_within("tsconfig") || is_within("compilerOptions")
}

/// Whether a value says where servers keep what: the folder that a file system or a volume hangs
/// at, a program's or a library's own file.
pub(super) fn is_of_a_machine(value: &Value<'_>) -> bool {
    const NAMES: &[&str] = &["mountpoint", "mountpath", "mount", "volume", "codefile", "debugfile"];
    let is_library = || {
        let text = value.text.to_ascii_lowercase();
        value.place.is_named(&["codefile"])
            && (text.ends_with(".dll") || text.ends_with(".exe"))
            && !text.contains("..")
    };
    // a volume has a name or the host's folder in front of the container's
    let is_part = |part: &str| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        is_folder(part.strip_prefix('.').unwrap_or(part)) || part.bytes().all(is_name)
    };
    let folders = || value.text.contains('/') && value.text.split(':').all(is_part);
    value.place.is_named(NAMES) && (folders() || is_library())
}

/// Whether a path is one of a folder or a log that settings name: none that holds accounts, keys or
/// what a process knows.
pub(super) fn is_folder(path: &str) -> bool {
    const SECRET: &[&str] = &[
        "/etc", "/proc", "/root", "/sys", "/dev", "/home", "/run", "\\", "..", "/.", "secret", "key", "cron", "auth",
        "secure", "/wtmp", "/btmp", "/mail",
    ];
    // a folder ends as no file does, and a log and a socket as they are called
    const ENDINGS: &[&str] = &["log", "sock", "socket", "pid", "d"];
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_file = last
        .rsplit_once('.')
        .is_some_and(|(_, ending)| !ENDINGS.contains(&ending) && ending.bytes().any(|byte| byte.is_ascii_alphabetic()));
    path.starts_with('/') && !is_file && !SECRET.iter().any(|part| path.contains(part))
}

/// Whether a text is a time zone or a list of them, of which one is an offset or UTC (IANA's time
/// zone database, file `etcetera`; CLDR adds `Unknown`): what a browser tells of a machine that was
/// never told its place.
pub(super) fn is_of_zones(text: &str) -> bool {
    const AREAS: &[&str] = &[
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Brazil",
        "Canada",
        "Chile",
        "Europe",
        "Indian",
        "Mexico",
        "Pacific",
        "US",
    ];
    const NAMES: &[&str] = &["UTC", "UCT", "Universal", "Zulu", "Greenwich", "Unknown"];
    let is_offset = |name: &str| {
        let hours = name
            .get(..3)
            .filter(|start| start.eq_ignore_ascii_case("GMT"))
            .and_then(|_| name.get(3..));
        hours.is_some_and(|hours| {
            let digits = hours.strip_prefix(['+', '-']).unwrap_or(hours);
            digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let is_one_of = |word: &str, words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_place = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '/');
    let is_zone = |entry: &str| match entry.trim().split_once('/') {
        Some((area, name)) if area.eq_ignore_ascii_case("etc") => is_one_of(name, NAMES) || is_offset(name),
        Some((area, name)) => is_one_of(area, AREAS) && name.chars().all(is_place),
        None => is_one_of(entry.trim(), NAMES) || is_offset(entry.trim()),
    };
    text.trim_matches(['"', '\'']).split([',', ';', '|']).all(is_zone)
}

/// Whether a text may be a password although it looks like a path: of two words that name no file
/// of the system's. What has a folder more, or an ending, is a path.
pub(super) fn is_a_word_of_slashes(text: &str) -> bool {
    #[rustfmt::skip]
    const FILES: &[&str] = &[
        "passwd", "shadow", "hosts", "group", "gshadow", "issue", "hostname", "environ", "environment", "cmdline", "sudoers", "crontab", "fstab", "mtab", "profile", "motd", "networks",
        "services", "protocols", "exports", "anacrontab", "opasswd", "subuid", "version", "mounts", "status", "maps", "cpuinfo", "meminfo",
    ];
    let mut parts = text.split(['/', '\\']).filter(|part| !part.is_empty());
    let last = parts.by_ref().take(2).last().unwrap_or_default();
    let is_file = FILES.iter().any(|known| last.eq_ignore_ascii_case(known));
    parts.next().is_none() && !is_file && !last.contains('.')
}

/// Whether a file is a sample of settings, which repositories hold in place of the settings.
pub(super) fn is_sample(path: &str) -> bool {
    const ENDINGS: &[&str] = &[".example", ".sample", ".dist", ".template", ".tmpl", ".defaults"];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'-' | b'_');
    path.bytes().all(is_plain) && ENDINGS.iter().any(|ending| path.ends_with(ending))
}
