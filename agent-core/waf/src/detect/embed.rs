//! Embedded content of rich text: players, maps and posts of services that everybody embeds, and
//! elements that look like script and run none.

use memchr::memchr;

use super::hosts::{FONTS, PROVIDERS, WIDGETS};
use crate::normal::text_of_base64;

/// Whether all that a sheet of styles imports from elsewhere is typefaces.
pub(super) fn imports_fonts(text: &str) -> bool {
    const IMPORT: &str = "@import";
    let mut rest = text;
    while let Some(at) = find(rest, IMPORT) {
        rest = rest.get(at + IMPORT.len()..).unwrap_or_default();
        let url = rest.trim_start();
        let url = url.strip_prefix("url(").unwrap_or(url);
        let url = url.trim_start_matches([' ', '"', '\'']);
        let is_relative = url.starts_with(|sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_'))
            && !url
                .split(['/', '"', '\'', ')', ';'])
                .next()
                .unwrap_or_default()
                .contains(':');
        let is_of_fonts = ["https://", "http://", "//"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .is_some_and(|rest| {
                let url = rest.split(['"', '\'', ')', ';']).next().unwrap_or_default();
                let host = url.split(['/', '?', '#']).next().unwrap_or_default();
                // what is called so says which typeface it is asked for
                FONTS.contains(&host) || host.starts_with("fonts.") && url.contains("family=")
            });
        if !(is_relative || is_of_fonts) {
            return false;
        }
    }
    true
}

/// A text without the pictures in SVG that it shows as `data:` URLs in Base64, where all that is
/// shown is no more than a drawing: one is the whole value, the source of an `img`, or of a picture
/// in Markdown or CSS. What follows a link, frames or uses a picture opens it as a page, or takes
/// its parts over.
pub(super) fn without_pictures(text: &str, is_drawing: impl Fn(&str) -> bool) -> Option<String> {
    const SCHEME: &str = "data:image/svg+xml";
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, from)) = rest.split_once(SCHEME) {
        // parameters are words, and the last one says that it is in Base64
        let (head, after) = from.split_once(";base64,")?;
        let is_head = head
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b';' | b'=' | b'-' | b'_'));
        let end = after
            .find(|sign: char| !(sign.is_ascii_alphanumeric() || matches!(sign, '+' | '/' | '-' | '_' | '=')))
            .unwrap_or(after.len());
        let (code, behind) = after.split_at_checked(end)?;
        let is_whole = before.trim().is_empty() && plain.is_empty() && behind.trim().is_empty();
        let is_shown = is_head && (is_whole || is_shown_behind(before));
        let picture = is_shown.then(|| text_of_base64(code)).flatten()?;
        if !is_drawing(&picture) {
            return None;
        }
        plain.push_str(before);
        plain.push_str("picture");
        rest = behind;
    }
    plain.push_str(rest);
    (plain.len() < text.len()).then_some(plain)
}

/// Whether what follows a text is shown as a picture and nothing else.
fn is_shown_behind(before: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'', '\\']);
    if before.ends_with("](") || before.to_ascii_lowercase().ends_with("url(") {
        return true;
    }
    let Some((_, tag)) = before.rsplit_once('<') else {
        return false;
    };
    let is_image = tag.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("img "));
    let source = tag.trim_end().strip_suffix('=').map(str::trim_end);
    is_image
        && !tag.contains('>')
        && source.is_some_and(|tag| {
            tag.get(tag.len().saturating_sub(4)..)
                .is_some_and(|name| name.trim_start().eq_ignore_ascii_case("src"))
        })
}

/// Whether all that a text frames is of a known provider, or, of sound and video, of a web server.
pub(super) fn is_of_known_providers(text: &str) -> bool {
    // what plug-ins of old take their program from
    const PROGRAMS: &[&str] = &["code", "archive", "classid", "movie"];
    let frames = |tag: &str| {
        let source = source(tag);
        source.is_some_and(|source| is_of_the_site(source) || of_the_web(source).is_some_and(is_provider))
            && !PROGRAMS.iter().any(|name| has_attribute(tag, name))
    };
    let plays = |tag: &str| source(tag).is_none_or(|source| of_the_web(source).is_some() || is_relative(source));
    all_elements(text, &["iframe", "embed", "object"], frames)
        && all_elements(text, &["video", "videos", "audio"], plays)
}

