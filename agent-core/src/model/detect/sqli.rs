//! SQL injection (CWE-89; OWASP WSTG-INPV-05): a value that leaves its place in a statement.
//!
//! The tokenizer finds what has the tokens of an injection; the rules find what it does not: functions that only attackers call,
//! statements behind a semicolon, keywords within comments. SQL as such is no injection: people search for it and write about it.

use super::{
    BuildError, CERTAIN, Detector, Family, Finding, Marks, Rule, RuleSet, Value,
    lexicon::Lexicon,
    rules::{always, hint, short},
    tokens::{self, Sql},
};

/// What the tokenizer's doubt counts, in hundredths: any rule makes it certain.
const DOUBT: u8 = 45;

/// Without one of these, a value is neither an injection nor a statement.
const MARKS: Marks = Marks::QUOTE
    .and(Marks::BLANK)
    .and(Marks::ROUND)
    .and(Marks::SEMICOLON)
    .and(Marks::HASH)
    .and(Marks::STAR)
    .and(Marks::EQUALS)
    .and(Marks::ANGLE)
    .and(Marks::AT)
    .and(Marks::COLON)
    .and(Marks::COMMA)
    .and(Marks::UNDERSCORE);

/// What stands beside a quote where a string is left, and in prose and names does not.
const OPERATORS: Marks = Marks::ROUND
    .and(Marks::SEMICOLON)
    .and(Marks::HASH)
    .and(Marks::STAR)
    .and(Marks::EQUALS)
    .and(Marks::ANGLE)
    .and(Marks::AT)
    .and(Marks::PIPE)
    .and(Marks::OTHER)
    .and(Marks::DASH)
    .and(Marks::PERCENT)
    .and(Marks::COMMA);

/// Words that an expression without quotes is made of. They count nothing, and say that the tokenizer is worth asking.
const WORDS: &[Rule] = &[hint(
    "words",
    0,
    r#"\b(?:union|select|insert|update|delete|drop|having|sleep|benchmark|exec|waitfor|declare|null|regexp)\b|\b(?:or|and|xor|div|mod|is|in|r?like|between)\b\s*[-\d(@'"!~+{%]|--(?:\s|$)|#|/\*[^;,\s]|\d\s*[|&]|\w\(|['"`]\s*(?:or|and|xor|is|in|div|mod|not)\b"#,
)];

