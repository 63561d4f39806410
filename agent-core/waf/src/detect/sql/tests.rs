//! What is told from what, and how that compares with the tokenizer of libinjection.

use std::collections::BTreeMap;

use super::*;

fn judge(text: &str) -> Sql {
    read(text, &|_| true)
}

/// Values that complete a statement, in the places that statements have for values.
#[rustfmt::skip]
const ATTACKS: &[&str] = &[
    "1' OR '1'='1", "1' or 1=1-- -", "' or true--", "' or 1#", "') or ('a'='a", "\" or \"\"=\"", "1) or (1=1", "1 or 1=1", "1 and 1=2", "-1 or 17=17",
    "x' and (select count(*) from users)>0--", "1 union select 1,2,3", "-1 union all select null,null#", "' union select password from users--", "1 union(select 1)",
    "1; drop table users --", "'; exec master..xp_cmdshell 'dir'--", "1;declare @q varchar(99);set @q=1", "'; insert into users values (1,2)--",
    "1 order by 10--", "' order by 3#", "1 group by 2 having 1=1", "' having 1=1--", "1 limit 1,1 procedure analyse(1)", "' into outfile '/tmp/x",
    "1' and sleep(5)#", "1 and benchmark(1000,md5(1))", "'-sleep(3)-'", "'+(select user())+'", "1'||(select 1 from dual)||'", "1 or ascii(substr(user(),1,1))>64",
    "' or username like 'a%", "' or id in (1,2)--", "' or id between 1 and 5--", "x' or not exists (select 1)--", "1 or @@version like 5", "' or 0x61=0x61#",
    "1/**/or/**/1=1", "1'/**/or/**/2>1--", "' or 1.5e1=15--", "') waitfor delay '0:0:9'--", "1 waitfor delay '0:0:9'", "' xor if(1=1,sleep(1),0)--",
    "1 and isnull(1/0)", "a'),(1,2,(select 1))-- ", "' and 1=convert(int,(select @@version))--", "1 or case when 1=1 then 1 else 0 end=1", "' || 1=1 -- ", "' && 1=1 && 'a'='a",
    "(select 1 from users)", "1 or array_length(array[1],1)=1", "' and email like name--", "1 and (select 1)=1", "' or x'61'='a", "' or n'a'=n'a'--", "1 or \"a\"=\"a\"", "`id` or 1=1 union select 1",
];

/// What people write.
#[rustfmt::skip]
const HONEST: &[&str] = &[
    "80% ACRYLIC AND 20% WOOL", "a SMALL \"&\" SIGN", "use s.replace('a', 'b')", "his or her; select one", "O'Brien", "it's", "rock 'n' roll", "rock'n'roll or jazz",
    "The union select committee meets from 9 to 5", "john's book; delete it from the cart", "parents' and guardians;", "14 1/2\" - USUALLY FOR 3 MONTHS", "20 SET 3/4",
    "(1) select the file (2) click", "1 or 2 people", "Franco, Allen and Fox", "en-US,en;q=0.5", "text/html,application/xml;q=0.9,*/*;q=0.8", "5th Avenue, Apt. # 112",
    "Is sleep(5) blocking in asyncio?", "my--slugified-url", "5'-6' tall", "It's a \"test\" - isn't it?", "Order by phone, group by size", "limit of 5 per person",
    "\"CREATE A CRITTER\"", "PRINT \"WITH YOU\"", "I'd like 2, or 3; call me", "$1,000 or best offer", "10.00 AND UNDER", "from: Anna's desk (2nd floor)", "he said \"5 or 6\"",
    "O'Neill-Smith", "D'Angelo & Sons", "C# & F#", "24\" monitor", "8-bit Limit (BRK)", "WHERE'S GEORGE", "Kids' section; boys' and girls'", "x = 5", "f(x) = x^2 + 3*x - 1",
    "\"Select\" from the drop-down", "50% off; select items & more", "Can't find \"select\" option", "if (x == null) return; // fix", "=IF(A1>5,\"yes\",\"no\")",
    "boys' and girls like football", "sale; select items 20% off", "SELECT id FROM t WHERE a = 'b' -- failed", "The students' and teachers' rooms; select one from each floor",
];

#[test]
fn injections_are_told_from_phrases() {
    let missed: Vec<_> = ATTACKS.iter().filter(|text| judge(text) != Sql::Injection).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let taken: Vec<_> = HONEST.iter().filter(|text| judge(text) == Sql::Injection).collect();
    assert!(taken.is_empty(), "{taken:#?}");
    for text in [
        "",
        "hello",
        "O'Brien",
        "it's",
        "Grüße",
        "{\"a\":[1,2]}",
        "a.b@example.com",
        "'",
        "\"",
        "--",
        "#",
        "/*",
    ] {
        assert_ne!(judge(text), Sql::Injection, "{text}");
    }
}

