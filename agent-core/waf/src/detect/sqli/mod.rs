//! SQL injection (CWE-89; OWASP WSTG-INPV-05): a value that leaves its place in a statement.
//!
//! The tokenizer finds what has the tokens of an injection; the rules find what it does not:
//! functions that only attackers call, statements behind a semicolon, keywords within comments. SQL
//! as such is no injection: people search for it and write about it.

mod honest;

use super::{
    BuildError, CERTAIN, Detector, Family, Finding, Hits, Marks, Rule, RuleSet, Value,
    lexicon::Lexicon,
    rules::{always, hint, short},
    sql::{self, Sql},
    statement,
};
use crate::places::{NameHints, Part, Place};

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
    .and(Marks::PIPE)
    .and(Marks::OTHER)
    .and(Marks::DASH)
    .and(Marks::UNDERSCORE);

/// What stands beside a quote where a string is left, and in prose and names does not.
const OPERATORS: Marks = SIGNS.and(Marks::OTHER).and(Marks::DASH).and(Marks::COMMA);

/// Those of them that names and prose do not have either.
const SIGNS: Marks = Marks::ROUND
    .and(Marks::SEMICOLON)
    .and(Marks::HASH)
    .and(Marks::STAR)
    .and(Marks::EQUALS)
    .and(Marks::ANGLE)
    .and(Marks::AT)
    .and(Marks::PIPE)
    .and(Marks::PERCENT);

/// What stands before a string is left: a value of some words. More of them are a sentence, in
/// which a quote is an apostrophe.
macro_rules! value {
    () => {
        r#"^[^\s'"`]*(?:[ \t]+[^\s'"`]+){0,4}[ \t]*"#
    };
}

/// What an expression without quotes is made of: words, and signs. They count nothing, and say that
/// the tokenizer is worth asking.
const WORDS: &[Rule] = &[
    hint(
        "words",
        0,
        r"\b(?:union|select|insert|update|delete|drop|having|sleep|benchmark|exec|waitfor|declare|null|regexp)\b",
    ),
    hint(
        "operators",
        0,
        r#"\b(?:or|and|xor|div|mod|is|in|r?like|between)\b\s*[-\d(@'"!~+{%]|['"`]\s*(?:or|and|xor|is|in|div|mod|not)\b"#,
    ),
    hint("signs", 0, r"--(?:\s|$)|#|/\*[^;,\s]|\d\s*[|&]|\w\("),
];

