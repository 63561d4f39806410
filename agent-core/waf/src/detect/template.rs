//! Injection into templates (CWE-1336; PortSwigger, "Server-side template injection"): an
//! expression, not a placeholder.
//!
//! `{{name}}` and `${name}` stand in mails and documents. An expression computes (`{{7*7}}`), calls
//! (`${x.getClass()}`) or reaches for what no text needs (`__mro__`, `request`, `config`).

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always, short},
    statement,
};
use crate::places::{NameHints, Part};

pub(super) const RULES: &[Rule] = &[
    // an engine is told by what it makes of a sum: the openings of all, with the operators that any
    // knows
    short(
        "arithmetic",
        r#"(?:\{\{\{?|\$!?\{\{?|\{%-?\s*(?:if|elif|print|set\s+\w+\s*=)\s|#\{|\*\{|@\{|~\{|%\{|\{=|\{!|\{@|<%[=#@-]?|<#=|\{%|@\(|\$\[|\[=|\[\[\$?\{?|@\{\{)[\s=-]*\(*['"]?\d+(?:\.\d+)?['"]?\)*\s*(?:\*\*|//|<<|>>|==|!=|[*+/%^~-]|\|\s*\w+\s*:)\s*\(*['"]?\d+|\{\{\s*['"]\w+['"]\s*\*\s*\d"#,
    ),
    // openings of several engines at once, so that one of them breaks
    always(
        "polyglot",
        r#"\$\{\{\s*<%|\{\{\s*<%|<%\[%|#\{\s*<%|\$\{\{[^}\n]*\}\}[^\n]{0,7}(?:<%|#\{|\*\{)|\{\{[^}\n]*\}\}\s*(?:\$\{[^}\n]*\}\s*(?:<%|#\{|\{)|<%=?[^%\n]*%>\s*[$#*]\{)|\$\{[^}\n]*\}\s*(?:#\{[^}\n]*\}|<%=)[^\s]*(?:\{\{|\*\{|@\()"#,
    ),
    always(
        "python",
        // a member of a class is everyday Python; a chain of them, one of a literal, or one within
        // a template is not
        r#"(?:\{\{|\{%|[$#*@]\{|<%[=@\s])(?:(?:[^}\n]|\{\})*?[^\w\n])?__[a-z]+__|(?:''|""|\(\)|\[\]|\{\}|['"\d)])\s*\.\s*__class__|__(?:class|base|init|mro)__\s*\.\s*__(?:mro|bases?|subclasses|globals|init|class)__|__(?:subclasses|globals|builtins|mro|bases)__\s*(?:\(\s*\)|\[)|(?:\[|\battr\()\s*['"]__(?:class|mro|subclasses|globals|builtins|bases|base|getattribute|getitem|init|import)__['"]\s*[\])]|\[\]\.class\.base"#,
    ),
    always(
        "java",
        r"[$#*%@{]\{?[^}\n]*(?:T\(\s*java|getRuntime|\.getClass|\.forName|freemarker\.template|ProcessBuilder|\.newInstance|#application|#request|#session|#context|#parameters|@java|@org\.|_memberAccess|ScriptEngine|\bgetResource\()",
    ),
    // a variable of OGNL that is set: no template of another language has such
    always("ognl", r"[%$]\{\s*\(*\s*#\w+\s*=[^=]"),
    // what reaches from a template into the application or the server
    short(
        "reach",
        r"(?:\{\{|\$\{|#\{|\*\{|<%=)[^}%\n]*(?:\|\s*(?:attr|passthru|system)\b|\|\s*(?:map|filter|sort|reduce)\s*\(\s*['\x22](?:system|exec|passthru|shell_exec|popen|proc_open|assert|eval|phpinfo|file_\w+)|\bself\.|\bconfig\b|\brequest\b|\b_self\b|\b_context\b|\b_\.|\bimport\b|\bdump\b|\binclude\b|\bsettings\.|\.signer|\bsetAttribute|\bglobal\.|\bprocess\.|\b(?:system|exec|eval|popen|passthru|shell_exec|require|import|open|read|file_get_contents|phpinfo|cycler|joiner|lipsum|get_flashed_messages)\s*\(|\.(?:constructor|prototype|getClass|class|exec|popen|system|read|getRuntime|forName|invoke)\b\s*[.(\[])[^}%\n]*(?:\}|%>)",
    ),
    short(
        "call",
        r"(?:\{\{|\$\{|#\{|\*\{|<%=)[^}%\n]*(?:\w\([^}%\n]*\)|\|\s*(?:join|safe|map|filter|sort|reduce)\b)[^}%\n]*(?:\}|%>)",
    ),
    short(
        "verb",
        r"\{\{\s*(?:\d+|[\[(][^}\n]*[\])]|'[^'}\n]*'|\x22[^\x22}\n]*\x22)\s*\||\{\{-?\s*(?:printf|println|html|js|call|template|define|block|urlquery)\s+[\x22`.$]|\{\{-?\s*\.[A-Z]\w*\s+[\x22`.]|\{!!\s*[$\w]",
    ),
    // numbers in other notations, assignments, and the openings of engines that few have
    short(
        "other-engine",
        r#"\{\{\s*(?:0x[\da-f]+|\d+(?:\.\d+)?e\d+)\s*[*+/%-]\s*\d|\{\{\s*\w+\s*=\s*\d+\s*\}\}|^\s*!\{\s*\d+\s*[*+/-]\s*\d+\s*\}|\[#(?:assign|list|if|macro|function|include|import|global|local)\s+[\w"'/]|\{math\s+equation\s*=|\{\{[^\n]*\|\s*(?:map|filter|sort|reduce)\s*\(\s*['"](?:system|exec|passthru|shell_exec|popen|proc_open|assert|phpinfo)\b|@Model\.GetType\s*\(|^\s*@(?:Environment|Activator|AppDomain)\.\w"#,
    ),
    short(
        "tag-reach",
        r"\{%-?\s*(?:debug\b|print\b|import\b|from\s+\S+\s+import\b|get_\w+|php\b)",
    ),
    short(
        "tag",
        r"\{%-?\s*(?:extends|load|csrf_token|set\s|for\s[^%\n]*\bin\b|include|if\s[^%\n]*(?:\(|__))",
    ),
    // a block that names what Handlebars' helpers reach code through
    always(
        "handlebars-reach",
        r#"\{\{[^}\n]*(?:\blookup\s+\w|\bconstructor\b|\bsplit\s+as\b|\bthis\.(?:push|pop|constructor|__proto__)|\brequire\b)|\{\{\s*#\s*with\s+["'(]"#,
    ),
    short(
        "handlebars",
        r#"\{\{\s*#?\s*(?:with|each)\s+[("\w]|\{\{\s*this\.\w+|\{\{/(?:with|each)"#,
    ),
    short("smarty-reach", r"\{(?:php|\$smarty|system|Smarty_)[^}]*\}"),
    short("smarty", r"\{if\s+[^}]*\([^}]*\}|\{literal[^}]*\}"),
    short(
        "velocity",
        r#"#(?:set|foreach|include|parse|evaluate|macro)\s*\(\s*[$"]"#,
    ),
    always(
        "freemarker-reach",
        r"\?new\(\)|\?lower_abc|\?api\b\.|\$\{\s*\.(?:data_model|main|globals|namespace|vars|get_optional_template|caller_template_name)\b|<#(?:import|include)\s",
    ),
    always("freemarker", r"<#(?:assign|list|if|function|macro)\s"),
    short(
        "erb-reach",
        r"<%[=@-]?[^%\n]*(?:\b(?:File|Dir|IO|Kernel|system|exec|eval|import|Runtime|require|foobar|ENV)\b|`[\w/]|_\.)",
    ),
    short("erb", r"<%[=@-]?[^%\n]*\b[a-z]\w+\("),
    short(
        "empty",
        r#"^[\s'"]*(?:\{\{|\$\{|#\{|\*\{|<%=?|\{\{=|\{%)\s*(?:\.\.\.)?\s*(?:\}\}|\}|%>|%\})\s*$|^\s*\{\{\s*(?:self|_self|_context|settings|handler\.settings|lipsum|cycler|joiner|namespace|url_for|get_flashed_messages|\.|\$)\s*\}\}\s*$|[$#]\{\s*(?:(?:application|session|request|page)Scope|pageContext|facesContext)\b|^\s*\{\d+\s*\*\s*\d+\}\s*$"#,
    ),
    short(
        "razor",
        r"@\{\s*\w+\s+\w+\s*=|@\(\s*\d+\s*[-+*/%]|@\(?\s*(?:using\s+)?System\.[A-Z]\w*(?:\.\w+)*\s*[.(;]|@using\s+System\b|@\(?\s*(?:Html|Url|Context|Request|Server|Environment|Activator|Assembly|File|Process|Type)\.\w+(?:\.\w+)*\s*\(|@(?:functions|code)\s*\{",
    ),
    always("print", r"\$\{@?(?:print|system|exec|phpinfo|passthru|sleep|eval)\b"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    let marks = Marks::CURLY
        .and(Marks::ANGLE)
        .and(Marks::HASH)
        .and(Marks::UNDERSCORE)
        .and(Marks::AT)
        .and(Marks::ROUND)
        .and(Marks::SQUARE);
    Simple::new(Family::Template, marks, ENTERED, RULES, lexicon).map(|rules| rules.unless(is_excused))
}

/// Whether a rule that matches says nothing here, by what is known of the value.
fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    match rule.name {
        // who writes templates loops, formats and calls the application's own helpers; what reaches
        // further is found all the same
        "call" | "verb" | "tag" | "handlebars" | "velocity" | "freemarker" | "smarty" => {
            is_written_there(value)
                || statement::is_statement(value.text)
                || is_of_a_build(value)
                || rule.name == "call" && is_of_a_workflow(value)
        }
        "erb" => value.is_password() || is_written_there(value),
        "reach" => is_written_there(value) && reaches_for_its_own(value.text),
        "razor" | "erb-reach" => value.is_password(),
        _ => false,
    }
}

