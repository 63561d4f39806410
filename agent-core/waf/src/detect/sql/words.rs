//! The words of SQL that decide what a sequence of tokens is, found by a perfect hash.
//!
//! They are those of the grammars of MySQL 8.4, PostgreSQL 17, SQL Server 2022, Oracle 23 and
//! SQLite 3 that join, begin or continue expressions and statements. Other words are names.

/// What a word is to a statement's grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// `and`, `or`, `xor`: two conditions become one.
    Logic,
    /// `like`, `in`, `is`: two operands become a condition.
    Compare,
    /// `div`, `mod`: two operands become one.
    Compute,
    /// `not`, `binary`, `distinct`: stands in front of an operand.
    Prefix,
    /// `null`, `true`, `current_user`: an operand that is no name.
    Constant,
    /// `union`, `intersect`: the next query.
    Union,
    /// `select`, `drop`, `exec`: begins a statement.
    Verb,
    /// `set`, `use`, `call`: begins a statement behind a semicolon, and many a phrase.
    Weak,
    /// `having`, `limit`, `into`: the next clause of a statement, by one word.
    Clause,
    /// `from`: a query has it, an expression does not.
    From,
    /// `for`, which `update` makes a clause.
    For,
    /// `order` and `group`, which `by` makes a clause.
    Ordering,
    /// `by`.
    By,
    /// `case`, `when`, `then`, `else`: within an expression, before an operand.
    Case,
    /// `end`: closes a `case`.
    End,
    /// `sleep`, `substring`, `version`: a function of databases.
    Function,
}

/// The most letters of a word: `current_timestamp`, `pg_read_binary_file`.
pub(super) const LONGEST: usize = 20;

#[rustfmt::skip]
const WORDS: &[(&str, Word)] = &[
    ("and", Word::Logic), ("or", Word::Logic), ("xor", Word::Logic),

    ("like", Word::Compare), ("rlike", Word::Compare), ("ilike", Word::Compare), ("regexp", Word::Compare), ("glob", Word::Compare),
    ("similar", Word::Compare), ("sounds", Word::Compare), ("in", Word::Compare), ("is", Word::Compare), ("between", Word::Compare), ("isnull", Word::Compare),
    ("notnull", Word::Compare), ("match", Word::Compare),

    ("div", Word::Compute), ("mod", Word::Compute), ("collate", Word::Compute), ("escape", Word::Compute),

    ("not", Word::Prefix), ("binary", Word::Prefix), ("distinct", Word::Prefix), ("all", Word::Prefix), ("any", Word::Prefix), ("some", Word::Prefix),
    ("exists", Word::Prefix), ("interval", Word::Prefix),

    ("null", Word::Constant), ("true", Word::Constant), ("false", Word::Constant), ("current_user", Word::Constant), ("current_date", Word::Constant),
    ("current_time", Word::Constant), ("current_timestamp", Word::Constant), ("localtime", Word::Constant), ("localtimestamp", Word::Constant), ("sysdate", Word::Constant),
    ("session_user", Word::Constant), ("system_user", Word::Constant), ("utc_date", Word::Constant), ("utc_time", Word::Constant), ("utc_timestamp", Word::Constant),
    ("rownum", Word::Constant), ("rowid", Word::Constant), ("unknown", Word::Constant),

    ("union", Word::Union), ("intersect", Word::Union), ("except", Word::Union), ("minus", Word::Union),

    ("select", Word::Verb), ("insert", Word::Verb), ("update", Word::Verb), ("delete", Word::Verb), ("drop", Word::Verb), ("create", Word::Verb), ("alter", Word::Verb),
    ("truncate", Word::Verb), ("exec", Word::Verb), ("execute", Word::Verb), ("declare", Word::Verb), ("waitfor", Word::Verb), ("shutdown", Word::Verb), ("merge", Word::Verb),
    ("replace", Word::Weak), ("grant", Word::Verb), ("revoke", Word::Verb), ("call", Word::Weak), ("handler", Word::Weak), ("load", Word::Weak), ("set", Word::Weak),
    ("begin", Word::Weak), ("rename", Word::Weak), ("kill", Word::Weak), ("use", Word::Weak), ("backup", Word::Verb), ("attach", Word::Verb), ("copy", Word::Weak), ("do", Word::Weak),
    ("bulk", Word::Verb), ("dbcc", Word::Verb), ("goto", Word::Verb), ("if", Word::Weak), ("values", Word::Weak), ("with", Word::Weak), ("while", Word::Weak), ("print", Word::Weak),

    ("having", Word::Clause), ("limit", Word::Clause), ("offset", Word::Clause), ("into", Word::Clause), ("where", Word::Clause), ("from", Word::From), ("procedure", Word::Clause),
    ("returning", Word::Clause), ("join", Word::Clause), ("using", Word::Clause), ("rollup", Word::Clause), ("for", Word::For), ("qualify", Word::Clause),
    ("order", Word::Ordering), ("group", Word::Ordering), ("by", Word::By),

    ("case", Word::Case), ("when", Word::Case), ("then", Word::Case), ("else", Word::Case), ("end", Word::End),

    ("sleep", Word::Function), ("benchmark", Word::Function), ("pg_sleep", Word::Function), ("ascii", Word::Function), ("char", Word::Function), ("chr", Word::Function),
    ("ord", Word::Function), ("hex", Word::Function), ("unhex", Word::Function), ("substr", Word::Function), ("substring", Word::Function), ("mid", Word::Function),
    ("concat", Word::Function), ("concat_ws", Word::Function), ("group_concat", Word::Function), ("string_agg", Word::Function), ("cast", Word::Function), ("convert", Word::Function),
    ("coalesce", Word::Function), ("ifnull", Word::Function), ("nullif", Word::Function), ("iif", Word::Function), ("instr", Word::Function), ("strcmp", Word::Function),
    ("version", Word::Function), ("database", Word::Function), ("schema", Word::Function), ("user", Word::Function), ("user_name", Word::Function), ("db_name", Word::Function),
    ("host_name", Word::Function), ("current_database", Word::Function), ("now", Word::Function), ("load_file", Word::Function), ("extractvalue", Word::Function),
    ("updatexml", Word::Function), ("name_const", Word::Function), ("make_set", Word::Function), ("elt", Word::Function), ("find_in_set", Word::Function), ("md5", Word::Function),
    ("sha1", Word::Function), ("sha2", Word::Function), ("password", Word::Function), ("row_count", Word::Function), ("last_insert_id", Word::Function), ("conv", Word::Function),
    ("char_length", Word::Function), ("bit_length", Word::Function), ("octet_length", Word::Function), ("to_char", Word::Function), ("to_number", Word::Function), ("to_base64", Word::Function),
    ("from_base64", Word::Function), ("randomblob", Word::Function), ("zeroblob", Word::Function), ("sqlite_version", Word::Function), ("quote_literal", Word::Function),
    ("pg_read_file", Word::Function), ("query_to_xml", Word::Function), ("current_setting", Word::Function), ("getdate", Word::Function), ("object_id", Word::Function),
    ("is_srvrolemember", Word::Function), ("has_dbaccess", Word::Function), ("json_extract", Word::Function), ("json_keys", Word::Function), ("xmltype", Word::Function),
    ("utl_inaddr", Word::Function), ("connection_id", Word::Function), ("analyse", Word::Function), ("generate_series", Word::Function), ("regexp_substring", Word::Function),
];

