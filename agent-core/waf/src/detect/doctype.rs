//! Document types of XML: which of them name a definition that everybody knows, and which have the
//! parser fetch something.

/// Hosts of the bodies and projects that publish document types, with all below them: partner
/// formats of trade, libraries, news, maps and music, and configuration of well-known software.
/// Parsers have them in a catalogue; who controls none of them gains nothing. Of hosts where anyone
/// may put or forward something, they are the folders that publishers have there.
#[rustfmt::skip]
const PUBLISHERS: &[&str] = &[
    "w3.org", "oasis-open.org", "docbook.org", "xml.org", "iso.org", "ietf.org", "purl.org/dc", "purl.org/rss", "cxml.org", "ariba.com", "sap.com", "ebxml.org", "openapplications.org",
    "opengis.net", "opengeospatial.org", "topografix.com", "nitf.org", "iptc.org", "prismstandard.org", "editeur.org", "loc.gov", "nih.gov", "openarchives.org",
    "niso.org", "crossref.org", "tei-c.org", "daisy.org", "idpf.org", "musicxml.org", "recordare.com", "mathml.org", "wapforum.org", "openmobilealliance.org",
    "apple.com", "sun.com", "oracle.com", "ibm.com", "microsoft.com", "adobe.com", "jboss.org", "hibernate.org", "springframework.org", "apache.org",
    "mybatis.org", "hibernate.sourceforge.net", "docbook.sourceforge.net", "eclipse.org", "netbeans.org", "puppycrawl.com", "checkstyle.org", "phpunit.de", "gnome.org", "freedesktop.org", "kde.org",
    "openoffice.org", "worldpay.com", "schemas.google.com", "netscape.com", "mozilla.org", "gentoo.org", "voicexml.org", "struts.org", "opensymphony.com", "uspto.gov",
    "europa.eu", "ebi.ac.uk", "dita.org", "graphml.graphdrawing.org", "graphdrawing.org", "xmpp.org", "jabber.org", "zvon.org", "portugalmail.pt",
    "newsml.org", "testng.org", "mrcc.com", "cobertura.sourceforge.net", "jasperreports.sourceforge.net", "ibatis.com", "liferay.com", "bmecat.org", "opentrans.org",
];

/// Whether one of the document types of a text has a parser fetch what is no published definition.
/// Where no partner sends documents, none is known but by a formal public identifier.
pub(super) fn fetches(text: &str, is_of_partners: bool) -> bool {
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, "<!doctype") {
        let declaration = rest.get(at + "<!doctype".len()..).unwrap_or_default();
        if is_of_elsewhere(declaration, is_of_partners) {
            return true;
        }
        rest = declaration;
    }
    false
}

fn is_of_elsewhere(declaration: &str, is_of_partners: bool) -> bool {
    // another declaration within is an error, and is read by itself
    let end = declaration.find(['[', '>', '<']).unwrap_or(declaration.len());
    let outside = declaration.get(..end).unwrap_or_default();
    let (keyword, rest) = match (
        find_ignoring_case(outside, "system"),
        find_ignoring_case(outside, "public"),
    ) {
        (Some(at), None) => ("system", at),
        (None, Some(at)) => ("public", at),
        (None, None) => return false,
        (Some(system), Some(public)) if system < public => ("system", system),
        (Some(_), Some(public)) => ("public", public),
    };
    // a `>` or a `[` within quotes ends nothing: what is quoted is read from the whole
    let mut quoted = Quoted(declaration.get(rest + keyword.len()..).unwrap_or_default());
    let first = quoted.next();
    if keyword == "system" {
        return !first.is_some_and(|system| is_known(system) && (is_of_partners || system.starts_with("about:")));
    }
    let is_formal = first.is_some_and(|name| ["-//", "+//", "ISO "].iter().any(|start| name.starts_with(start)));
    !is_formal || quoted.next().is_some_and(|system| !is_known(system))
}

/// Elements that programs begin documents with, which declare words of their own: styles of
/// drawings, names of applications, namespaces.
const ROOTS: &[&str] = &["svg", "resources", "rdf:RDF", "owl:Ontology", "TS", "xsl:stylesheet"];

/// The longest words that an entity stands for, in bytes: a long one that is named often is a small
/// document that grows.
const LONGEST_WORDS: usize = 256;

