//! What was read of a value: how it begins, what follows, how it ends.

/// What a reading begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing was read.
    Nothing,
    /// The end of a string that the application began.
    Quote,
    /// A number, `null`, a variable.
    Constant,
    /// A string of its own.
    Text,
    /// A name.
    Name,
    /// A function of databases.
    Call,
    /// An operator, so that the operand before it is the application's.
    Operator,
    /// A closing bracket, likewise.
    Close,
    /// A statement.
    Verb,
    /// What ends a statement.
    Semicolon,
    /// The next query.
    Union,
    /// The next clause.
    Clause,
    /// A comment and nothing else.
    Comment,
}

/// How a reading ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// With an operand.
    Whole,
    /// Within a string of this quote, which the application ends.
    Within(u8),
    /// With a comment.
    Comment,
    /// Before an operand.
    Waiting,
    /// Where the next token cannot stand.
    Broken,
    /// After as many tokens as are read.
    Long,
}

/// What was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) start: Start,
    pub(super) finish: Finish,
    /// Tokens.
    pub(super) tokens: usize,
    /// `and` and its like with an operand behind them.
    pub(super) joined: u8,
    /// Those behind which two operands are compared.
    pub(super) conditions: u8,
    /// Those with a number behind them, `null`, a variable.
    pub(super) joined_constants: u8,
    /// Comparisons.
    pub(super) compared: u8,
    /// Sums and products.
    pub(super) computed: u8,
    /// Calls of functions of databases.
    pub(super) calls: u8,
    /// Calls of others.
    pub(super) other_calls: u8,
    /// Queries in brackets.
    pub(super) subqueries: u8,
    /// Whether a next query follows.
    pub(super) has_union: bool,
    /// Whether another statement follows.
    pub(super) is_stacked: bool,
    /// Whether the next clause follows.
    pub(super) has_clause: bool,
    /// Whether a statement follows without a semicolon.
    pub(super) has_verb: bool,
    /// Whether a semicolon follows.
    pub(super) has_semicolon: bool,
    /// Whether a `case` ends.
    pub(super) has_case: bool,
    /// Whether a row of values ends and another begins.
    pub(super) has_row: bool,
    /// Whether an operand is a name.
    pub(super) has_name: bool,
    /// Whether a statement has a variable.
    pub(super) has_variable: bool,
    /// Whether a bracket opens around an operand.
    pub(super) has_brackets: bool,
    /// Brackets closed that were not opened.
    pub(super) closed: u8,
}

impl Reading {
    /// Nothing was read.
    pub(super) const fn nothing() -> Self {
        Self {
            start: Start::Nothing,
            finish: Finish::Waiting,
            tokens: 0,
            joined: 0,
            conditions: 0,
            joined_constants: 0,
            compared: 0,
            computed: 0,
            calls: 0,
            other_calls: 0,
            subqueries: 0,
            has_union: false,
            is_stacked: false,
            has_clause: false,
            has_verb: false,
            has_semicolon: false,
            has_case: false,
            has_row: false,
            has_name: false,
            has_variable: false,
            has_brackets: false,
            closed: 0,
        }
    }
}