/// Whether what looks like calls in a body are references to files, as deployment tools resolve
/// them: `${file(./env.yml):dev}`.
fn is_of_a_build(value: &Value<'_>) -> bool {
    let is_reference = |piece: &str| {
        let inside = piece.split('}').next().unwrap_or_default();
        inside.trim_start().starts_with("file(.") || !inside.contains('(')
    };
    value.place.part == Part::Body
        && value.text.contains("${file(.")
        && !["{{", "#{", "*{", "<%"]
            .iter()
            .any(|opening| value.text.contains(opening))
        && value.text.split("${").skip(1).all(is_reference)
}

/// Whether all expressions of a body's value are those of a workflow (GitHub, Forgejo): `${{ … }}`
/// with its own functions, each of which computes from its arguments alone.
fn is_of_a_workflow(value: &Value<'_>) -> bool {
    const FUNCTIONS: &[&str] = &[
        "always",
        "cancelled",
        "contains",
        "endsWith",
        "failure",
        "format",
        "fromJSON",
        "hashFiles",
        "join",
        "startsWith",
        "success",
        "toJSON",
    ];
    let is_expression = |(count, piece): (usize, &str)| {
        // what stands before the first opening ends with the sign of it
        let before = piece
            .rsplit_once("}}")
            .map_or(if count == 0 { piece } else { "" }, |(_, before)| before);
        let inside = if count == 0 {
            ""
        } else {
            piece.split("}}").next().unwrap_or_default()
        };
        // strings have single quotes, and nothing in one calls
        let code = inside.split('\'').step_by(2).collect::<Vec<_>>().join("'");
        let mut calls = code
            .match_indices('(')
            .map(|(at, _)| code.get(..at).unwrap_or_default().trim_end());
        // a bracket groups, or calls one of the functions by its name; what is computed is neither
        let is_known = |called: &str| {
            let before = called.trim_end_matches(|sign: char| sign.is_alphanumeric() || sign == '_');
            let name = called.get(before.len()..).unwrap_or_default();
            let before = before.trim_end();
            let is_operand = before.is_empty() || before.ends_with(['(', ',', '&', '|', '!', '=', '<', '>', '[']);
            is_operand && (name.is_empty() || FUNCTIONS.contains(&name))
        };
        calls.all(is_known)
            && !inside.contains(['"', '\\'])
            && !inside.replace("||", "").contains(['|', '%', '#', '$', '{', '`'])
            && !inside.contains("__")
            && !["${", "#{", "*{", "<%"].iter().any(|opening| before.contains(opening))
    };
    let text = value.text;
    value.place.part == Part::Body
        && text.contains("${{")
        && text.matches("{{").count() == text.matches("${{").count()
        && text.split("${{").enumerate().all(is_expression)
}