/// Whether all that a document type declares is words, by a published definition or in a document
/// of a known kind: `<!ENTITY version "4.2">`. What names another entity, markup or a code grows or
/// hides something.
pub(super) fn declares_words(text: &str) -> bool {
    let Some(at) = find_ignoring_case(text, "<!doctype") else {
        return false;
    };
    let declaration = text.get(at + "<!doctype".len()..).unwrap_or_default();
    let root = declaration.split_ascii_whitespace().next().unwrap_or_default();
    let outside = declaration.split('[').next().unwrap_or_default();
    let is_published = ["system", "public"]
        .iter()
        .any(|keyword| find_ignoring_case(outside, keyword).is_some())
        && !fetches(text, true);
    let mut entities = declaration.split("<!ENTITY").skip(1);
    (is_published || ROOTS.contains(&root.trim_end_matches('['))) && entities.all(is_of_words)
}

/// Whether a declaration, from the entity's name on, is one of words.
fn is_of_words(entity: &str) -> bool {
    let name = entity.trim_start();
    let rest = name.trim_start_matches(|sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | ':'));
    let words = Quoted(rest).next();
    words.is_some_and(|words| words.len() <= LONGEST_WORDS && !words.contains(['&', '%', '<']))
}

/// Whether a document without a type refers to an entity that is none of HTML's: feeds and exports
/// have those without declaring them.
pub(super) fn refers(text: &str) -> bool {
    text.split('&').skip(1).any(|after| {
        let name = after.split(';').next().unwrap_or_default();
        let is_name = !name.is_empty()
            && name.len() < after.len()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        is_name && !is_of_html(name)
    })
}

/// Whether an entity is one of HTML 4 (section 24): letters with marks by the ends of their names.
fn is_of_html(name: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "amp", "lt", "gt", "quot", "apos", "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "copy", "ordf", "laquo", "not", "shy", "reg", "macr", "deg", "plusmn",
        "sup1", "sup2", "sup3", "micro", "para", "middot", "ordm", "raquo", "frac12", "frac14", "frac34", "iquest", "times", "divide", "szlig", "eth", "ETH", "thorn", "THORN", "fnof",
        "bull", "hellip", "prime", "Prime", "oline", "frasl", "trade", "larr", "rarr", "uarr", "darr", "harr", "minus", "infin", "ne", "le", "ge", "sum", "radic", "asymp", "loz", "spades",
        "clubs", "hearts", "diams", "circ", "tilde", "ensp", "emsp", "thinsp", "zwnj", "zwj", "lrm", "rlm", "ndash", "mdash", "lsquo", "rsquo", "sbquo", "ldquo", "rdquo", "bdquo",
        "dagger", "Dagger", "permil", "lsaquo", "rsaquo", "euro", "alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "pi", "sigma", "tau", "omega", "Delta", "Omega", "Sigma",
    ];
    const MARKS: &[&str] = &[
        "acute", "grave", "circ", "tilde", "uml", "ring", "cedil", "slash", "caron", "lig",
    ];
    NAMES.contains(&name)
        || MARKS.iter().any(|mark| {
            name.strip_suffix(mark).is_some_and(|letter| {
                (1..=2).contains(&letter.len()) && letter.bytes().all(|byte| byte.is_ascii_alphabetic())
            })
        })
}

/// Whether an identifier names a published definition, or a file beside the document.
fn is_known(identifier: &str) -> bool {
    let identifier = identifier.trim();
    let web = ["http://", "https://"]
        .iter()
        .find_map(|scheme| identifier.strip_prefix(scheme));
    if let Some(rest) = web {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = rest.get(host.len()..).unwrap_or_default();
        let host = host.to_ascii_lowercase();
        return PUBLISHERS.iter().any(|publisher| {
            let (publisher, folder) = publisher.split_once('/').unwrap_or((publisher, ""));
            let is_host = host
                .strip_suffix(publisher)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'));
            is_host && path.trim_start_matches('/').starts_with(folder) && !path.contains("..")
        });
    }
    if identifier == "about:legacy-compat" || identifier.starts_with("urn:") {
        return true;
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    identifier.bytes().all(is_name)
        && !identifier.starts_with(['/', '.'])
        && !identifier.contains("..")
        && [".dtd", ".mod", ".ent"]
            .iter()
            .any(|ending| identifier.ends_with(ending))
}

/// What stands between quotes, as long as nothing but blanks stands between.
struct Quoted<'t>(&'t str);

