//! What people write about statements and scripts: sentences, which quote as sentences do and of
//! which none runs.

use memchr::memchr3_iter;

use super::Value;
use crate::places::{NameHints, Part};

/// Words of sentences that no statement has.
#[rustfmt::skip]
const OF_SENTENCES: &[&str] = &[
    "i", "you", "we", "he", "she", "it", "they", "me", "my", "your", "our", "this", "that", "these", "the", "a", "an", "is", "are", "was", "were", "be", "been", "isn't", "aren't",
    "wasn't", "do", "does", "did", "don't", "doesn't", "didn't", "can", "can't", "could", "would", "should", "will", "won't", "have", "has", "had", "what", "what's", "why", "how",
    "who", "when", "which", "there", "here", "please", "thanks", "hi", "hello", "get", "gets", "gives", "returns", "took", "takes", "use", "using", "tried", "try", "run", "ran", "error",
    "wrong", "slow", "slower", "fast", "faster", "instead", "better", "because", "but", "of", "to", "with", "about", "so", "if", "use", "used", "test", "works", "work", "need", "want", "know", "think", "see", "says", "shows", "means", "hangs", "fails", "it's", "i'm", "i've", "you're", "that's", "there's", "let's",
];

/// The fewest of those words that make a sentence.
const FEWEST_OF_SENTENCES: usize = 2;

/// How many words are held against them: a sentence has some of them sooner, and each costs a
/// hundred comparisons.
const MOST_WORDS: usize = 200;

/// Whether a text has a word of sentences.
pub(super) fn has_words_of_sentences(text: &str) -> bool {
    text.split_whitespace().take(MOST_WORDS).any(|word| {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        OF_SENTENCES.iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// Whether a text is a sentence that may quote a statement: it has words of sentences, and what it
/// quotes is quoted as sentences do, from before a word to behind one. A string that is left is
/// left in front of a sign, and entered again behind one.
pub(super) fn is_sentence(text: &str) -> bool {
    let words = text.split_whitespace().take(MOST_WORDS).filter(|word| {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        OF_SENTENCES.iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    let asks = usize::from(text.trim_end().ends_with('?'));
    words.take(FEWEST_OF_SENTENCES).count() + asks >= FEWEST_OF_SENTENCES && quotes_as_sentences_do(text)
}

/// Words of JavaScript beside which another one may stand: `new x`, `x in y`.
#[rustfmt::skip]
pub(super) const OF_JAVASCRIPT: &[&str] = &[
    "in", "of", "instanceof", "new", "void", "typeof", "delete", "return", "throw", "if", "else", "for", "while", "do", "with", "var", "let", "const", "using", "function", "case", "default",
    "await", "async", "yield", "class", "extends", "import", "export", "from", "as", "get", "set", "static", "break", "continue",
];

/// The same of PHP, Python, Ruby and Java.
#[rustfmt::skip]
pub(super) const OF_SERVERS: &[&str] = &[
    "and", "or", "xor", "not", "is", "in", "as", "if", "else", "elif", "elsif", "elseif", "unless", "for", "foreach", "while", "until", "do", "with", "def", "fn", "function", "lambda", "print",
    "echo", "puts", "p", "del", "raise", "assert", "global", "nonlocal", "pass", "break", "continue", "goto", "use", "namespace", "clone", "include", "require", "try", "catch", "except", "rescue",
    "finally", "ensure", "final", "abstract", "interface", "enum", "package", "throws", "throw", "new", "return", "yield", "await", "async", "class", "module", "extends", "implements", "import",
    "from", "instanceof", "insteadof", "static", "public", "private", "protected", "const", "var", "int", "long", "float", "double", "boolean", "byte", "short", "char", "void", "string", "object",
    "end", "then", "begin", "case", "when", "default", "match", "switch", "defined", "alias", "undef", "exec", "eval",
];

/// Whether a text is a sentence of which no script is made: outside of what it quotes, two words
/// stand side by side of which none is `reserved`, as the language's own. That is an error of
/// syntax, whatever else stands there, unless a regular expression holds them.
pub(super) fn is_sentence_and_no_script(text: &str, reserved: &[&str]) -> bool {
    let is_quote = |sign: char| matches!(sign, '"' | '`');
    // an apostrophe within a word quotes nothing
    let quotes = |at: usize| {
        let is_letter = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
        let (before, from) = text.split_at_checked(at).unwrap_or_default();
        !(is_letter(before.chars().next_back()) && is_letter(from.chars().nth(1)))
    };
    let is_edge = |(at, sign): (usize, char)| (is_quote(sign) || sign == '\'' && quotes(at)).then_some(at);
    let first = text.char_indices().find_map(is_edge).unwrap_or(text.len());
    let last = text
        .char_indices()
        .rev()
        .find_map(is_edge)
        .map_or(text.len(), |at| at + 1);
    let outside = [text.get(..first), text.get(last..)];
    let mut lines = outside.into_iter().flatten().flat_map(str::lines);
    let has_words = lines.any(|line| has_two_words(line, reserved));
    has_words && !may_hold_a_pattern(text) && is_sentence(text)
}

/// Whether two words stand side by side in a line, of which none is the language's own, or one that
/// has an apostrophe.
fn has_two_words(line: &str, reserved: &[&str]) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|sign| sign.is_alphabetic() || sign == '\'')
            && !reserved.iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    // no string begins behind a name: `don't`
    let is_contracted = |word: &str| {
        word.split_once('\'')
            .is_some_and(|(before, _)| before.len() > 1 && is_word(word))
    };
    let mut is_behind_word = false;
    line.split_whitespace().take(MOST_WORDS).any(|word| {
        let is_pair = is_behind_word && is_word(word.trim_end_matches(['.', ',', '?', '!', ':']));
        is_behind_word = is_word(word);
        is_pair || is_contracted(word)
    })
}

/// Whether a slash stands where a regular expression begins: behind a sign that wants an operand.
fn may_hold_a_pattern(text: &str) -> bool {
    text.match_indices('/').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let before = before.trim_end_matches([' ', '\t', '\n', '\r']).chars().next_back();
        before.is_none_or(|sign| "(,=:[!&|?{};+-*%~^<>/".contains(sign))
    })
}

/// Whether each quote is an apostrophe, opens in front of a word, or closes behind one.
fn quotes_as_sentences_do(text: &str) -> bool {
    let mut open = None;
    for at in memchr3_iter(b'\'', b'"', b'`', text.as_bytes()) {
        let (before, from) = text.split_at(at);
        let mut signs = from.chars();
        let (sign, after) = (signs.next(), signs.next());
        let before = before.chars().next_back();
        let is_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric());
        let is_edge = |sign: Option<char>| sign.is_none_or(|sign| sign.is_whitespace() || ".,;:!?()[]".contains(sign));
        if sign == Some('\'') && is_word(before) && is_word(after) {
            continue;
        }
        let opens = is_edge(before) && after.is_some_and(|sign| sign.is_alphanumeric() || "<*$%".contains(sign));
        let is_end =
            |last: char| last.is_alphanumeric() || ".?!%*>;`'".contains(last) || sign == Some('`') && last == ')';
        let closes = is_edge(after) && before.is_some_and(is_end);
        match open {
            None if opens => open = sign,
            Some(_) if open == sign && closes => open = None,
            // quotes of the other kind within
            Some(_) if open != sign => {}
            _ => return false,
        }
    }
    open.is_none()
}