pub(super) const RULES: &[Rule] = &[
    // a second query; what follows must be columns, as "union select committee" is none
    always(
        "union-select",
        r#"\bunion\b(?:[\s(+/*!\d-]|all\b|distinct\b|\*/|#[^\n]{0,40}\n|--[^\n]{0,40}\n)*\bselect\b(?:[\s(/*!+]|#[^\n]{0,40}\n)*(?:$|null\b|[-\d'"@(*`~+#]|char\b|concat|\w+\s*(?:[,(#]|--|from\b))"#,
    ),
    always("union-split", r#"\buni?\W{1,12}o?n\W+sel?\W{1,12}l?e?ct\b"#),
    // time and errors as channels (PortSwigger, "Blind SQL injection")
    always(
        "delay",
        r#"\bbenchmark\s*\(\s*[\d(]|\b(?:pg_sleep|dbms_pipe\.receive_message|dbms_lock\.sleep|randomblob)\b\s*\(|\bwaif?t?for\s+(?:delay|time)\s*\(?['"\d]"#,
    ),
    short(
        "sleep",
        r#"(?:^|[\s=(,;|&'"/*])sleep\s*\(\s*['"]?[\d_*]+['"]?\s*\)\s*(?:$|--|#|/\*|\)|,|\band\b|\bor\b|=|;)|^\W*sleep\W+\d+\W*$|\bselect\s+(?:pg_sleep\b|sleep\s*\()"#,
    ),
    always(
        "catalogue",
        r"\bfrom\s+(?:information_schema|sys(?:objects|columns|users)|sqlite_master|pg_catalog|mysql\.user|all_tables|user_tables|v\$version)\b|\b(?:utl_http|utl_inaddr|dbms_\w+)\.\w+|\b(?:extractvalue|updatexml|load_file|openrowset|xmltype|lo_(?:get|import|export)|pg_(?:read_(?:binary_)?file|ls_dir|stat_file)|current_setting|dblink(?:_connect)?|query_to_xml|sys_(?:eval|exec)|procedure\s+analyse)\s*\(|\binto\s+(?:out|dump)file\b|\bmaster\.\.|\bbulk\s+insert\b|\bexecute\s+immediate\b",
    ),
    short(
        "procedure",
        r"\b(?:xp_(?:cmdshell|dirtree|regread|fileexist)|sp_(?:executesql|password|oacreate)|msdasql|nvarchar|pg_catalog|information_schema\.tables\s*$)\b|@@(?:version|microsoft\w*|datadir|hostname|servername)\b",
    ),
    // another statement behind the first
    short(
        "stacked",
        r#"^[^;\n]{0,80};\s*(?:select\b[^;]*[(\d*@'"]|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b|drop\s+(?:table|database|user|view|index|procedure|\w+;)|alter\s+(?:table|user|database)\b|create\s+(?:table|user|database|function|procedure)\b|exec(?:ute)?\s*[(@x]|declare\s+@|shutdown\b\s*(?:--|;|with|$)|truncate\s+table\b|waitfor\b|grant\s+\w+\s+to\b|merge\s+into\b|copy\s+[^;]{1,80}?\b(?:to|from)\s+program\b|attach\s+database\b|load\s+data\b|replace\s+into\b|do\s+\$\$|begin\s+dbms_|call\s+\w+\.\w+\()"#,
    ),
    short(
        "statement",
        r#"^[\s/'"();\d]{0,6}(?:insert\s+into\s+\S+\s*\([^)]*\)\s*values|drop\s+(?:table|database)\s+\w+\s*(?:;|--|$)|delete\s+from\s+\w+\s*(?:;|--|where)|create\s+(?:table\s+\w+\s*\(|user\s+\w+\s+identified)|update\s+\w+\s+set\s+\w+\s*=|exec(?:ute)?\s+(?:master|xp_|sp_|immediate)|declare\s+@\w+\s+\w*char|grant\s+\w+\s+to\s|drop\s+\w+\s*;\s*--|backup\s+database)"#,
    ),
    // how many columns there are
    short(
        "columns",
        r"\b(?:order|group)\s+by\s+\d+(?:\s*,\s*\d+)*\s*(?:--|#|/\*|$)|\border\s+by\s+\d+\s*,\s*\w+\(",
    ),
    // conditions that are always so
    always(
        "tautology",
        r#"(?:^|['"`)\d\s])\s*(?:or|and|xor|having)\b\s*\(*\s*(?:not\s+)?(?:\d+|['"]\w*['"])\s*\)*\s*(?:==?|<|>|like\b|<>|!=|<=>|\bis\b|rlike\b|between\b)\s*\(*\s*(?:\d+|['"]\w*['"]?)"#,
    ),
    short(
        "condition",
        r#"^\W{0,6}(?:or|and)\s+\w\s*(?:=|<|>|like\b)\s*\w\b|^\W{0,6}(?:or|and)\s+(?:true|false|not\s+\w+|\d+|null)\s*(?:--|#|/\*)|^\W{0,4}(?:and|or)\s+\S+\s*(?:=|!=|<|>|like)\s*["'(]?\s*$|^\W{0,4}xor\s+\d+\s*[-<>=]|^\d+\s*(?:\|\||&&)\s*\d+\s*=\s*\d|^\W*like\s+null$|\)\s*like\s*\($"#,
    ),
    short(
        "compare",
        r#"^[\w,'"]{0,6}\(?\d+\)?\s*(?:=|<=>|!=|<>)\s*\(?\d+\)?[\s)'";#-]{0,3}$|^\d+\s+(?:is\s+not|like|not\s+in)\s+\(?\d+$|^'[\w\s]{0,12}'\s*(?:=|!=|<>|<=>)\s*'[\w:]{0,20}'?$"#,
    ),
    // a string that ends, and goes on as an expression
    short(
        "break-operator",
        r#"^[^'"`\n]{0,80}['"`]\s*\)*\s*(?:\|\||&&|\b(?:or|and|xor|div|mod|rlike|regexp|having)\b)\s*\(*\s*(?:\d+\s*(?:=|<|>|--|#|/\*|\)|;|\blike\b|\band\b|\bor\b|&&|\|\|)|['"`]\w*['"`]?\s*(?:=|<|>|!=|\blike\b|\brlike\b)|[@~!(]|not\s|null\b|true\b|false\b|exists\b|select\b|sleep\b|\w+\(|\w+\s*(?:=|<|>|!=|\blike\b|\bis\s+(?:not\s+)?null|\bis\s+(?:not\s+)?['"])|['"]\s*--|myapp)"#,
    ),
    short(
        "break-comparison",
        r#"^[^'"`\n]{0,80}['"`]\s*\)*\s*(?:like|is(?:\s+not)?|not\s+like|collate|not\s+in|between|notnull)\b\s*\(*\s*(?:[`'(\d?]|"\w*"?--|null\b|nocase|\w+\s*--|--)"#,
    ),
    short(
        "break-comment",
        r#"^[^'"`\n]{0,40}(?:'|[^\d'"`\n]")\s*\)*\s*;?\s*(?:--(?:[+-]|\s*\S{0,6}\s*$)|#\s*$|/\*[^'"\n]*$|;--|;\s*#)|^'\s*\)*\s*;?\s*(?:--|#|/\*)[^'\n]*$|^"\s*\)*\s*;?\s*(?:--|#|/\*)[^"\n]*$|^`\s*\)*\s*;?\s*(?:--\s|#\s*$|/\*)[^`\n]*$|^[^'"`\n]{0,40}'(?:[^a-z'"`\n][^'"`\n]{0,40})?(?:[\w)\s](?:--|/\*)|[\d)]#)\s*$"#,
    ),
    short(
        "break-subquery",
        r#"^[^'"`\n]{0,40}['"`]?\s*\)*\s*\(\s*select\s+(?:top\b|\*|\w+\s+from\b|\d|\(|@)"#,
    ),
    // a string that is left around an operator, and entered again
    short(
        "break-around",
        r#"^[^\s'"`]{0,20}'\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*'[\w%]{0,12}$|^[^\s'"`]{0,20}"\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*"[\w%]{0,12}$|^[^\s'"`]{0,20}`\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*`[\w%]{0,12}$|^[^\s'"`]{1,20}'\s*[-+*/^%|&=<>!]{1,3}[\s!~+(-]*'\w{0,12}$|^[^\s'"`]{0,20}'[-+*/^%|&]\S{0,12}[=<>]\s*'\w{1,12}$"#,
    ),
    // a string that ends, and what follows is not to be read
    short(
        "break-rest",
        r#"^[^\s'"`]{0,60}['"`]\s*\)*\s*(?:x?or|and|is|not|in|collate|r?like|glob|between|regexp)\b[^\n]{1,120}(?:--\s*-?|[\s'")]#|\);)\s*$|^[^\s'"`;]{2,60}['`];\s*$"#,
    ),
    // comments in the place of blanks, or within words
    short(
        "comment-blank",
        r#"(?:^|[^\w/.*])(?:select|union|from|where|declare|replace|having|drop)/\*[^*]{0,60}\*/[\w@(*'"]"#,
    ),
    always(
        "comment-split",
        r"\b(?:s/\*[^*]{0,60}\*/elect|se/\*[^*]{0,60}\*/lect|sel/\*[^*]{0,60}\*/ect|sele/\*[^*]{0,60}\*/ct|u/\*[^*]{0,60}\*/nion|un/\*[^*]{0,60}\*/ion|uni/\*[^*]{0,60}\*/on|unio/\*[^*]{0,60}\*/n|d/\*[^*]{0,60}\*/rop|dr/\*[^*]{0,60}\*/op|dro/\*[^*]{0,60}\*/p)\b",
    ),
    hint("select-from", 40, r"\bselect\b[^;\n]{1,200}\bfrom\b"),
    // columns that are no names
    hint(
        "select-literal",
        50,
        r#"^[\s'"();]{0,6}select\s+(?:distinct\s+)?(?:-?\s*\d|@|null\b|['"`(]|binary\s|\w+\s*\()"#,
    ),
    hint(
        "select",
        40,
        r#"^[\s'"();]{0,6}select\s+(?:\*|[\w.`]+\s*[,(]|distinct\s|top\s+\d)|[(;=]\s*select\b"#,
    ),
    // operators and functions that values do not have
    short(
        "cast",
        r#"['")\d]::(?:int\d?|jsonb?|text|numeric|varchar|regclass)(?:$|[\s),;=|'#">@?\[-])|\b(?:convert|cast)\s*\(\s*(?:int|\(|select|\w+\s+as\s)"#,
    ),
    short(
        "json",
        r"\bor\s+'[\[{].*'\s*(?:<@|@>|#>|->|\?\||\?|<|>|::)|'::jsonb?\s*[|#<>?@-]|\bjson_(?:extract|depth|value|query|length)\s*\(",
    ),
    // MySQL runs what stands in it; `/*!` alone begins a comment on documentation in Rust
    always(
        "versioned-comment",
        r"/\*!(?:\d{5,6}\s*\w|\s*(?:union|select|and|or|xor|order|group|from|where|having|sleep|benchmark|insert|all|limit|into|[a-z_]+\())",
    ),
    short("exponent", r"\b\d\.e[.(][a-z\d]"),
    short(
        "case",
        r"\bcase\s+when\b.{1,80}\bthen\b|\bselect\s+case\s*\(|\bcase\s+\d+\s+when\s+\d",
    ),
    always(
        "function",
        r#"\b(?:ascii|char|chr|substring|substr|mid|ord|hex|unhex|elt|concat|group_concat|concat_ws|make_set|ifnull|nullif|extract|count|length|strcmp|upper|user|version)\s*\([^()\n]{0,60}\(\s*select\b|,\s*if\(\w+[=(<>]|\b(?:ascii|ord|hex|length)\s*\(\s*(?:substr(?:ing)?|mid|left|right)\s*\(\s*(?:\(|version\b|user\b|database\b|current_user\b)|\bfind_in_set\s*\('|\bchar\(\d+\)\s*[+|,]|\bconcat(?:_ws)?\(0x|\bchr\(\d+\)\s*\|\|"#,
    ),
];

/// Finds SQL injection.
pub(super) struct Sqli {
    rules: RuleSet,
    words: RuleSet,
}

impl Sqli {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
            words: RuleSet::with(WORDS, lexicon)?,
        })
    }

    /// Whether the tokenizer, which is dear, has something to find.
    fn is_worth_tokens(&self, value: &Value<'_>) -> bool {
        may_be_tokens(value) || self.words.judge(value).is_some()
    }
}