impl<'t> Iterator for Quoted<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
        let (inside, after) = text.get(1..)?.split_once(quote)?;
        self.0 = after;
        Some(inside)
    }
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes()
        .windows(wanted.len())
        .position(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_definitions_are_known() {
        for text in [
            r#"<!DOCTYPE html>"#,
            r#"<!DOCTYPE html SYSTEM "about:legacy-compat">"#,
            r#"<!DOCTYPE cXML SYSTEM "http://xml.cXML.org/schemas/cXML/1.2.024/cXML.dtd">"#,
            r#"<!DOCTYPE nitf SYSTEM "nitf-3-4.dtd">"#,
            r#"<!DOCTYPE nitf SYSTEM 'dtd/nitf-3-4.dtd'>"#,
            r#"<!DOCTYPE ead PUBLIC "+//ISBN 1-931666-00-8//DTD ead.dtd (Version 2002)//EN" "ead.dtd">"#,
            r#"<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">"#,
            r#"<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">"#,
            r#"<!DOCTYPE paymentService PUBLIC "-//WorldPay//DTD WorldPay PaymentService v1//EN" "http://dtd.worldpay.com/paymentService_v1.dtd">"#,
            r#"<!DOCTYPE web-app PUBLIC "-//Sun Microsystems, Inc.//DTD Web Application 2.3//EN" "http://java.sun.com/dtd/web-app_2_3.dtd">"#,
            r#"<!DOCTYPE book PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "http://www.oasis-open.org/docbook/xml/4.5/docbookx.dtd">"#,
            r#"<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) v1.2 20190208//EN" "JATS-archivearticle1.dtd">"#,
            r#"<!DOCTYPE ONIXMessage SYSTEM "http://www.editeur.org/onix/2.1/03/reference/onix-international.dtd">"#,
            r#"<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">"#,
            r#"<!DOCTYPE mapper PUBLIC "-//mybatis.org//DTD Mapper 3.0//EN" "https://mybatis.org/dtd/mybatis-3-mapper.dtd">"#,
            r#"<!DOCTYPE note [<!ELEMENT note (#PCDATA)>]>"#,
        ] {
            assert!(!fetches(text, true), "{text}");
        }
    }

    #[test]
    fn definitions_of_elsewhere_are_not() {
        for text in [
            r#"<!DOCTYPE x SYSTEM "//x/x"><x/>"#,
            r#"<!DOCTYPE x SYSTEM "http://evil.example/x.dtd">"#,
            r#"<!doctype x system "http://evil.example/">"#,
            r#"<!DOCTYPE x SYSTEM "http://www.w3.org.evil.example/x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM "http://www.w3.org@evil.example/x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM "http://evilw3.org/x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM "file:///etc/passwd">"#,
            r#"<!DOCTYPE x SYSTEM "/etc/passwd">"#,
            r#"<!DOCTYPE x SYSTEM "../../x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM "a/../../x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM "robots.txt">"#,
            r#"<!DOCTYPE x PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://evil.example/x.dtd">"#,
            r#"<!DOCTYPE x PUBLIC "x" "http://www.w3.org/x.dtd">"#,
            r#"<!DOCTYPE x PUBLIC "-//a>b//EN" "http://evil.example/x.dtd">"#,
            r#"<!DOCTYPE html><!DOCTYPE x SYSTEM "http://evil.example/x.dtd">"#,
            r#"<!DOCTYPE x SYSTEM http://evil.example/x.dtd>"#,
        ] {
            assert!(fetches(text, true) && fetches(text, false), "{text}");
        }
    }

    #[test]
    fn declarations_of_words_are_told() {
        for text in [
            r#"<!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "docbookx.dtd" [<!ENTITY version "4.2"><!ENTITY product "Our Tool">]>"#,
            r#"<!DOCTYPE resources [<!ENTITY appname "MyApp">]>"#,
            r#"<!DOCTYPE svg [<!ENTITY st0 "fill:none;stroke:#000">]>"#,
        ] {
            assert!(declares_words(text), "{text}");
        }
        for text in [
            r#"<!DOCTYPE x [<!ENTITY foo "aaaaaa">]>"#,
            r#"<!DOCTYPE svg [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>"#,
            r#"<!DOCTYPE svg [<!ENTITY % a "x">]>"#,
            r#"<!DOCTYPE svg [<!ENTITY a SYSTEM "x">]>"#,
            r#"<!DOCTYPE x PUBLIC "-//a//EN" "http://evil.example/x.dtd" [<!ENTITY a "x">]>"#,
            r#"<!ENTITY a "x">"#,
        ] {
            assert!(!declares_words(text), "{text}");
        }
        assert!(!declares_words(&format!(
            "<!DOCTYPE svg [<!ENTITY a \"{}\">]>",
            "x".repeat(300)
        )));
    }

    #[test]
    fn references_to_nothing_are_told() {
        for text in ["<a>&xxe;</a>", "<a>x &file; y</a>", "<a>&amp;&ent;</a>"] {
            assert!(refers(text), "{text}");
        }
        for text in [
            "<a>&nbsp;&eacute;&AElig;&mdash;</a>",
            "<a>a & b; c</a>",
            "<a>&#x20;&#10;</a>",
            "<a/>",
            "R&D",
        ] {
            assert!(!refers(text), "{text}");
        }
    }
}