/// Whether what a text has of active elements are drawings and formulas that show nothing of
/// elsewhere: what they use is part of the text, or a picture within it.
pub(super) fn only_draws(text: &str) -> bool {
    const OTHERS: &[&str] = &[
        "frame",
        "frameset",
        "applet",
        "xss",
        "import",
        "isindex",
        "bgsound",
        "layer",
        "ilayer",
        "keygen",
        "portal",
        "noscript",
        "listing",
        "plaintext",
        "xmp",
        "comment",
        "vmlframe",
        "set",
        "animate",
        "animatetransform",
        "animatemotion",
        "animatecolor",
        "handler",
        "foreignobject",
        "feimage",
        "marquee",
        "xsl",
        "event",
        "param",
        "script",
    ];
    // where links open says nothing of where they lead
    let leads_nowhere = |tag: &str| find(tag, "href").is_none();
    let is_odd = ["<?", "< ", "</ "].iter().any(|odd| text.contains(odd));
    let is_of_mail =
        || all_elements(text, &["meta"], says_nothing) && is_of_office(text) && conditions_are_of_office(text);
    all_elements(text, OTHERS, |_| false)
        && all_elements(text, &["base"], leads_nowhere)
        && !is_odd
        && is_of_mail()
        && all_elements(text, &["use", "image"], shows_its_own)
}

/// Whether what an element uses or shows is part of its text, a picture within it, or a drawing of
/// the site's own.
fn shows_its_own(tag: &str) -> bool {
    const PICTURES: &[&str] = &[
        "#",
        "data:image/png",
        "data:image/jpeg",
        "data:image/gif",
        "data:image/webp",
    ];
    let mut sources = ["xlink:href", "href", "src"].iter().filter_map(|name| {
        let at = find(tag, name)?;
        let behind = tag.get(at + name.len()..)?.trim_start();
        behind.strip_prefix('=').map(str::trim_start)
    });
    sources.all(|source| {
        let source = unquoted(source);
        let is_sprite = || {
            let (file, part) = source.split_once('#').unwrap_or((source, ""));
            is_of_the_site(file) && file.ends_with(".svg") && !part.is_empty()
        };
        PICTURES.iter().any(|start| source.starts_with(start)) || is_sprite()
    })
}

/// Whether a `meta` says only how a page is read: its type in a charset that is a superset of
/// ASCII, its language, the mode of old browsers; or what no browser obeys.
fn says_nothing(tag: &str) -> bool {
    const MODES: &[&str] = &[
        "x-ua-compatible",
        "content-language",
        "imagetoolbar",
        "x-dns-prefetch-control",
    ];
    const CHARSETS: &[&str] = &["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii"];
    if occurrences(tag, "http-equiv") == 0 && occurrences(tag, "charset") == 0 {
        return true;
    }
    // of two, a browser takes one, and another browser the other
    let is_twice = ["http-equiv", "content=", "charset"]
        .iter()
        .any(|name| occurrences(tag, name) > 1);
    if is_twice || tag.contains('&') {
        return false;
    }
    let kind = attribute(tag, "http-equiv").unwrap_or_default();
    let charset = find(tag, "charset").and_then(|at| tag.get(at + "charset".len()..));
    let charset = charset.and_then(|rest| rest.trim_start().strip_prefix('='));
    let charset = charset.map(|rest| rest.trim_start().trim_start_matches(['"', '\'', ' ']));
    let is_end = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | ';' | '/');
    let charset = charset.and_then(|rest| rest.split(is_end).next());
    let is_known = charset.is_none_or(|charset| CHARSETS.iter().any(|known| charset.eq_ignore_ascii_case(known)));
    let is_type = kind.is_empty() || kind.eq_ignore_ascii_case("content-type");
    is_known && (is_type || MODES.iter().any(|mode| kind.eq_ignore_ascii_case(mode)))
}