pub(super) const RULES: &[Rule] = &[
    // a second query; what follows must be columns, as "union select committee" is none
    always(
        "union-select",
        r#"\bunion\b(?:[\s(+/*!\d-]|\xEF\xBF\xBD|\xC2\xA0|all\b|distinct\b|\*/|#[^\n]*\n|--[^\n]*\n)*\bselect\b(?:[\s(/*!+]|#[^\n]*\n)*(?:$|null\b|[-\d'"@(*`~+#]|char\b|concat|[\w.]+\s*(?:[,(#|+*/]|--|(?:from|as|where|limit|into|collate)\b))"#,
    ),
    // a second query without `select` (MySQL 8, PostgreSQL), behind a number or a string
    short(
        "union-values",
        r#"^\s*(?:[(-]*\d+|[^\s'"`]*['"`])\s*\)*\s*union(?:\s|/\*[^*]*\*/|\()+(?:(?:all|distinct)[\s(]+)?(?:values\s*(?:row\s*)?\(|table\s+[\w.`]+\s*\)*\s*(?:--|#|;|/\*|(?:limit|order|union)\b|$))"#,
    ),
    always(
        "union-split",
        r#"\b(?:uni\W*["'|+/*]\W*on|un\W*["'|+/*]\W*ion)\W+(?:sel\W*["'|+/*]\W*ect|se\W*["'|+/*]\W*lect)\b"#,
    ),
    // time and errors as channels (PortSwigger, "Blind SQL injection")
    always(
        "delay",
        r#"\bbenchmark\s*\(\s*(?:\d+\s*,|\()|\b(?:pg_sleep|dbms_pipe\.receive_message|dbms_lock\.sleep|randomblob)\b\s*\(|\bwaif?t?for\s+(?:delay|time)\s*\(?['"\d]"#,
    ),
    short(
        "sleep",
        r#"(?:^|[\s=(,;|&'"/*])sleep\s*\(\s*['"]?[\d_*]+['"]?\s*\)\s*(?:$|--|#|/\*|\)|,|\band\b|\bor\b|=|;)|^\W*sleep\W+\d+\W*$|\bselect\s+(?:pg_sleep\b|sleep\s*\()"#,
    ),
    always(
        "catalogue",
        r"\bfrom\s+(?:information_schema|sys(?:objects|columns|users|databases|logins)|sys\.\w+|sqlite_(?:temp_)?(?:master|schema)|pg_(?:catalog|shadow|authid|roles|stat_activity)|mysql\.\w+|(?:all|user|dba)_(?:tables|users|tab_columns)|v\$\w+|msysobjects|sysibm\b|syscat\b|rdb\$\w+|system\.(?:tables|columns|numbers|users))\b|\bmaster\.\.|\bprocedure\s+analyse\s*\(",
    ),
    // what reads, writes or runs something outside of the database
    always(
        "system-function",
        r"\b(?:utl_http|utl_inaddr|dbms_\w+)\.\w+|\b(?:extractvalue|updatexml|load_file|openrowset|xmltype|lo_(?:get|import|export)|pg_(?:read_(?:binary_)?file|ls_dir|stat_file)|current_setting|dblink(?:_connect)?|query_to_xml|sys_(?:eval|exec|context)|load_extension|pg_sleep_(?:for|until)|sleepeachrow|csv(?:read|write)|file_(?:read|write)|httpuritype|xp_\w+)\s*\(|\binto\s+(?:out|dump)file\b|\bbulk\s+insert\b|\bexecute\s+immediate\b",
    ),
    // PostgreSQL's copies from and to what a program says and reads
    always(
        "program",
        r#"\bcopy\s+(?:[\w."`]+\s*(?:\([^()]*\)\s*)?|\([^;]*\)\s*)(?:to|from)\s+program\s*(?:e?'|\$\w*\$|\$\d)"#,
    ),
    short(
        "procedure",
        r"\b(?:xp_(?:cmdshell|dirtree|regread|fileexist)|sp_(?:executesql|password|oacreate)|msdasql|nvarchar|pg_catalog|information_schema\.tables\s*$)\b|@@(?:version|microsoft\w*|datadir|hostname|servername)\b",
    ),
    // another statement behind the first
    short(
        "stacked",
        r#"^[^\s;]*(?:[ \t]+[^\s;]+){0,6}[ \t]*;\s*(?:select\s*(?:[(*@+-]|'[^']*'\s*(?:[,;)]|--|#|$|as\b|from\b|into\b)|\s\w+\s*\(|\s-?\d|\snull\b|\s[\w.`]+(?:\s*,\s*[\w.`]+)*\s+from\s+[\w.`"\[\]]+\s*(?:[;)]|--|#|/\*|where\b|limit\b|(?:order|group)\s+by\b|union\b|join\b|having\b)|\s[\w.]+\s*(?:,\s*(?:\w+\s*\(|\d|')|--|#))|insert\s+into\b|update\s+\w+\s+set\b|delete\s+(?:\w+\s+)?from\s+[\w.`"\[\]]+\s*(?:where\b|limit\b|;|--|#|/\*|$)|drop\s+(?:table|database|user|view|index|procedure|\w+;)|alter\s+(?:table|user|database)\b|create\s+(?:table|user|database|function|procedure)\b|exec(?:ute)?\s*[(@x]|declare\s+@|shutdown\b\s*(?:--|;|with|$)|truncate\s+table\b|waitfor\b|grant\s+(?:dba|connect|resource|all|select|insert|update|delete|execute|usage|superuser)\s+to\s|grant\s+[\w\s,]+\son\s+[\w.*`"]+\s+to\s|merge\s+into\b|copy\s[^;]*?\b(?:to|from)\s+program\b|attach\s+database\b|load\s+data\b|replace\s+into\b|do\s+\$\$|begin\s+dbms_|call\s+\w+\.\w+\()"#,
    ),
    // behind a value of one word, what no sentence goes on with: administration, prepared
    // statements, variables, transactions
    short(
        "stacked-command",
        r#"^[^\s;]*['")\s]*;\s*(?:show\s+(?:(?:full|global|session|master|slave|replica|binary|create|open|all)\s+)?(?:tables?|databases?|schemas?|columns|fields|grants|privileges|variables|status|processlist|warnings|errors|engines?|plugins|index(?:es)?|keys|triggers|events|procedure|function|logs|users?|roles|character\s+set|collation|hosts|view|server_version|data_directory|config_file)\b|prepare\s+\w+\s*(?:from|as|\()|deallocate\b|execute\s+\w+\s*(?:;|using\b|\(|--|#|$)|vacuum\b|analy[sz]e\s+(?:table\s+)?\w+\s*(?:;|--|#|\(|$)|reindex\b|optimi[sz]e\s+table\b|set\s+(?:@|global\b|session\b|local\b|names\b|password\b|role\b|transaction\b|autocommit\b|search_path\b|\w+\s*=)|pragma\s+\w|(?:at|de)tach\s+(?:database\s+)?['"\w]+\s*(?:as\b|;|--|$)|handler\s+\w+\s+(?:open|read|close)\b|(?:un)?lock\s+tables?\b|flush\s+(?:tables|privileges|logs|hosts|status)\b|kill\s+(?:query\s+|connection\s+)?\d|reset\s+(?:master|slave|replica|query\s+cache|(?:all|role|session)\s*(?:;|--|$))|rename\s+(?:table|user|column)\b|revoke\s+\w|grant\s+(?:dba|connect|resource|all|select|insert|update|delete|execute|usage|superuser)\s+to\s|grant\s+[\w\s,]+\son\s+[\w.*`"]+\s+to\s|deny\s+\w+\s+(?:on|to)\s|(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+|unlogged\s+|virtual\s+)*(?:table|view|index|trigger|schema|role|login|user|extension|language|type|domain|sequence|aggregate|event|server|assembly|rule|function|procedure|database|system|session|tablespace|synonym|package|operator|publication|subscription|certificate|credential|endpoint)\b|rollback\b|commit\s*(?:;|--|work|tran|$)|start\s+transaction\b|savepoint\s|begin\s*(?:;|tran|work|$|\w+\s*(?::=|;|\())|declare\s+[@\w]|call\s+\w+\s*[.(]|comment\s+on\s|copy\s+(?:\([^)]*\)|\w+)\s*(?:\([^)]*\)\s*)?(?:to|from)\s+(?:stdin|stdout|program|')|dbcc\s+\w|(?:backup|restore)\s+(?:database|log)\b|reconfigure\b|raiserror\s*\(|print\s*(?:'|@|\()|if\s*\(?\s*(?:\d|exists|not\s+exists|\(|@|\w+\()|while\s*\(?\s*\d|use\s+(?:mysql|master|msdb|tempdb|information_schema)\b|explain\s+(?:select|update|delete|insert|replace|analyze|extended|query|plan)\b|desc(?:ribe)?\s+\w+\s*(?:;|--|#|$)|values\s*\(|table\s+\w+\s*(?:;|--|$)|with\s+\w+\s*(?:\([^)]*\)\s*)?as\s*\(|merge\s+\w|install\s+(?:plugin|soname|component)\b|load\s+(?:data|'|xml\b|extension\b)|import\s+foreign\b|notify\s+\w+\s*,\s*'|do\s+(?:\$|'|sleep|language)|cluster\s+\w+\s*(?:;|--|$)|checkpoint\s*(?:;|--|$)|refresh\s+materialized\s+view\b|discard\s+(?:all|plans|temp|sequences)\s*(?:;|--|$)|purge\s+(?:binary|master)\s+logs\b|change\s+(?:master|replication\s+source)\s+to\b|(?:start|stop)\s+(?:slave|replica)\b|(?:reassign|drop)\s+owned\b|security\s+label\b|exec(?:ute)?\s+(?:immediate|sp_|xp_|master|dbo)|select\s+(?:\*|[\w.]+(?:\s*,\s*[\w.]+)*\s+from\s+\w|@@|distinct\s|top\s|all\s|null\b|case\b|if\b)|insert\s+(?:into|ignore|overwrite)\b|update\s+\S+\s+set\b|delete\s+from\b|truncate\s+(?:table\s+)?\w+\s*(?:;|--|$)|shutdown\b|waitfor\b)"#,
    ),
    short(
        "statement",
        r#"^[\s/'"();\d]{0,6}(?:insert\s+into\s+\S+\s*\([^)]*\)\s*values|drop\s+(?:table|database)\s+\w+\s*(?:;|--|$)|delete\s+from\s+\w+\s*(?:;|--|where)|create\s+(?:table\s+\w+\s*\(|user\s+\w+\s+identified)|update\s+\w+\s+set\s+\w+\s*=|exec(?:ute)?\s+(?:master|xp_|sp_|immediate)|declare\s+@\w+\s+\w*char|grant\s+(?:dba|connect|resource|all|select|insert|update|delete|execute|usage|superuser)\s+to\s|grant\s+[\w\s,]+\son\s+[\w.*`"]+\s+to\s|drop\s+\w+\s*;\s*--|backup\s+database)"#,
    ),
    // how many columns there are
    short(
        "columns",
        r"\b(?:order|group)\s+by\s+\d+(?:\s*,\s*\d+)*\s*(?:--|#|/\*|$)|\border\s+by\s+\d+\s*,\s*\w+\(",
    ),
    // conditions that are always so
    always(
        "tautology",
        r#"(?:^|['"`)\d\s])\s*(?:or|and|xor|having)\b\s*\(*\s*(?:not\s+)?(?:\d+|['"]\w*['"])\s*\)*\s*(?:==?|<|>|like\b|<>|!=|<=>|rlike\b|between\b)\s*\(*\s*(?:\d+|['"]\w*['"]?)"#,
    ),
    short(
        "condition",
        r#"^\W{0,6}(?:or|and)\s+\w\s*(?:(?:=|<|>)\s*\w\b|like\s*['"\d(@])|^\W{0,6}(?:or|and)\s+(?:true|false|not\s+\w+|\d+|null)\s*(?:--|#|/\*)|^\W{0,4}(?:and|or)\s+\S+\s*(?:(?:=|!=|<|>)\s*["'(]?|like\s*["'(])\s*$|^\W{0,4}xor\s+\d+\s*[-<>=]|^\d+\s*(?:\|\||&&)\s*\d+\s*=\s*\d|^\W*like\s+null$|\)\s*like\s*\($"#,
    ),
    // numbers around operators that no sum of a person has
    short(
        "number-condition",
        r"^\s*-?\d+\s*\)*\s*(?:(?:\|\||&&)\s*\(*\s*[-!~]?\s*(?:\d+|true|false|null|not\s+\d+)|(?:div|xor|rlike|regexp|like|not\s+(?:like|regexp|rlike|between))\s+\(*\s*[-!~]?\d+|(?:and|or|xor)\s+\(*\s*(?:not\s+)?(?:true|false|null)|(?:and|or)\s+(?:not\s+|!|~)\s*\d+)\s*\)*\s*$",
    ),
    // the same without blanks, or with comments for them; a string left and entered again; to the
    // end
    short(
        "unspaced-condition",
        r#"^\s*\(*\s*-?\d+(?:\.\d+)?\s*\)*\s*(?:and|x?or)(?:\(+\s*[-+!~]*(?:\d+|null|true|false|'[^'\s]*'|"[^"\s]*")\s*\)+|[-+!~]+\s*\d+|@{1,2}\w+|'\w*'?|"\w*"?)\s*$|^\s*-?\d+\)*\s*(?:/\*[^*]*\*/\s*)+(?:and|x?or)\b\s*(?:/\*[^*]*\*/\s*)*[-+!~(]*[\d'"@]|^\s*-?\d+\)*\s*(?:--|#)[^\n]*\n\s*(?:and|x?or)\b[\s(!~+-]*[\d'"@]|^\w*'\s*(?:(?:and|x?or)\s*'\w*'\s*){1,4}(?:and|x?or)\s*'\w*'?$"#,
    ),
    // in the place of a number or behind one: functions, operators and collations that no sum of a
    // person has
    short(
        "odd-condition",
        r#"^\s*-?\d+\s*(?:\^\s*\(\s*\d+\s*[=<>]|collate\s+\w+_\w+\s+(?:and|x?or)\b|(?:and|x?or)\s+(?:pi|rand|uuid|now|user|version|database|schema)\s*\(\s*\)\s*$)|^\s*if\s*\(\s*\(?\s*(?:\d+|'\w*')\s*[=<>!]+\s*(?:\d+|'\w*')\s*\)?\s*,[^,]*,[^,]*\)\s*$|^\s*(?:n?q'[\[({<!].*[\])}>!]'|(?:_(?:binary|utf8\w*|latin1)|n|x)'\w*')\s*(?:\|\||(?:and|x?or)\b)|^\W{0,3}select\s*\{\s*\w+\s+[^}]+\}\s*from\b"#,
    ),
    // in the place of a number: the name of the field says that one is wanted
    short(
        "identifier-condition",
        r"^\s*(?:[-!~]*[\w.]+\s*\)*\s+(?:and|x?or|mod|div|r?like|regexp|is(?:\s+not)?|not\s+like)\s+\(*[-!~@\w.]+|not\s+\(*[-!~]*\d+|[!~]\s*\d+|-?\d+\s*(?:<=>|!=|<>|>=?|<=?|\^)\s*\(*[-!~]*\d+|[a-z_]\w*\s*(?:<=>|!=|<>|>=?|<=?)\s*\d+|-?[\w.]+\s+(?:not\s+)?(?:in\s*\([^)]*|between\s+\S+\s+and\s+\S+)|[-+~(\s]*(?:(?:current_|session_|system_)?user|version|database|schema|connection_id|sysdate|sqlite_version)\s*\(\s*\))\s*\)*\s*$",
    ),
    short(
        "identifier-itself",
        r"^\s*[a-z_]\w*\s*(?:=|<=>|\blike\b)\s*[a-z_]\w*\s*$",
    ),
    short(
        "compare",
        r#"^[\w,'"]{0,6}\(?\d+\)?\s*(?:=|<=>|!=|<>)\s*\(?\d+\)?[\s)'";#-]{0,3}$|^\d+\s+(?:is\s+not|like|not\s+in)\s+\(?\d+$|^'[\w\s]*'\s*(?:=|!=|<>|<=>)\s*'[\w:]*'?$"#,
    ),
    // a string that ends, and goes on as an expression
    short(
        "break-operator",
        concat!(
            value!(),
            r#"['"`]\s*\)*\s*(?:\|\||&&|\b(?:or|and|xor|div|mod|rlike|regexp|having)\b)\s*\(*\s*(?:\d+\s*(?:=|<|>|--|#|/\*|\)|;|\blike\b|\band\b|\bor\b|&&|\|\|)|['"`]\w*['"`]?\s*(?:=|<|>|!=|\blike\b|\brlike\b)|[@~!(]|not\s|null\b|true\b|false\b|exists\b|select\b|sleep\b|[\w.]+\(|[\w.\[\]]+\s*(?:=|<|>|!=|\^=|(?:!?~~?\*?|@>|<@|&&|\?[|&]?|->>?|#>>?|<->|@@|\^@|\|\|)\s*(?:['"\d(]|array\b)|(?:collate\s+\w+\s*)?(?:not\s+)?(?:i?like|r?like|glob|match|regexp|similar\s+to|sounds\s+like|in|between|starting(?:\s+with)?|containing|member\s+of|is(?:\s+not)?(?:\s+distinct\s+from)?)\s*(?:[('"`\d@:?%]|\w+\(|\w+\s+escape\b)|collate\s+\w+\s*[=<>]|is\s+(?:not\s+)?null)|['"]\s*--)"#
        ),
    ),
    short(
        "break-comparison",
        concat!(
            value!(),
            r#"['"`]\s*\)*\s*(?:r?like|ilike|regexp|glob|is(?:\s+not)?|not\s+like|collate|not\s+in|between|notnull)\b\s*\(*\s*(?:[`'(\d?]|"\w*"?--|null\b|nocase|\w+\s*--|--)"#
        ),
    ),
    short(
        "break-comment",
        concat!(
            value!(),
            r#"(?:'|[^\d'"`\n]")\s*\)*\s*;?\s*(?:--(?:[+-]|\s*\S{0,6}\s*$)|/\*[^'"\n]*$|;--)|^'\s*\)*\s*;?\s*(?:--|/\*)[^'\n]*$|^"\s*\)*\s*;?\s*(?:--|/\*)[^"\n]*$|^`\s*\)*\s*;?\s*(?:--\s|/\*)[^`\n]*$|"#,
            value!(),
            r#"'(?:[^a-z'"`\n](?:[^\s'"`]*\s?){0,4})?[\w)\s](?:--|/\*)\s*$"#
        ),
    ),
    short(
        "break-hash",
        concat!(
            value!(),
            r#"(?:'|[^\d'"`\n]")\s*\)*\s*;?\s*(?:#\s*$|;\s*#)|^'\s*\)*\s*;?\s*#[^'\n]*$|^"\s*\)*\s*;?\s*#[^"\n]*$|^`\s*\)*\s*;?\s*#\s*$|"#,
            value!(),
            r#"'(?:[^a-z'"`\n](?:[^\s'"`]*\s?){0,4})?[\d)]#\s*$"#
        ),
    ),
    short(
        "break-subquery",
        concat!(
            value!(),
            r#"['"`]?\s*\)*\s*\(\s*select\s+(?:top\b|\*|\w+\s+from\b|\d|\(|@)"#
        ),
    ),
    // a string that is left around an operator, and entered again
    short(
        "break-around",
        r#"^[^\s'"`]*'\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*'[\w%]*$|^[^\s'"`]*"\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*"[\w%]*$|^[^\s'"`]*`\s*\)*\s*(?:\|\||&&|(?:x?or|and|div|mod|r?like|regexp|sounds\s+like)\b)[\s!~+(-]*`[\w%]*$|^[^\s'"`]+'\s*[-+*/^%|&=<>!]{1,3}[\s!~+(-]*'\w*$|^[^\s'"`]*'[-+*/^%|&]\S{0,7}[=<>]\s*'\w+$"#,
    ),
    // a string that is left for a sum, and entered again: what is between computes
    short(
        "break-sum",
        concat!(
            value!(),
            r#"'\s*\)*\s*(?:[-+*/%^|&~]|\|\||&&|<<|>>|<=>|[<>=!]=?)\s*[-+~!(\s]*(?:\w+\s*\(|\(|@@?\w|(?:select|case|not|if|binary)\b|0x|\d+\s*[-+*/%^|&=<>])[^'\n]*?[-+*/%^|&~=<>]\s*'[^'\s]*\s?[^'\s]*$|"#,
            value!(),
            r#""\s*\)*\s*(?:[-+*/%^|&~]|\|\||&&|<<|>>|<=>|[<>=!]=?)\s*[-+~!(\s]*(?:\w+\s*\(|\(|@@?\w|(?:select|case|not|if|binary)\b|0x|\d+\s*[-+*/%^|&=<>])[^"\n]*?[-+*/%^|&~=<>]\s*"[^"\s]*\s?[^"\s]*$|^[^\s'"`]*'\s*[-+*/%^|&]{1,2}\s*\w+\s*[-+*/%^|&]{1,2}\s*'\w*$"#
        ),
    ),
    // operators between two quotes and nothing else
    short(
        "break-signs",
        r"^'\s*[-+*/%^|&<>=!~]{1,3}\s*''?\s*-?\w*'?\s*(?:#|--\s*-?|/\*)?$",
    ),
    // a string that ends, and the statement's next clause
    short(
        "break-clause",
        concat!(
            value!(),
            r#"['"`]\s*\)*\s*(?:order\s+by\s+(?:\d|\(|\w+\s*(?:--|#|,|desc\b|asc\b|$))|group\s+by\s+[^\s'"]+\s*(?:--|#|having\b|/\*|$)|having\s+\w+\s*[(=<>]|limit\s+\d|offset\s+\d|procedure\s+\w+\s*\(|into\s+(?:@|outfile|dumpfile)|for\s+update\b|fetch\s+(?:first|next)\b|where\s+[\w.]+\s*(?:=|<|>|in\s*\(|like\s+['"]|is\s+(?:not\s+)?null))"#
        ),
    ),
    // a string that ends, and what follows is not to be read
    short(
        "break-rest",
        r#"^[^\s'"`]*['"`]\s*\)*\s*(?:x?or|and|is|not|in|collate|r?like|glob|between|regexp)\b[^\n]+(?:--\s*-?|[\s'")]#|\);)\s*$|^[^\s'"`;]{2,}['`];\s*$"#,
    ),
    // comments in the place of blanks, or within words
    short(
        "comment-blank",
        r#"(?:^|[^\w/.*])(?:select|union|from|where|declare|replace|having|drop)/\*[^*]*\*/[\w@(*'"]"#,
    ),
    always(
        "comment-split",
        r"\b(?:s/\*[^*]*\*/elect|se/\*[^*]*\*/lect|sel/\*[^*]*\*/ect|sele/\*[^*]*\*/ct|u/\*[^*]*\*/nion|un/\*[^*]*\*/ion|uni/\*[^*]*\*/on|unio/\*[^*]*\*/n|d/\*[^*]*\*/rop|dr/\*[^*]*\*/op|dro/\*[^*]*\*/p)\b",
    ),
    // signs in the place of blanks, which end a word as well
    short("select-unspaced", r#"^\W{0,6}select[-+~!@(`'".][^\s]*?from[`'"(\[]"#),
    hint("select-from", 40, r"\bselect\b[^;\n]+\bfrom\b"),
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
        r"\bcase\s+(?:\w+\s+)?when\b[\s(]*(?:[-@\w.'\x22`]+\s*(?:[=<>(@]|!=|\b(?:is\s+(?:not\s+)?null|like\s*['\x22]|in\s*\(|between\s+\d)\b)|[@(]|\b(?:true|false|not\s+\d)\b)[^;\n]*?\bthen\b|\bselect\s+case\s*\(|\bcase\s+\S+\s+when\s+(?:\d|')|\bcase\s+when\s+\d+\s+then\b",
    ),
    always(
        "function",
        r#"\b(?:ascii|char|chr|substring|substr|mid|ord|hex|unhex|elt|concat|group_concat|concat_ws|make_set|ifnull|nullif|extract|count|length|strcmp|upper|user|version)\s*\([^()\n]*\(\s*select\b|,\s*if\(\w+[=(<>]|\b(?:ascii|ord|hex|length)\s*\(\s*(?:substr(?:ing)?|mid|left|right)\s*\(\s*(?:\(|version\b|user\b|database\b|current_user\b)|\bfind_in_set\s*\('|\biif\s*\(\s*\(?\d+\s*[=<>]|\bchar\(\d+\)\s*[+|,]|\bconcat(?:_ws)?\(0x|\bchr\(\d+\)\s*\|\|"#,
    ),
];