/// Whether the tokenizer may find what no rule does.
pub(super) const fn may_be_tokens(value: &Value<'_>) -> bool {
    value.marks.any(Marks::QUOTE) && value.marks.any(OPERATORS)
}

impl Detector for Sqli {
    fn family(&self) -> Family {
        Family::Sqli
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(MARKS)
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        let by_rules = self.rules.judge(value);
        let is_certain = by_rules.as_ref().is_some_and(|finding| finding.score >= CERTAIN);
        if is_certain || value.is_document || !self.is_worth_tokens(value) {
            return by_rules;
        }
        let doubt = match tokens::sql(value.text) {
            Sql::Harmless => return by_rules,
            Sql::Doubtful => DOUBT,
            Sql::Injection => CERTAIN,
        };
        let mut finding = by_rules.unwrap_or_else(|| Finding::new("tokens", 0, 0..value.text.len()));
        finding.score = finding.score.saturating_add(doubt).min(100);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn injections_are_found() {
        assert_finds(
            "sqli",
            &[
                "1' OR '1'='1",
                "admin'--",
                "' or 1=1#",
                "1 UNION SELECT null,null",
                "1/**/union/*!50000select*/1,2",
                "1; DROP TABLE users--",
                "'; WAITFOR DELAY '0:0:5'--",
                "1 AND (SELECT 1 FROM (SELECT(SLEEP(5)))x)",
                "1) or pg_sleep(5)--",
                "' and extractvalue(1,concat(0x7e,version()))-- ",
                "1 order by 10-- -",
                "x' AND email IS NULL; --",
                "') or ('a'='a",
                "1 and 1=1",
                "'||(select password from users limit 1)||'",
                "exec master..xp_cmdshell 'dir'",
                "' or true--",
                "uni\",\"on sel\",\"ect 1,2",
                "id=1 and ascii(substr((select database()),1,1))>64",
                "x'||'6",
                "a'or'a",
                "x' = !!'0",
                "guest' is not id--",
                "me@example.com';",
                "select/**/password/**/from/**/members",
                "dr/**/op/*x*/t",
                "or 4975==4975'",
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            "The union select committee meets from 9 to 5",
            "O'Brien and Sons",
            "80% ACRYLIC AND 20% WOOL",
            "Which index helps ORDER BY created_at DESC LIMIT 10?",
            "it's 5 o'clock -- somewhere",
            "Select a seat from the list",
            "select one from the menu",
            "I'm learning C#",
            "That's all folks --",
            "my parents' -- and mine",
            "drop table reservations are not possible",
            "necklace length 16\" or 18\"",
            "\"WOOD\" AND \"SIGN\" AND \"POLKA DOTS\"",
            "rock 'n' roll or jazz",
            "1 or 2 people",
            "insert coins into the machine",
            "L'Oréal & L'Occitane",
            "x = 5 or y = 6",
            "How do I write SELECT * FROM users WHERE id = 1 in Rails?",
            "#1 hit -- the best of 1999",
            "john's book; delete it from the cart",
            "6&R2LYd+@cXO",
            "foo' OR \"BAR",
            "students' in C#",
            "Palme d'or",
            "5'-6'",
            "rock'n'roll",
            "'tis the season;",
            "parents' and guardians;",
            "src/**/select/*.rs",
            "benchmark(ing) tools",
        ]);
    }
}
