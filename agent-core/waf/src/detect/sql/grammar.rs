//! Reads tokens as what completes a statement that the application began, and tells how far that
//! goes.
//!
//! A value stands in a statement in the place of a number, or within a string. What a client adds
//! to the statement must go on as an expression does: operands and operators in turn, brackets, the
//! next clause, the next query, the next statement, or a comment that hides the rest. Prose has the
//! words, and rarely the turns: two names in a row end the reading, and what was read until then is
//! all that counts.

use super::{
    ahead::{ends_a_name, is_bare_statement, is_query, is_statement},
    lexer::{Lexer, Token},
    reading::{Finish, Reading, Start},
    words::Word,
};

/// The most tokens that are read. An injection shows itself in the first few; real ones are shorter
/// than that.
const MOST_TOKENS: usize = 96;

/// What may stand next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// An operand.
    Operand,
    /// An operand, or the end of the brackets that were just opened behind a function's name.
    Argument,
    /// An operator, or what ends the expression.
    Operator,
    /// A comparison, behind `not`.
    Comparison,
}

/// Reads.
struct Reader {
    read: Reading,
    next: Next,
    depth: u32,
    /// The depth of the query in brackets that is skipped.
    skipped: Option<u32>,
    last: Option<Token>,
    /// Whether the operand before is a name, so that a bracket behind it makes a call.
    is_name: bool,
    is_function: bool,
    /// Whether `and` was read, and its operand is to come.
    is_joining: bool,
    /// The operand behind `and`.
    joined: Option<Start>,
    /// Whether a comparison was read whose operand is to come, and whether it is a word.
    comparing: Option<bool>,
    /// Whether an operand has a sign.
    has_sign: bool,
    /// Whether the sign that was read may be a blank.
    may_be_blank: bool,
    /// Whether the query that is skipped has what no words in brackets have.
    is_query: bool,
}

enum Flow {
    On,
    Stop(Finish),
}

const ON: Flow = Flow::On;
const BROKEN: Flow = Flow::Stop(Finish::Broken);

impl Reading {
    /// Reads on until the text ends or cannot be read. `spend` takes what was looked at; where it
    /// says no, nothing was read.
    pub(super) fn of<'t>(mut lexer: Lexer<'t>, is_in_string: bool, spend: &dyn Fn(u64) -> bool) -> (Self, Lexer<'t>) {
        let mut reader = Reader::new(is_in_string);
        let mut looked_at = 0;
        loop {
            let token = lexer.next();
            // a token is some comparisons besides its bytes
            const A_TOKEN: u64 = 4;
            if !spend((lexer.at() - looked_at) as u64 + A_TOKEN) {
                reader.read = Self::nothing();
                break;
            }
            looked_at = lexer.at();
            let Some(token) = token else {
                reader.read.finish = reader.at_end();
                break;
            };
            reader.read.tokens += 1;
            if reader.read.tokens > MOST_TOKENS {
                reader.read.finish = Finish::Long;
                break;
            }
            let flow = reader.step(token, &mut lexer);
            reader.last = Some(token);
            if let Flow::Stop(finish) = flow {
                reader.read.finish = finish;
                break;
            }
        }
        // what follows a union, a clause or a semicolon was looked at in advance
        if !spend((lexer.at() - looked_at) as u64) {
            reader.read = Self::nothing();
        }
        (reader.read, lexer)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what a grammar does not name cannot stand there, and a new token cannot either"
)]
impl Reader {
    const fn new(is_in_string: bool) -> Self {
        let mut read = Reading::nothing();
        if is_in_string {
            read.start = Start::Quote;
        }
        Self {
            read,
            next: if is_in_string { Next::Operator } else { Next::Operand },
            depth: 0,
            skipped: None,
            last: None,
            is_name: false,
            is_function: false,
            is_joining: false,
            joined: None,
            comparing: None,
            has_sign: false,
            may_be_blank: false,
            is_query: false,
        }
    }

    const fn at_end(&self) -> Finish {
        match (self.last, self.next) {
            (
                Some(Token::Text {
                    quote,
                    is_closed: false,
                }),
                _,
            ) => Finish::Within(quote),
            (_, Next::Operator) => Finish::Whole,
            _ => Finish::Waiting,
        }
    }