/// Rules that match only where a quote may end a string.
#[rustfmt::skip]
const OF_BREAKS: &[&str] = &[
    "break-operator", "break-comparison", "break-comment", "break-hash", "break-around", "break-sum", "break-signs", "break-clause", "break-rest",
];

/// Finds SQL injection.
pub(super) struct Sqli {
    rules: RuleSet,
    /// Those of them that say something in the place of a number alone.
    of_numbers: Hits,
    /// Those of them that match where a string ends alone.
    of_breaks: Hits,
    words: RuleSet,
}

impl Sqli {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        let rules = RuleSet::with(RULES, lexicon)?;
        Ok(Self {
            of_numbers: rules.named(&["identifier-condition", "identifier-itself"]),
            of_breaks: rules.named(OF_BREAKS),
            rules,
            words: RuleSet::with(WORDS, lexicon)?,
        })
    }

    /// What the rules find, and the tokenizer where they are not certain.
    fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        if honest::is_of_signs(value.text) && value.is_password() {
            return Some(Finding::new("break-around", CERTAIN, 0..value.text.len()));
        }
        let value = &value
            .unless(&self.of_numbers, |value| is_number(&value.place))
            .unless(&self.of_breaks, |value| statement::may_leave_a_string(value.text));
        let by_rules = self.rules.judge_by(value, |rule| !honest::is_excused(rule, value));
        if is_certain(by_rules.as_ref()) || value.is_document || !self.is_worth_tokens(value) {
            return by_rules;
        }
        let doubt = match sql::read(value.text, &|steps| value.spend(steps)) {
            Sql::Harmless => return by_rules,
            Sql::Doubtful => DOUBT,
            Sql::Injection => self.weight(value),
        };
        let mut finding = by_rules.unwrap_or_else(|| Finding::new("tokens", 0, 0..value.text.len()));
        finding.score = finding.score.saturating_add(doubt).min(100);
        Some(finding)
    }

    /// Whether the tokenizer has something to find. Without a quote, a blank or a bracket there is
    /// one token, and what it takes for a comment is a sign: `b!@#h`.
    fn is_worth_tokens(&self, value: &Value<'_>) -> bool {
        const BETWEEN: Marks = Marks::QUOTE.and(Marks::BLANK).and(Marks::ROUND).and(Marks::STAR);
        value.marks.any(BETWEEN) && (may_be_tokens(value) || self.words.judge(value).is_some())
    }

    /// What the tokenizer's word counts where a value is, by the name of its field, what has
    /// quotes, operators and comments of its own.
    fn weight(&self, value: &Value<'_>) -> u8 {
        let hints = value.place.hints();
        let has_words = || self.words.judge_by(value, |rule| rule.name != "signs").is_some();
        if hints.any(NameHints::SECRET) && !has_words() {
            0
        } else if honest::is_talk(value)
            || statement::is_edited(value)
            || value.place.part == Part::Body && hints.any(honest::LANGUAGES) && statement::is_closed(value.text)
        {
            DOUBT
        } else {
            CERTAIN
        }
    }
}