/// Whether a text is the call of a function and words: `eval() in PHP 8`, `alert('hi') does
/// nothing`. Two words one behind the other, of which none is an operator, are an error of syntax
/// in every language that has calls, so that none of it runs.
pub(super) fn is_call_with_words(text: &str) -> bool {
    const OPERATORS: &[&str] = &[
        "in",
        "instanceof",
        "of",
        "and",
        "or",
        "xor",
        "is",
        "not",
        "as",
        "if",
        "else",
        "for",
        "union",
    ];
    let Some((name, rest)) = text.split_once('(') else {
        return false;
    };
    let Some((arguments, words)) = rest.split_once(')') else {
        return false;
    };
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == ' ';
    let is_argument = |sign: char| is_plain(sign) || "'\",.".contains(sign);
    let is_operator = |word: &str| OPERATORS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_word = |word: &str| !is_operator(word);
    let mut pairs = words.split_whitespace().zip(words.split_whitespace().skip(1));
    let mut names = name.split(' ');
    let is_name = |word: &str| !word.is_empty() && word.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    // a word in front of a name is an error of syntax too: `php system() function`
    let is_word_before = |word: &str| {
        let reserved = OF_JAVASCRIPT.iter().chain(OF_SERVERS);
        is_name(word) && !reserved.into_iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    let is_behind_words = name.contains(' ');
    names.next_back().is_some_and(is_name)
        && names.all(is_word_before)
        && arguments.chars().all(is_argument)
        && words.starts_with(' ')
        && words.chars().all(is_plain)
        && (is_behind_words || pairs.any(|(first, second)| is_word(first) && is_word(second)))
        // a statement of SQL goes on with words
        && !words.split_whitespace().any(|word| is_operator(word) && !word.eq_ignore_ascii_case("in"))
}

/// Whether a value is words alone where people write or search: nothing in it leaves a string.
pub(super) fn is_said_in_words(value: &Value<'_>) -> bool {
    let is_prose = value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT);
    (is_prose || value.place.is_search()) && is_of_words(value.text)
}

/// Whether a text is words and blanks alone.
pub(super) fn is_of_words(text: &str) -> bool {
    text.chars().all(|sign| sign.is_alphabetic() || sign == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_quote_are_told() {
        for text in [
            "SELECT * FROM orders WHERE id = 5 gives me an error. What's wrong?",
            "Isn't \"select id from users\" slow? It's faster with an index.",
            "Your query `SELECT a, b FROM c` is missing a join, isn't it?",
            "He said \"it's fine\" and I don't know.",
            "What about `select max(id) from t where a = 'b'`? Would that be faster?",
        ] {
            assert!(is_sentence(text), "{text}");
        }
        for text in [
            "",
            "select a from b",
            "x', (select a from b), 'you are the",
            "you are the ' or 1=1 --",
            "' or (select the from is where you) or '",
            "this is it'; select a from b",
            "that is 'x' = 'x",
            "this is \" or \"\"=\"",
            "you' and (select the from x) and 'is",
            "the is')-- x",
        ] {
            assert!(!is_sentence(text), "{text}");
        }
    }
}
