//! What must follow some words, so that they are of a statement and not of a sentence.

use super::{
    lexer::{Lexer, Token},
    words::Word,
};

/// Whether what follows a verb is a statement that no semicolon stands before, as SQL Server takes
/// it.
pub(super) fn is_bare_statement(lexer: &mut Lexer<'_>) -> bool {
    match lexer.next() {
        // `waitfor delay '0:0:9'`, `exec sp_who 1`
        Some(Token::Name) => matches!(
            lexer.next(),
            Some(Token::Number | Token::Text { .. } | Token::Variable | Token::Open)
        ),
        // `select * from`; a string is what stands between two others: `the "select" option`
        next => matches!(
            next,
            Some(Token::Number | Token::Variable | Token::Open | Token::Compute)
        ),
    }
}

/// `UN_ION SELECT 1,`, as filters leave it that take signs away: whether a query follows that lists
/// values.
pub(super) fn is_query(lexer: &mut Lexer<'_>) -> bool {
    lexer.next() == Some(Token::Word(Word::Verb))
        && matches!(
            lexer.next(),
            Some(Token::Number | Token::Text { .. } | Token::Word(Word::Constant))
        )
        && lexer.next() == Some(Token::Comma)
}

/// Whether what follows a verb has among its first tokens what statements have and sentences have
/// not.
pub(super) fn is_statement(lexer: &mut Lexer<'_>) -> bool {
    const FIRST: usize = 4;
    let mut count = 0;
    let has_sign = lexer.take(FIRST).enumerate().any(|(at, token)| {
        count += 1;
        matches!(
            token,
            Token::Text { .. }
                | Token::Variable
                | Token::Compare
                | Token::Open
                | Token::Comment
                | Token::Semicolon
                | Token::Logic
        ) || at == 0 && matches!(token, Token::Number | Token::Compute)
            || at < 2 && token == Token::Word(Word::From)
    });
    // `drop table users`
    has_sign || count == 2
}

/// Whether what follows a name is a sign that goes on with it in a clause.
pub(super) const fn ends_a_name(token: Option<Token>) -> bool {
    matches!(
        token,
        Some(Token::Compare | Token::Open | Token::Comment | Token::Text { .. } | Token::Semicolon)
    )
}