    fn begins(&mut self, start: Start) {
        if self.read.start == Start::Nothing {
            self.read.start = start;
        }
    }

    fn step(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        if self.skipped.is_some() {
            return self.skip(token, lexer);
        }
        match self.next {
            Next::Operand | Next::Argument => self.operand(token, lexer),
            Next::Operator => self.operator(token, lexer),
            Next::Comparison => match token {
                Token::Word(Word::Compare) => self.compare(token),
                _ => BROKEN,
            },
        }
    }

    /// Within a query in brackets, or a statement: only its end counts, and what follows it.
    fn skip(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        match token {
            Token::Open => {
                self.depth += 1;
                self.counts_query(self.last == Some(Token::Name));
            }
            Token::Close => {
                self.depth = self.depth.saturating_sub(1);
                if self.skipped.is_some_and(|depth| depth > self.depth) {
                    self.skipped = None;
                    self.next = Next::Operator;
                    self.is_name = false;
                }
            }
            Token::Word(Word::Union) => return self.union(lexer),
            Token::Number
            | Token::Text { .. }
            | Token::Variable
            | Token::Compute
            | Token::Word(Word::Function | Word::From | Word::Constant) => {
                self.read.has_variable |= token == Token::Variable;
                self.counts_query(true);
            }
            Token::Comment => return Flow::Stop(Finish::Comment),
            Token::Semicolon if self.read.start == Start::Verb => return self.semicolon(lexer),
            _ => {}
        }
        ON
    }

    /// Counts the query that is skipped, once it has what no words in brackets have.
    fn counts_query(&mut self, is_query: bool) {
        if is_query && !self.is_query {
            self.is_query = true;
            self.read.subqueries = self.read.subqueries.saturating_add(1);
        }
    }

    fn operand(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        let is_first = self.read.start == Start::Nothing && self.read.tokens == 1;
        let follows_bracket = matches!(self.last, Some(Token::Open | Token::Comma));
        match token {
            Token::Sign | Token::Prefix | Token::Word(Word::Prefix | Word::Case) => {
                self.has_sign |= matches!(token, Token::Sign | Token::Prefix);
                self.next = Next::Operand;
                ON
            }
            Token::Open => {
                self.read.has_brackets = true;
                self.depth += 1;
                self.next = Next::Operand;
                ON
            }
            Token::Number | Token::Variable | Token::Word(Word::Constant) => {
                self.is_name = false;
                self.complete(Start::Constant)
            }
            Token::Text { .. } => {
                self.is_name = false;
                self.complete(Start::Text)
            }
            // `if(…)`, `isnull(…)`, `replace(…)`
            Token::Word(Word::Verb | Word::Weak | Word::Compare | Word::Function)
                if !self.is_subquery(token, lexer) && lexer.is_call() =>
            {
                self.is_name = true;
                // `if(…)` is of many languages
                self.is_function = token != Token::Word(Word::Weak);
                self.complete(Start::Call)
            }
            Token::Name
            | Token::Word(Word::By | Word::Ordering | Word::End | Word::Function | Word::Weak | Word::From)
                if !self.is_blank_before(token) =>
            {
                self.read.has_name |= !lexer.is_call();
                self.is_name = true;
                let is_call = self.read.has_brackets && lexer.is_call();
                self.complete(if is_call { Start::Call } else { Start::Name })
            }
            Token::Compute if follows_bracket => self.complete(Start::Operator),
            Token::Word(Word::Compare) if matches!(self.last, Some(Token::Word(Word::Compare))) => ON,
            Token::Close if self.next == Next::Argument => {
                self.depth = self.depth.saturating_sub(1);
                self.next = Next::Operator;
                self.is_name = false;
                ON
            }
            Token::Word(Word::Verb) => self.verb(token, lexer),
            _ if self.is_blank_before(token) => {
                self.read.computed = self.read.computed.saturating_sub(1);
                self.operator(token, lexer)
            }
            Token::Word(Word::Union) => {
                self.begins(Start::Union);
                self.union(lexer)
            }
            _ if is_first => self.first(token, lexer),
            _ => BROKEN,
        }
    }