/// Places of the table: so many that a multiplier without collisions is found in some tens of
/// trials.
const PLACES: usize = 1 << 12;

/// The word's number, and one more, by its hash; 0 where there is none.
static TABLE: [u8; PLACES] = table(MULTIPLIER);

/// The first odd multiplier that gives each word a place of its own.
const MULTIPLIER: u32 = multiplier();

/// Hashes one letter further. Upper and lower case are the same.
const fn further(hash: u32, letter: u8, multiplier: u32) -> u32 {
    (hash.rotate_left(5) ^ (letter | 0x20) as u32).wrapping_mul(multiplier)
}

const fn place(hash: u32) -> usize {
    (hash >> 20) as usize
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn hash(word: &str, multiplier: u32) -> u32 {
    let bytes = word.as_bytes();
    let (mut hash, mut at) = (0, 0);
    while at < bytes.len() {
        hash = further(hash, bytes[at], multiplier);
        at += 1;
    }
    hash
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn is_perfect(multiplier: u32) -> bool {
    let mut taken = [false; PLACES];
    let mut word = 0;
    while word < WORDS.len() {
        let place = place(hash(WORDS[word].0, multiplier));
        if taken[place] {
            return false;
        }
        taken[place] = true;
        word += 1;
    }
    true
}

const fn multiplier() -> u32 {
    // 2^32 divided by the golden ratio: spreads neighbours (Knuth, volume 3, section 6.4)
    let mut multiplier = 0x9e37_79b1_u32;
    while !is_perfect(multiplier) {
        multiplier = multiplier.wrapping_add(0x6a09_e66e);
    }
    multiplier
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
#[expect(clippy::cast_possible_truncation, reason = "a test counts the words")]
const fn table(multiplier: u32) -> [u8; PLACES] {
    let mut table = [0; PLACES];
    let mut word = 0;
    while word < WORDS.len() {
        table[place(hash(WORDS[word].0, multiplier))] = word as u8 + 1;
        word += 1;
    }
    table
}

/// What a word is, in whatever case; `None` for a name.
pub(super) fn word(text: &[u8]) -> Option<Word> {
    if text.len() < 2 || text.len() > LONGEST {
        return None;
    }
    let hash = text.iter().fold(0, |hash, letter| further(hash, *letter, MULTIPLIER));
    let number = TABLE.get(place(hash)).copied().unwrap_or_default();
    let (known, word) = WORDS.get(usize::from(number).checked_sub(1)?)?;
    known.as_bytes().eq_ignore_ascii_case(text).then_some(*word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_in_any_case_and_nothing_else() {
        assert!(WORDS.len() < usize::from(u8::MAX), "numbers are bytes");
        for (known, expected) in WORDS {
            assert_eq!(word(known.as_bytes()), Some(*expected), "{known}");
            assert_eq!(word(known.to_uppercase().as_bytes()), Some(*expected), "{known}");
            assert!(known.len() <= LONGEST, "{known}");
            let longer = format!("{known}x");
            assert!(word(longer.as_bytes()).is_none(), "{longer}");
        }
        for other in ["", "x", "O", "sand", "orx", "unionselect", "currentuser", "\u{e9}nd"] {
            assert_eq!(word(other.as_bytes()), None, "{other}");
        }
    }
}