/// Whether the islands of XML in a text are settings of Office, and its drawings in VML show
/// pictures of the web: what mail programs write for Outlook.
fn is_of_office(text: &str) -> bool {
    let mut islands = text.split("<xml").skip(1);
    let is_settings = |island: &str| {
        let Some((content, _)) = island.split_once("</xml>") else {
            return false;
        };
        let content = content.split_once('>').map_or("", |(_, content)| content);
        let mut tags = content.split('<').skip(1);
        tags.all(|tag| {
            ["o:", "w:", "x:", "/o:", "/w:", "/x:"]
                .iter()
                .any(|space| tag.starts_with(space))
        })
    };
    let mut drawings = text.split("<v:").skip(1);
    let shows = |drawing: &str| {
        let tag = drawing.split('>').next().unwrap_or_default();
        let is_frame = tag.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("vml"));
        let mut sources = ["src", "href"].iter().filter_map(|name| attribute(tag, name));
        !is_frame
            && !["script", "behavio", "expression", "data:text"]
                .iter()
                .any(|odd| find(tag, odd).is_some())
            && sources
                .all(|source| of_the_web(source).is_some() || source.starts_with('#') || source.starts_with("mailto:"))
    };
    // in capitals they are none of a mail program's
    let is_written_so = ["<xml", "<v:"]
        .iter()
        .all(|start| text.matches(start).count() == occurrences(text, start));
    is_written_so && islands.all(is_settings) && drawings.all(shows) && occurrences(text, "<xml:") == 0
}

/// Whether what a text shows to some browsers only is for Outlook, or for all others: `<!--[if
/// mso]>`.
fn conditions_are_of_office(text: &str) -> bool {
    let mut conditions = text.split("<!--[").skip(1);
    conditions.all(|condition| {
        let condition = condition.split(']').next().unwrap_or_default();
        condition == "endif" || condition.starts_with("if ") && condition.contains("mso")
    })
}

/// The value of a tag's attribute of this name.
pub(super) fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let at = find(tag, name)?;
    let rest = tag.get(at + name.len()..)?.trim_start().strip_prefix('=')?;
    Some(unquoted(rest.trim_start()))
}

/// Whether every script of a text is one that runs nothing: the source of a component, which a
/// browser refuses to parse, a known service's widget, or data.
pub(super) fn runs_nothing(text: &str) -> bool {
    let mut rest = text;
    let mut count = 0;
    while let Some(at) = find(rest, "<script") {
        let from = rest.get(at + "<script".len()..).unwrap_or_default();
        let Some((attributes, after)) = from.split_once('>') else {
            return false;
        };
        let Some(end) = find(after, "</script>") else {
            return false;
        };
        let content = after.get(..end).unwrap_or_default().trim();
        if !(is_component(attributes, content) || is_widget(attributes, content) || is_data(attributes, content)) {
            return false;
        }
        count += 1;
        rest = after.get(end + "</script>".len()..).unwrap_or_default();
    }
    // each end has its beginning, and no other element has the name in it
    count > 0
        && occurrences(text, "script>") == count + occurrences(text, "<script>")
        && occurrences(text, "<script") == count
}

/// Whether a script begins with what is an error of syntax outside of a module: then none of it
/// runs in a browser.
fn is_component(attributes: &str, content: &str) -> bool {
    let is_module = find(attributes, "module").is_some();
    let is_loaded = find(attributes, "src").is_some() || find(attributes, "href").is_some();
    let statement = content.split(['\n', ';']).next().unwrap_or_default();
    let names = |text: &str| {
        text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'{' | b'}' | b',' | b'*' | b' ' | b'@')
        })
    };
    let imports = statement
        .strip_prefix("import ")
        .and_then(|rest| rest.split_once(" from "))
        .is_some_and(|(imported, source)| names(imported) && source.trim_start().starts_with(['\'', '"']));
    let exports = [
        "export default {",
        "export default defineComponent",
        "export let ",
        "export const ",
    ]
    .iter()
    .any(|start| statement.starts_with(start));
    !is_module && !is_loaded && (imports || exports)
}

/// Whether a script has a type of data and no other attribute, so that a browser does not run it
/// (WHATWG HTML, section 4.12.1: a data block), and the data has no markup.
fn is_data(attributes: &str, content: &str) -> bool {
    const TYPES: &[&str] = &["application/ld+json", "application/json"];
    let kind = attributes.trim_ascii().strip_prefix("type=").map(|kind| {
        let mut inside = ['"', '\'']
            .iter()
            .filter_map(|quote| kind.strip_prefix(*quote)?.strip_suffix(*quote));
        inside.next().unwrap_or(kind)
    });
    kind.is_some_and(|kind| TYPES.contains(&kind)) && content.starts_with(['{', '[']) && !content.contains('<')
}