    /// `1+or+1=1`: whether the sign before a word is a blank of forms that was decoded nowhere.
    fn is_blank_before(&self, token: Token) -> bool {
        let joins = matches!(
            token,
            Token::Word(Word::Logic | Word::Compare | Word::Clause | Word::Ordering | Word::Union | Word::For)
        );
        joins && self.may_be_blank && self.last == Some(Token::Sign)
    }

    /// A statement in brackets, or at the beginning.
    fn verb(&mut self, token: Token, lexer: &Lexer<'_>) -> Flow {
        if self.is_subquery(token, lexer) {
            self.skipped = Some(self.depth);
            self.is_query = false;
            self.joins(Start::Verb);
        } else if self.read.start == Start::Nothing {
            self.skipped = Some(0);
        } else {
            return BROKEN;
        }
        self.begins(Start::Verb);
        ON
    }

    /// What begins a value, where what stands before it is the application's.
    fn first(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        match token {
            Token::Logic
            | Token::Compare
            | Token::Compute
            | Token::Word(Word::Logic | Word::Compare | Word::Compute) => {
                self.begins(Start::Operator);
                let flow = self.operator(token, lexer);
                (self.read.compared, self.read.computed) = (0, 0);
                flow
            }
            Token::Close => {
                self.begins(Start::Close);
                self.next = Next::Operator;
                self.operator(token, lexer)
            }
            Token::Semicolon => {
                self.begins(Start::Semicolon);
                self.semicolon(lexer)
            }
            Token::Word(Word::Clause) => {
                self.begins(Start::Clause);
                self.clause(token, lexer)
            }
            Token::Comment => {
                self.begins(Start::Comment);
                Flow::Stop(Finish::Comment)
            }
            _ => BROKEN,
        }
    }

    /// Whether a statement in brackets begins.
    fn is_subquery(&self, token: Token, lexer: &Lexer<'_>) -> bool {
        let is_open = self.depth > 0 && matches!(self.last, Some(Token::Open | Token::Comma));
        token == Token::Word(Word::Verb) && is_open && !(self.last == Some(Token::Comma) && lexer.is_call())
    }

    /// An operand is there.
    fn complete(&mut self, start: Start) -> Flow {
        self.begins(start);
        self.next = Next::Operator;
        self.joins(start);
        ON
    }

    /// Counts an operand behind `and`, or behind a comparison behind `and`.
    fn joins(&mut self, operand: Start) {
        let count = |counter: &mut u8| *counter = counter.saturating_add(1);
        if self.is_joining {
            count(&mut self.read.joined);
            if operand == Start::Constant {
                count(&mut self.read.joined_constants);
            }
            self.is_joining = false;
            self.joined = Some(operand);
        } else if let Some(by_word) = self.comparing.take()
            && let Some(joined) = self.joined.take()
        {
            // `boys' and girls like football` is one of words
            let is_phrase = by_word && joined == Start::Name && operand == Start::Name;
            if !is_phrase {
                count(&mut self.read.conditions);
            }
        }
        self.comparing = None;
    }

    fn compare(&mut self, token: Token) -> Flow {
        self.read.compared = self.read.compared.saturating_add(1);
        self.comparing = Some(token != Token::Compare);
        self.next = Next::Operand;
        ON
    }

    /// Behind a name a bracket opens.
    const fn call(&mut self) {
        let calls = if self.is_function {
            &mut self.read.calls
        } else {
            &mut self.read.other_calls
        };
        *calls = calls.saturating_add(1);
        (self.is_name, self.is_function) = (false, false);
        self.depth += 1;
        self.next = Next::Argument;
    }