/// Whether a value stands where templates are written: a template's field, rich text, a mail or a
/// message, in a body.
fn is_written_there(value: &Value<'_>) -> bool {
    const WRITTEN: NameHints = NameHints::TEMPLATE.and(NameHints::HTML).and(NameHints::TEXT);
    let is_at = || value.context.path.contains("template") || value.context.is_automation();
    value.place.part == Part::Body && (value.place.hints().any(WRITTEN) || is_at())
}

/// Whether what expressions reach for is the data of the template's own: of a step of a workflow by
/// its name (n8n's `$node["HTTP Request"].json`), of the mail itself (`_self.subject`). Nothing in
/// it is called.
fn reaches_for_its_own(text: &str) -> bool {
    const STEPS: &[&str] = &["$node[\"", "$node['", "$items(\"", "$('", "$(\""];
    const MEMBERS: &[&str] = &["subject", "name", "title", "language", "locale", "sender", "recipient"];
    let mut pieces = text.split("{{");
    let before = pieces.next().unwrap_or_default();
    let is_own = |piece: &str| {
        let code = piece.split("}}").next().unwrap_or_default().trim();
        let step = STEPS.iter().find_map(|start| code.strip_prefix(start));
        let path = match step {
            Some(step) => step.split_once(['"', '\'']).map_or("(", |(_, path)| path),
            None => code
                .strip_prefix("_self.")
                .filter(|member| MEMBERS.contains(member))
                .unwrap_or("("),
        };
        let path = path.trim_start_matches([']', ')']);
        let is_member = |byte: u8| byte.is_ascii_alphanumeric() || b"._-[]\"' ".contains(&byte);
        path.bytes().all(is_member)
            && !["constructor", "prototype", "__"]
                .iter()
                .any(|part| path.contains(part))
    };
    let has_others = ["${", "#{", "*{", "<%"].iter().any(|opening| text.contains(opening));
    !has_others && !before.contains("{%") && pieces.all(is_own)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, family_of, find_in_query};

    #[test]
    fn workflows_have_expressions_of_their_own() {
        for text in [
            "${{ github.ref == 'refs/heads/main' && success() }}",
            "a: \"${{ always() }}\"",
            "${{ hashFiles('**/package-lock.json') }}",
            "${{ contains(github.event.head_commit.message, 'x') || failure() }}",
            "${{ fromJSON(needs.a.outputs.b) }} and ${{ cancelled() }}",
            "${{ always () && !( failure() || (cancelled()) ) }}",
            "${{ contains(github.event.head_commit.message, 'fix (wip)') }}",
            "${{ fromJSON(env.A)[contains('a', 'b')] }}",
        ] {
            assert_eq!(family_of("jobs.b.if", text), None, "{text}");
            assert_eq!(find_in_query("if", text).unwrap().0, "template", "{text}");
        }
        for text in [
            "${{ f(x) }}",
            "{{ always() }}",
            "${{ x.format(1) }}",
            "${{ always()|map('system') }}",
            "${{ always() }} ${f(x)}",
            "${{ always() }} {{ f(x) }}",
            "${{ ''.__class__.format() }}",
            "${{7*7}}",
            "${{ always() && lipsum ('x') }}",
            "${{ always() && lipsum\t('x') }}",
            "${{ always() && f ('x') }}",
            "${{ always() && x['y']('z')() }}",
            "${{ always() && x['y'] ('z') }}",
            "${{ always()('x') }}",
            "${{ always() && 'x'('y') }}",
            "${{ always() && x . format ('y') }}",
            "${{ always() && \u{e9}('x') }}",
            "${{ \u{e9}format('x') }}",
            "${{ '\\'' || lipsum('x') }}",
            "${{ \"'\" && lipsum(\"'\") }}",
        ] {
            assert_eq!(family_of("jobs.b.if", text), Some("template"), "{text}");
        }
    }

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "template",
            &[
                r##"{{7*7}}"##,
                "{{ 0x7*7 }}",
                "{{7e0*7}}",
                "{{1e1-1}}",
                "{{x=1}}",
                "!{7*7}",
                "[#assign x=1]",
                r#"{{ {"a":1}|map("system") }}"#,
                r#"{math equation="7*7"}"#,
                "@Model.GetType()",
                "@Environment.MachineName",
                r##"${7*7}"##,
                r##"#{ 7 * 7 }"##,
                r##"<%= 7*7 %>"##,
                r##"{{''.__class__.__mro__[2].__subclasses__()}}"##,
                r##"${T(java.lang.Runtime).getRuntime().exec('id')}"##,
                r##"{{config.items()}}"##,
                r##"{{ request|attr('x') }}"##,
                r##"<#assign ex = "freemarker.template.utility.Execute"?new()>"##,
                r##"{php}echo 1;{/php}"##,
                r##"#set($x = 1)"##,
                r##"{{_self.env.getFilter('id')}}"##,
                r##"<%= File.open('/etc/motd').read %>"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"Hello {{name}}"##,
            r##"Dear ${first_name},"##,
            r##"{{ user.email }}"##,
            r##"{% endif %}"##,
            r##"a #hashtag (really)"##,
            r##"100% {sure}"##,
            r##"my_project/__init__.py"##,
            r##"font: {size: 12px}"##,
            r##"price <%"##,
            r##"#1 {best}"##,
        ]);
    }
}