fn is_widget(attributes: &str, content: &str) -> bool {
    let source = source(attributes).and_then(of_the_web);
    content.is_empty() && source.is_some_and(|source| WIDGETS.contains(&source))
}

/// Whether what stands in each tag that opens such an element is as it should be. Tags lie one
/// behind the other: where they lie within each other they are no editor's, and reading each to its
/// end would take a multiple of the text.
pub(super) fn all_elements(text: &str, names: &[&str], is_so: impl Fn(&str) -> bool) -> bool {
    let mut left = text.len();
    text.match_indices('<').all(|(at, _)| {
        let tag = text.get(at + 1..).unwrap_or_default();
        let name_end = tag.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (name, inside) = tag.split_at_checked(name_end).unwrap_or_default();
        if !names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)) {
            return true;
        }
        let end = memchr(b'>', inside.as_bytes()).unwrap_or(inside.len());
        let rest = left.checked_sub(end);
        left = rest.unwrap_or_default();
        rest.is_some() && inside.get(..end).is_some_and(&is_so)
    })
}

/// Whether a tag has an attribute whose name begins so.
fn has_attribute(tag: &str, name: &str) -> bool {
    let mut rest = tag;
    while let Some(at) = find(rest, name) {
        let (before, from) = rest.split_at_checked(at).unwrap_or_default();
        let behind = from
            .trim_start_matches(|sign: char| sign.is_ascii_alphabetic())
            .trim_start();
        if before.ends_with([' ', '\t', '\n', '\r', '"', '\'', '/']) && behind.starts_with('=') {
            return true;
        }
        rest = from.get(name.len()..).unwrap_or_default();
    }
    false
}

/// The one source in a tag. With two of them a browser may take the other.
fn source(attributes: &str) -> Option<&str> {
    let mut found = None;
    for name in ["src", "data"] {
        let mut rest = attributes;
        while let Some(at) = find(rest, name) {
            let is_whole = rest.get(..at).is_none_or(|before| {
                before.is_empty()
                    || before.ends_with(|sign: char| sign.is_ascii_whitespace() || matches!(sign, '"' | '\'' | '/'))
            });
            rest = rest.get(at + name.len()..).unwrap_or_default();
            let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
                continue;
            };
            if !is_whole {
                continue;
            }
            if found.is_some() {
                return None;
            }
            found = Some(unquoted(value));
        }
    }
    found
}

fn unquoted(value: &str) -> &str {
    let quoted = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest: &str| rest.split(quote).next())
    };
    quoted('"')
        .or_else(|| quoted('\''))
        .unwrap_or_else(|| value.split_ascii_whitespace().next().unwrap_or_default())
        .trim()
}

