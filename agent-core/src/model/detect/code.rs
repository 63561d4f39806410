//! Code of the server's language (CWE-94) and serialised objects (CWE-502): PHP, Java, Python, JavaScript, ASP.
//!
//! Source code is posted to forums and review tools: what counts is code that only makes sense where it is run, and in documents
//! only what no honest text holds.

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{Simple, always, short},
};
use crate::model::places::Role;

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
        r"java\.lang\.(?:Runtime|Process|Class|System\b|Thread)|\bjavax\.(?:script|naming|el|management)\.|ProcessBuilder\s*\(|getRuntime\(|org\.apache\.commons\.(?:collections|beanutils)|clonetransformer|instantiate(?:factory|transformer)|com\.sun\.(?:rowset|org\.apache)|class\.module\.classLoader|@org\.apache\.struts|@ognl\.",
    ),
    // Java, pickle of Python (protocol 4), BinaryFormatter of .NET
    always("serialised", r"^\s*(?:rO0AB|aced0005|KztAAU|Cs7QAF|gASV|AAEAAAD/////)"),
    always(
        "yaml-tag",
        r"!!(?:python/(?:object|name|module)|javax?\.|com\.sun\.)|!ruby/(?:object|hash)|tag:yaml\.org,2002:python/",
    ),
    short(
        "python",
        r#"__import__\s*\(\s*['"]|\bos\.(?:system|popen)\s*\(|\bsubprocess\.(?:check_output|Popen|call|run)\s*\([^)]*shell|['"]\.execute\(\)|io\.popen\(|\b(?:eval|exec)\s*\(\s*compile\s*\("#,
    ),
    // ways from an expression to what runs programs or reads files, by any spelling of a member
    short(
        "node",
        r#"\bchild_process\b|\bprocess(?:\.|\?\.|\[\s*['"`])(?:mainModule|binding|dlopen|_linkedBinding|reallyExit)|_\$\$ND_FUNC\$\$_|\b(?:require|import)\s*\(\s*['"`](?:node:)?(?:child_process|net|vm|worker_threads|repl|inspector)['"`]|\b(?:require|import)\s*\(\s*['"`](?:node:)?(?:fs|os|https?|dns)(?:/promises)?['"`]\s*\)\s*(?:\?\.)?[.\[]\s*['"`]?(?:read|write|append|unlink|rm|exists|open|create|copy|chmod|stat|access|hostname|userInfo|networkInterfaces|platform|homedir|release|get|request|lookup|resolve)"#,
    ),
    short(
        "node-reach",
        r#"\b(?:global|globalThis|root|window|self|this)\s*(?:\?\.)?\[\s*['"`](?:process|require|module|Function|eval)['"`]|\b(?:global|globalThis|root)\s*(?:\?\.|\.)\s*process\b|\bprocess\s*\[\s*['"`]|\bmodule(?:\.|\[\s*['"`])(?:constructor|_load|_extensions|_compile)\b|\brequire(?:\.|\[\s*['"`])main(?:['"`]\s*\])?(?:\.|\[\s*['"`])(?:require|constructor)\b|\.constructor\s*\(\s*['"`]|(?:\.|\[\s*['"`])constructor(?:['"`]\s*\])?\s*(?:\?\.)?(?:\.|\[\s*['"`])(?:constructor|_load)\b|\bFunction\s*\(\s*['"`][^'"`\n]{0,60}(?:return|process|require|this)\b|\b_load\s*\(\s*['"`]|\b(?:execSync|spawnSync|execFileSync)\s*\(|\bspawn_sync\b|\b(?:Deno\.(?:run|Command|readTextFile\w*|readFile\w*)|Bun\.(?:spawn\w*|file|write))\s*\(|^\s*process\.(?:exit|kill|abort|chdir|cwd|reallyExit|umask)\s*\(.*\)\s*;?\s*$|\{\s*return\s+(?:process|global|globalThis|module|require)\b|\b(?:global|globalThis|root)\.(?:require|module|Function|eval)\b|\bvm\.run(?:InThisContext|InNewContext|InContext)\s*\("#,
    ),
    short("asp", r#"Response\.Write\(|Server\.ScriptTimeout|\bexecute\(\s*"""#),
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
            .and(Marks::SLASH)
            .and(Marks::OTHER),
        WHERE,
        RULES,
        lexicon,
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

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
                r##"class.module.classLoader.resources"##,
                r##"phpinfo()"##,
                r##"LD_PRELOAD"##,
            ],
        );
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
        ]);
    }
}