fn is_certain(finding: Option<&Finding>) -> bool {
    finding.is_some_and(|finding| finding.score >= CERTAIN)
}

/// Names of parameters, besides those that end as ids do, whose values are numbers.
const NUMBERS: &[&str] = &["item", "num", "no", "nr", "page", "limit", "offset", "cat"];

/// Whether a name says that its value is a number: `id`, `user_id`, `itemId`, `page`.
fn is_number(place: &Place<'_>) -> bool {
    let last = place.last_name();
    let is_id = last.len() >= 2
        && last
            .get(last.len() - 2..)
            .is_some_and(|end| end.eq_ignore_ascii_case("id"));
    is_id || NUMBERS.iter().any(|known| last.eq_ignore_ascii_case(known))
}

/// Whether the tokenizer may find what no rule does.
pub(super) fn may_be_tokens(value: &Value<'_>) -> bool {
    value.marks.any(Marks::QUOTE)
        && value.marks.any(OPERATORS)
        && (value.marks.any(SIGNS) || !has_only_apostrophes(value.text))
}

/// Whether all quotes stand between two letters, as in `O'Neill-Smith`: lists of names are full of
/// them.
fn has_only_apostrophes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    };
    let mut quotes = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'\'' | b'"' | b'`'));
    quotes.all(|(at, byte)| *byte == b'\'' && is_letter(at.checked_sub(1)) && is_letter(Some(at + 1)))
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
        let finding = self.judge(value);
        if is_certain(finding.as_ref()) {
            return finding;
        }
        let unpadded = value.without_padding();
        let behind = unpadded.and_then(|rest| self.judge(&rest));
        let finding = behind.map(|found| value.widened(found)).or(finding);
        if is_certain(finding.as_ref()) {
            return finding;
        }
        // rules take blanks between words for granted, and databases comments for blanks
        let rest = unpadded.as_ref().unwrap_or(value);
        let has_comment = rest.marks.any(Marks::STAR) && rest.marks.any(Marks::SLASH) && rest.text.contains("/*");
        let is_paid = has_comment && value.spend(rest.text.len() as u64);
        let plain = is_paid.then(|| statement::uncommented(rest.text)).flatten();
        let found = plain.and_then(|plain| self.judge(&rest.rewritten(&plain)));
        match found {
            Some(found) if is_certain(Some(&found)) => Some(value.widened(found)),
            _ => finding,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::{
        super::{
            automaton::Automaton,
            tests::{assert_finds, assert_passes, family_of, find_in_query},
        },
        OF_BREAKS, RULES, statement,
    };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// What a rule for the end of a string matches may end one.
        #[test]
        fn nothing_that_leaves_a_string_is_spared(pieces in prop::collection::vec(0..PIECES.len(), 1..12)) {
            let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
            for (rule, automaton) in BREAKS.iter() {
                let is_spared = !statement::may_leave_a_string(&text);
                prop_assert!(!is_spared || !automaton.is_match(&text, &|_| true), "{rule}: {text}");
            }
        }
    }

    /// What these rules are made of, and what apostrophes stand between.
    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "'", "'", "'", "\"", "`", " ", " ", "a", "O", "s", "t", "x", "\u{e9}", "1", "0x1", "or", "and", "xor", "div", "is", "not ", "in", "like ", "between ", "order by ",
        "group by ", "having ", "limit ", "into ", "where ", "for update", "select ", "--", "--+", "/*", "*/", "#", ";", ")", "(", "=", "<", ">", "||", "&&", "+", "*", "@",
        "null", "true", "collate ", "sounds like ", "regexp ", "\n", "_", "%",
    ];

    static BREAKS: LazyLock<Vec<(&str, Automaton)>> = LazyLock::new(|| {
        let rules = RULES.iter().filter(|rule| OF_BREAKS.contains(&rule.name));
        let all: Vec<_> = rules
            .map(|rule| (rule.name, Automaton::new(&rule.parsed().unwrap(), false).unwrap()))
            .collect();
        assert_eq!(all.len(), OF_BREAKS.len());
        all
    });

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
                "1 or(1)",
                "benchmark(5000000,md5(1))",
                "drop table lamp;",
                "1; drop table lamp",
                "1 and(1)",
                "(1)or(1)",
                "1 or-1",
                "1or-1",
                "1 or!0",
                "1 or'1'",
                "1 or\"1\"",
                "1 or@a",
                "1'or'1'or'1",
                "1/**/or/**/1",
                "1--\nor 1",
                "1#x\nor 1=1",
                "1 union values(1,2)",
                "-1 union table users",
                "1' union values row(1)--",
                "1 collate utf8_bin or 1",
                "1 or pi()",
                "1^(1=1)",
                "if(1=1,id,name)",
                "q'[x]'||'",
                "_binary'x' or 1",
                "select{x 1}from`users`",
            ],
        );
    }

    #[test]
    fn numbers_are_told_by_their_names_in_lists_too() {
        for name in [
            "id",
            "id[]",
            "user_id[0]",
            "filter[id]",
            "a.itemId",
            "ids%5Bid%5D",
            "page[0]",
        ] {
            assert_eq!(find_in_query(name, "a or b").unwrap().0, "sqli", "{name}");
        }
        for name in ["name[]", "kids", "kids[]", "items", "id.text"] {
            assert_eq!(find_in_query(name, "a or b"), None, "{name}");
        }
    }

    #[test]
    fn charts_may_compute_what_they_show() {
        let sum = "SUM(CASE WHEN a = 'x' THEN 1 ELSE 0 END)";
        for name in [
            "sqlExpression",
            "queries[0].metrics[0].sqlExpression",
            "having",
            "metric",
            "rawSql",
        ] {
            assert_eq!(family_of(name, sum), None, "{name}");
            assert_eq!(
                family_of(name, "COUNT(DISTINCT CASE WHEN status = 'paid' THEN id END) / COUNT(*)"),
                None,
                "{name}"
            );
            for attack in [
                "SUM(CASE WHEN (select 1 from users)=1 THEN 1 ELSE 0 END)",
                "SUM(1) or (CASE WHEN 1=1 THEN 1 ELSE 0 END) --",
                "SUM(1); drop table users",
                "(CASE WHEN 1=1 THEN sleep(5) ELSE 0 END)",
            ] {
                assert_eq!(family_of(name, attack), Some("sqli"), "{name} {attack}");
            }
        }
        assert_eq!(family_of("name", sum), Some("sqli"));
        assert_eq!(find_in_query("having", sum).unwrap().0, "sqli");
    }

    #[test]
    fn comments_hide_nothing_behind_words() {
        let prose = "I asked them twice about the table in the garden and the two lamps that came with it, and no one \
                     could say when the last one would be sent, or whether it had been sold in the meantime to someone. ";
        for attack in [
            "1' union/*x*/select 1,2,3-- ",
            "1' union/*x*/all/*y*/select/*z*/null,null",
            "' or/*a*/1/*b*/=1",
            "1' /*!union*/ /*!50000select*/ 1,2",
            "1 and/**/'a'/*x*/='a'",
        ] {
            assert_finds("sqli", &[&format!("{prose}{attack}"), attack]);
            // a long word in front changes nothing
            assert_finds("sqli", &[&format!("{}{attack}", "a".repeat(300))]);
        }
        assert_passes(&[&format!("{} the union/*of both*/ select committee", "a".repeat(300))]);
        assert_passes(&[
            &format!("{prose}src/**/select/*.rs and **/*.union"),
            "The union/*of both*/ select committee meets at 9",
            "a { color: red } /* or blue */ b { width: 1 } /* = 1 */",
            "int or /* the other */ x = 1; /* and so on */",
        ]);
        assert_eq!(
            statement::uncommented("a/*b*/c/*!50000d*/e").as_deref(),
            Some("a c d e")
        );
        for (text, plain) in [
            ("a/*!1=1*/", "a 1=1 "),
            ("a/*!50000 1=1*/", "a  1=1 "),
            ("a/*!501=1*/", "a 501=1 "),
            ("a/*!500001=1*/", "a 1=1 "),
            ("a/*!080000select*/", "a select "),
            ("a/*!0800001=1*/", "a 01=1 "),
            ("a/*M!100100 union*/", "a  union "),
        ] {
            assert_eq!(statement::uncommented(text).as_deref(), Some(plain), "{text}");
        }
        assert_finds("sqli", &["1' or/*x*//*!1=1*/-- -", "1' or/*x*//*!500001=1*/-- -"]);
        assert_eq!(statement::uncommented("a/*b").as_deref(), None);
        assert_eq!(statement::uncommented("a*/b"), None);
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
            "2 or (3)",
            "benchmark(5) test chairs",
            "drop table lamp",
            "5'x8' or 6'x9'",
            "'90s and '00s",
            "c++ or -lm",
            "1 or 2",
            "10 and -5 degrees",
            "Student Union values (our charter)",
            "union table tennis",
            "2 union table lamps for sale",
            "collate pages 1 or 2",
            "1^2",
            "if(a, b, c)",
            "=IF(A1>5,1,2)",
            "item 5 # first\nor second",
        ]);
    }
}
