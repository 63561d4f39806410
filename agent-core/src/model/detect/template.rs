//! Injection into templates (CWE-1336; PortSwigger, "Server-side template injection"): an expression, not a placeholder.
//!
//! `{{name}}` and `${name}` stand in mails and documents. An expression computes (`{{7*7}}`), calls (`${x.getClass()}`) or reaches for
//! what no text needs (`__mro__`, `request`, `config`).

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always, short},
};

pub(super) const RULES: &[Rule] = &[
    short(
        "arithmetic",
        r#"(?:\{\{|\$\{|#\{|\*\{|@\{|~\{|<%=?|\{%|@\(|\$\[)\s*['"]?\d+['"]?\s*[*+/-]\s*['"]?\d+"#,
    ),
    always(
        "python",
        // a member of a class is everyday Python; a chain of them, one of a literal, or one within a template is not
        r#"(?:\{\{|\{%|[$#*@]\{|<%[=@\s])[^\n]{0,200}?__\w+__|(?:''|""|\(\)|\[\]|\{\}|['"\d)])\s*\.\s*__class__|__(?:class|base|init|mro)__\s*\.\s*__(?:mro|bases?|subclasses|globals|init|class)__|__(?:subclasses|globals|builtins|mro|bases)__\s*(?:\(\s*\)|\[)|(?:\[|\battr\()\s*['"]__(?:class|mro|subclasses|globals|builtins|bases|base|getattribute|getitem|init|import)__['"]\s*[\])]|\[\]\.class\.base"#,
    ),
    always(
        "java",
        r"[$#*%@{]\{?[^}\n]{0,200}(?:T\(\s*java|getRuntime|\.getClass|\.forName|freemarker\.template|ProcessBuilder|\.newInstance|#application|#request|#session|#context|#parameters|@java|@org\.|_memberAccess|ScriptEngine|\bgetResource\()",
    ),
    short(
        "call",
        r"(?:\{\{|\$\{|#\{|\*\{|<%=)[^}%\n]{0,200}(?:\w\([^}%\n]*\)|\|\s*(?:attr|map|filter|join|safe|passthru|system|sort|reduce)\b|\bself\.|\bconfig\b|\brequest\b|\b_self\b|\b_context\b|\b_\.|\bimport\b|\bdump\b|\binclude\b|\bsettings\.|\.signer|\bsetAttribute|\bglobal\.|\bprocess\.)[^}%\n]{0,300}(?:\}|%>)",
    ),
    short(
        "tag",
        r"\{%\s*(?:debug|include|import|extends|load|set\s|for\s.{1,40}\bin\b|get_\w+|csrf_token|if\s.{0,100}(?:\(|__))",
    ),
    short(
        "handlebars",
        r#"\{\{\s*#?\s*(?:with|each)\s+[("\w]|\{\{\s*this\.\w+|\{\{/(?:with|each)"#,
    ),
    short(
        "smarty",
        r"\{(?:php|literal|\$smarty|system|Smarty_|if\s+[^}]*\()[^}]*\}",
    ),
    short(
        "velocity",
        r#"#(?:set|foreach|include|parse|evaluate|macro)\s*\(\s*[$"]"#,
    ),
    always(
        "freemarker",
        r"<#(?:assign|list|if|include|import|function|macro)\s|\?new\(\)|\?lower_abc|\?api\b\.",
    ),
    short(
        "erb",
        r"<%[=@-]?[^%]{0,300}(?:\b(?:File|Dir|IO|Kernel|system|exec|eval|import|Runtime|require|foobar)\b|\w+\(|`|_\.)",
    ),
    short(
        "empty",
        r#"^[\s'"]*(?:\{\{|\$\{|#\{|\*\{|<%=?|\{\{=|\{%)\s*(?:\.\.\.)?\s*(?:\}\}|\}|%>|%\})\s*$|^\s*\{\{\s*(?:self|_self|_context|settings)\s*\}\}\s*$|^\s*\{\d+\s*\*\s*\d+\}\s*$"#,
    ),
    short(
        "razor",
        r"@\{\s*\w+\s+\w+\s*=|@\(\s*\d|@(?:using|System)\b.{0,20}\bSystem",
    ),
    always("print", r"\$\{@?(?:print|system|exec|phpinfo|passthru|sleep|eval)\b"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(
        Family::Template,
        Marks::CURLY
            .and(Marks::ANGLE)
            .and(Marks::HASH)
            .and(Marks::UNDERSCORE)
            .and(Marks::AT),
        ENTERED,
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
            "template",
            &[
                r##"{{7*7}}"##,
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