    fn operator(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        match token {
            Token::Logic | Token::Word(Word::Logic) => {
                self.is_joining = true;
                self.joined = None;
                self.next = Next::Operand;
            }
            Token::Compare | Token::Word(Word::Compare) => return self.compare(token),
            Token::Compute | Token::Sign | Token::Word(Word::Compute) => {
                self.may_be_blank = token == Token::Sign;
                self.read.computed = self.read.computed.saturating_add(1);
                self.next = Next::Operand;
            }
            Token::Word(Word::Prefix) => self.next = Next::Comparison,
            Token::Word(Word::Case) => self.next = Next::Operand,
            Token::Word(Word::End) => self.read.has_case = true,
            Token::Open if self.is_name => self.call(),
            Token::Close => {
                match self.depth.checked_sub(1) {
                    Some(outer) => self.depth = outer,
                    None => self.read.closed = self.read.closed.saturating_add(1),
                }
                self.is_name = false;
            }
            Token::Comma => {
                self.read.has_row |= self.depth == 0 && self.read.closed > 0 && lexer.is_call();
                self.next = Next::Operand;
            }
            Token::Semicolon => return self.semicolon(lexer),
            Token::Comment => return Flow::Stop(Finish::Comment),
            Token::Word(Word::Union) => return self.union(lexer),
            Token::Word(Word::Clause | Word::Ordering) => return self.clause(token, lexer),
            Token::Word(Word::Verb) => {
                self.read.has_verb = is_bare_statement(lexer);
                return BROKEN;
            }
            Token::Name => {
                self.read.has_union |= self.read.start != Start::Name && is_query(lexer);
                return BROKEN;
            }
            // code of other languages calls what it is concatenated with: `2010-01-01' sleep(20) '`
            Token::Word(Word::Function)
                if self.read.start == Start::Quote && self.read.tokens == 1 && lexer.is_call() =>
            {
                (self.is_name, self.is_function) = (true, true);
            }
            Token::Text {
                quote,
                is_closed: false,
            } if self.read.start == Start::Quote && self.last == Some(Token::Close) => {
                return Flow::Stop(Finish::Within(quote));
            }
            Token::Word(Word::For) if lexer.next() == Some(Token::Word(Word::Verb)) => {}
            _ => return BROKEN,
        }
        ON
    }

    /// Behind `union`: a query, or nothing, where what stands before it is none of a phrase's.
    fn union(&mut self, lexer: &mut Lexer<'_>) -> Flow {
        let is_phrase = self.read.start != Start::Quote && self.read.computed == 0 && !self.has_sign;
        let next = lexer.find(|token| !matches!(token, Token::Open | Token::Word(Word::Prefix)));
        self.read.has_union |= match next {
            Some(Token::Word(Word::Verb)) => {
                let is_certain = matches!(self.read.start, Start::Constant | Start::Close) || self.read.joined > 0;
                is_certain
                    || !matches!(
                        (lexer.next(), lexer.next()),
                        (Some(Token::Name), Some(Token::Name) | None)
                    )
            }
            Some(Token::Comment) => true,
            Some(_) => false,
            None => !is_phrase,
        };
        BROKEN
    }

    /// Behind a semicolon: a statement, a comment, or nothing.
    fn semicolon(&mut self, lexer: &mut Lexer<'_>) -> Flow {
        self.read.has_semicolon = true;
        match lexer.find(|token| *token != Token::Semicolon) {
            None => Flow::Stop(Finish::Whole),
            Some(Token::Comment) => Flow::Stop(Finish::Comment),
            Some(Token::Word(Word::Verb | Word::Weak)) => {
                self.read.is_stacked = is_statement(lexer);
                BROKEN
            }
            Some(_) => BROKEN,
        }
    }

    /// A clause, and what it wants.
    fn clause(&mut self, token: Token, lexer: &mut Lexer<'_>) -> Flow {
        let first = lexer.next();
        self.read.has_clause |= match (token, first) {
            (Token::Word(Word::Ordering), Some(Token::Word(Word::By))) => match lexer.next() {
                Some(Token::Name | Token::Open | Token::Word(Word::Function)) => ends_a_name(lexer.next()),
                Some(operand) => operand == Token::Number,
                None => false,
            },
            (Token::Word(Word::Clause), Some(Token::Number | Token::Variable)) => true,
            (Token::Word(Word::Clause), Some(Token::Name | Token::Word(Word::Function))) => ends_a_name(lexer.next()),
            _ => false,
        };
        BROKEN
    }
}