/// A URL of the web without its scheme.
pub(super) fn of_the_web(url: &str) -> Option<&str> {
    let rest = ["https://", "http://", "//"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_host.then_some(rest)
}

/// Whether a URL is a path of the site's own, in letters that no parser reads in two ways.
fn is_of_the_site(url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~?=#+,".contains(&byte);
    url.starts_with('/') && !url.contains("//") && !url.contains("..") && url.bytes().all(is_plain)
}

/// Whether each handler of a text does nothing, or nothing but hide what it stands at. What stands
/// behind `on` and a sign of equality is taken for one, wherever it stands.
pub(super) fn handlers_do_nothing(text: &str) -> bool {
    const INERT: &[&str] = &[
        "",
        "return false",
        "return true",
        "this.style.display='none'",
        "this.onerror=null",
        "void(0)",
        "javascript:void(0)",
    ];
    let mut rest = text;
    let mut has_any = false;
    while let Some(at) = find(rest, "on") {
        let begins = rest.get(..at).and_then(|before| before.chars().next_back());
        rest = rest.get(at + 2..).unwrap_or_default();
        if begins.is_some_and(|sign| sign.is_alphanumeric()) {
            continue;
        }
        let behind = rest.trim_start_matches(|sign: char| sign.is_ascii_alphabetic());
        let Some(value) = behind.trim_start().strip_prefix('=').map(str::trim_start) else {
            continue;
        };
        let code = value.strip_prefix('"').and_then(|rest| rest.split_once('"'));
        let Some((code, behind)) = code.filter(|(_, behind)| behind.starts_with([' ', '>', '/'])) else {
            return false;
        };
        if !INERT.contains(&code.trim().trim_end_matches(';').trim_end()) {
            return false;
        }
        // nothing of what a handler says is read a second time
        rest = behind;
        has_any = true;
    }
    has_any
}

pub(super) fn is_relative(url: &str) -> bool {
    let first = url.split(['/', '?', '#']).next().unwrap_or_default();
    !first.contains(':') && !url.starts_with("//") && !url.contains('\\')
}

fn is_provider(url: &str) -> bool {
    let host = url.split(['/', '?', '#']).next().unwrap_or_default();
    PROVIDERS.iter().any(|provider| {
        host.strip_suffix(provider)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

pub(super) fn find(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes()
        .windows(wanted.len())
        .position(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn occurrences(text: &str, wanted: &str) -> usize {
    text.as_bytes()
        .windows(wanted.len())
        .filter(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
        .count()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn embeds_of_known_providers_are_known() {
        for text in [
            r#"<iframe width="560" height="315" src="https://www.youtube.com/embed/x" allowfullscreen></iframe>"#,
            r#"<IFRAME SRC='//player.vimeo.com/video/1'></IFRAME>"#,
            r#"<p>Map:</p><iframe src=https://www.google.com/maps/embed?pb=1></iframe>"#,
            r#"<video src="/media/x.mp4" controls></video><audio src="https://cdn.example.com/a.mp3"></audio>"#,
            r#"<p>none</p>"#,
        ] {
            assert!(is_of_known_providers(text), "{text}");
        }
        for text in [
            r#"<iframe src="https://evil.example/"></iframe>"#,
            r#"<iframe src="https://www.youtube.com.evil.example/"></iframe>"#,
            r#"<iframe src="https://www.youtube.com@evil.example/"></iframe>"#,
            r#"<iframe src="https://evilyoutube.com/"></iframe>"#,
            r#"<iframe src="https://www.youtube.com/embed/x"></iframe><iframe src="//evil.example"></iframe>"#,
            r#"<iframe src="https://www.youtube.com/" src="//evil.example"></iframe>"#,
            r#"<iframe src="javascript:alert(1)"></iframe>"#,
            r#"<iframe></iframe>"#,
            r#"<object data="data:text/html,x"></object>"#,
            r#"<video src="javascript:alert(1)"></video>"#,
        ] {
            assert!(!is_of_known_providers(text), "{text}");
        }
    }

    #[test]
    fn tags_within_tags_are_not_read_again_and_again() {
        assert!(only_draws("<svg><use href='#a'/><use href='#b'/></svg>"));
        for tag in ["<use ", "<meta ", "<iframe "] {
            let text = tag.repeat(100);
            let read = Cell::new(0);
            let is_so = |tag: &str| {
                read.set(read.get() + tag.len());
                true
            };
            assert!(!all_elements(&text, &["use", "meta", "iframe"], is_so));
            assert!(read.get() <= text.len(), "{tag}: {read:?}");
        }
    }

    #[test]
    fn handlers_that_do_nothing_are_read_once() {
        assert!(handlers_do_nothing(r#"<img onerror="this.onerror=null" onload="">"#));
        for text in [
            r#"<img onerror="this.onerror=null" onload="x()">"#,
            r#"<img onerror="this.onerror=null"onload="x()">"#,
            r#"<img onerror="this.onerror=x">"#,
            "<img onerror=\"",
            "<img>",
        ] {
            assert!(!handlers_do_nothing(text), "{text}");
        }
    }

    #[test]
    fn markup_of_mails_shows_nothing_of_elsewhere() {
        for text in [
            r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/><p>x</p>"#,
            r#"<meta charset = "utf-8"><meta http-equiv = "Content-Type" content="text/html; charset = iso-8859-1">"#,
            r#"<meta charset="UTF-8"><META HTTP-EQUIV="X-UA-Compatible" CONTENT="IE=edge"><meta name="viewport" content="width=device-width">"#,
            "<!--[if gte mso 9]><xml><o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml><![endif]--><p>x</p>",
            "<!--[if !mso]><!--><p>x</p><!--<![endif]-->",
            r#"<v:rect xmlns:v="urn:schemas-microsoft-com:vml" stroke="false"><v:fill type="tile" src="https://cdn.example.org/a.png"/></v:rect>"#,
        ] {
            assert!(only_draws(text), "{text}");
        }
        for text in [
            r#"<meta http-equiv="refresh" content="0; url=//evil.example">"#,
            r#"<meta http-equiv="set-cookie" content="a=b">"#,
            r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-7">"#,
            r#"<meta charset="x-imap4-modified-utf7">"#,
            r#"<meta http-equiv="X-UA-Compatible" http-equiv="refresh" content="0;//evil.example">"#,
            r#"<meta http-equiv="&#114;efresh" content="0;//evil.example">"#,
            r#"<meta charset = "utf-7">"#,
            "<meta charset\n=\nutf-7>",
            r#"<meta charset="utf-8" content="text/html; charset=utf-7" http-equiv="content-type">"#,
            r#"<meta http-equiv="content-type" content="text/html; charset=utf-8; charset=utf-7">"#,
            r#"<meta http-equiv="content-type" content="text/html; charset x; charset = utf-7">"#,
            "<base href=//evil.example/>",
            "<!--[if IE]><p>x</p><![endif]-->",
            "<xml><i:b/></xml>",
            "<xml src=//evil.example>",
            "<XML src=//evil.example>",
            r#"<V:vmlframe src="//evil.example/x.vml">"#,
            r#"<v:vmlframe src="//evil.example/x.vml">"#,
            r#"<v:rect style="behavior:url(#default#time2)">"#,
            r#"<v:rect href="javascript:alert(1)">"#,
        ] {
            assert!(!only_draws(text), "{text}");
        }
    }

    #[test]
    fn scripts_that_run_nothing_are_known() {
        for text in [
            "<script setup>\nimport Price from '../../../components/Price.vue'\nimport { t } from '../../i18n'\n</script>",
            "<script lang=\"ts\">\nimport { onMount } from 'svelte';\nexport let name;\n</script>\n<h1>Hi {name}</h1>",
            "<template><p/></template><script>export default { data() { return {} } }</script>",
            r#"<blockquote class="twitter-tweet"></blockquote><script async src="https://platform.twitter.com/widgets.js" charset="utf-8"></script>"#,
            r#"<script type="application/ld+json">{"@context":"http://schema.org","@type":"EmailMessage"}</script>"#,
            "<script type='application/json'>[1, 2]</script>",
            "<script type=application/json >{\"a\": 1}</script>",
        ] {
            assert!(runs_nothing(text), "{text}");
        }
        for text in [
            "<script>alert(1)</script>",
            "<script setup>alert(1)</script>",
            "<script type=module>import x from '//evil.example/x.js'</script>",
            "<script>import('//evil.example/x.js') from 'x'</script>",
            "<script>import x from 'y'</script><script>alert(1)</script>",
            "<script>import x from 'y'</script><svg:script>alert(1)</svg:script>",
            "<script src=//evil.example/x.js></script>",
            r#"<script type="application/ld+json" src=//evil.example/x.js>{}</script>"#,
            r#"<script type="text/javascript" type="application/ld+json">{}</script>"#,
            r#"<script x="application/ld+json">{}</script>"#,
            r#"<script data-type="application/json">[open(name)]</script>"#,
            r#"<script x="type=application/json ">[open(name)]</script>"#,
            r#"<script x type="application/json">[open(name)]</script>"#,
            r#"<script type="application/json" x>[open(name)]</script>"#,
            r#"<script type="application/json'>[open(name)]</script>"#,
            r#"<script type="application/json ">[open(name)]</script>"#,
            r#"<script type="application/json;x">[open(name)]</script>"#,
            r#"<script type="application/json">open(name)</script>"#,
            r#"<script type="application/ld+json">{"a":"<!--<script>"}</script>"#,
            r#"<script src="https://platform.twitter.com/widgets.js">alert(1)</script>"#,
            r#"<script src="https://platform.twitter.com/widgets.js?x"></script>"#,
            "<script>import x from 'y'",
            "no script",
        ] {
            assert!(!runs_nothing(text), "{text}");
        }
    }
}