#[test]
fn what_is_read_is_paid_for() {
    let cost = |text: &str| {
        let spent = std::cell::Cell::new(0);
        read(text, &|steps| {
            spent.set(spent.get() + steps);
            true
        });
        spent.get()
    };
    assert!(cost("hello world") < 60, "{}", cost("hello world"));
    // three places, each in two ways, and four steps a token
    for piece in [
        "a'b\"--c ",
        "'",
        "\"'",
        "(",
        "1 or ",
        "/**/",
        "a--b ",
        "((((",
        ";",
        "#\n",
        "select ",
        "''\"\"",
    ] {
        let text = piece.repeat(4 * MOST / piece.len());
        assert!(cost(&text) <= 6 * (MOST as u64 + 4 * 100), "{piece}: {}", cost(&text));
    }
    assert_eq!(
        read("1' or 1=1--", &|_| false),
        Sql::Harmless,
        "nothing is left to read with"
    );
}

/// Numbers in no order, the same in each run (Lehmer's generator).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// What is put in the place of a blank, in front of a value, behind it, and anywhere.
const BLANKS: &[&str] = &["\t", "\n", "/**/", "/*x*/", "  ", "+", "\u{a0}", "(", "--\n", "#\n"];
const BEFORE: &[&str] = &[
    "1", "x", "-1", "'", "\"", "(", "O'Neill ", "the ", "5) ", "' ", "/*!50000", "abc' ", "\\", "@", "select ",
];
const BEHIND: &[&str] = &[
    "--",
    "#",
    "-- -",
    ";",
    ")",
    "'",
    "\"",
    "/*",
    " and more",
    " or 2>1",
    ";--",
    " limit 1",
    "*/",
    "`",
];
const ANYWHERE: &[&str] = &[
    "'", "\"", "(", ")", " ", ",", ";", "-", "1", "a", "or", " and ", "=", "*", "/", "#", "`", "@", "{", "\\", ".",
    "null", " union ", " select ",
];

fn mutated(draw: &mut Draw, seed: &str) -> String {
    let mut text = seed.to_owned();
    for _ in 0..=draw.below(3) {
        let at = text.floor_char_boundary(draw.below(text.len() + 1));
        match draw.below(8) {
            0 => text = text.replacen(' ', draw.one(BLANKS), 1 + draw.below(3)),
            1 => text.insert_str(0, draw.one(BEFORE)),
            2 => text.push_str(draw.one(BEHIND)),
            3 => text.insert_str(at, draw.one(ANYWHERE)),
            4 => text = text.replace('\'', "\""),
            5 => text = text.to_uppercase(),
            6 => text.truncate(at),
            _ => {
                let end = text.ceil_char_boundary((at + 1).min(text.len()));
                text.replace_range(at..end, "");
            }
        }
    }
    text
}

/// Mutations in the gate: about a second of an unoptimised build. `BUCKLER_MUTATIONS=10000000` asks
/// for more.
const MUTATIONS: usize = 20_000;

/// The tokenizer of libinjection was used before this one. How often they differ is counted, and is
/// not to grow: what it takes for an injection in what was made of attacks is nearly always
/// doubtful at least, and little is taken that it does not take.
#[test]
fn libinjection_and_this_tokenizer_agree_on_nearly_all_mutations() {
    let count = std::env::var("BUCKLER_MUTATIONS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(MUTATIONS);
    let mut draw = Draw(11);
    let mut kinds: BTreeMap<(&str, bool, Sql), (usize, String)> = BTreeMap::new();
    for number in 0..count {
        let (of, seeds) = if number % 2 == 0 {
            ("attack", ATTACKS)
        } else {
            ("honest", HONEST)
        };
        let seed = draw.one(seeds);
        let text = mutated(&mut draw, seed);
        let by_libinjection = libinjectionrs::detect_sqli(text.as_bytes()).is_injection();
        let kind = kinds.entry((of, by_libinjection, judge(&text))).or_default();
        kind.0 += 1;
        // one of each kind is shown, another each time
        if draw.below(kind.0) == 0 {
            kind.1 = text;
        }
    }
    let table: String = kinds
        .iter()
        .map(|((of, theirs, ours), (times, example))| {
            format!("{of}: libinjection {theirs}, here {ours:?}: {times}, as {example:?}\n")
        })
        .collect();
    let times = |of: &str, theirs: bool, ours: &[Sql]| -> usize {
        let of_kind = kinds
            .iter()
            .filter(|((kind, by, verdict), _)| *kind == of && *by == theirs && ours.contains(verdict));
        of_kind.map(|(_, (times, _))| times).sum()
    };
    let theirs = times("attack", true, &[Sql::Harmless, Sql::Doubtful, Sql::Injection]);
    let both = times("attack", true, &[Sql::Doubtful, Sql::Injection]);
    let ours = both + times("attack", false, &[Sql::Doubtful, Sql::Injection]);
    let false_alarms = times("honest", false, &[Sql::Injection]) + times("honest", true, &[Sql::Injection]);
    let their_false_alarms = times("honest", true, &[Sql::Harmless, Sql::Doubtful, Sql::Injection]);
    if count > MUTATIONS {
        // asked for to be seen
        std::fs::write(std::env::temp_dir().join("mutations.txt"), &table)
            .expect("there is a directory for what is temporary");
    }
    assert!(both * 100 >= theirs * 96, "{both} of {theirs}\n{table}");
    assert!(ours >= theirs, "{ours} of {theirs}\n{table}");
    assert!(
        false_alarms <= their_false_alarms,
        "{false_alarms} where it has {their_false_alarms}\n{table}"
    );
}
