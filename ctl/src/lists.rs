//! Formats of lists of addresses: what feeds and other programs write, and what firewalls and
//! servers read.
//!
//! | format | written by |
//! |---|---|
//! | plain | most feeds, FireHOL's `.netset`: a network a line, `#` and `;` begin comments |
//! | csv | `bans export` and spreadsheets; the column is `network`, `address`, `ip`, `cidr` or `value`, else the first; `ttl_s` and `reason` are read where they are named |
//! | dshield | DShield's `block.txt`: first address, last address and length of the network, parted by tabs |
//! | drop | Spamhaus' `drop_v4.json`: a JSON object with `cidr` a line |
//! | crowdsec | `cscli decisions list -o json` and `/v1/decisions`: decisions with `value`, `duration` and `scenario` |

use std::{
    io::{self, Write},
    net::IpAddr,
};

use buckler::model::address::parse_network;
use clap::ValueEnum;
use ipnet::IpNet;
use serde_json::Value;

use crate::{cli::Target, show::at};

/// How a list is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Told by its first line
    #[default]
    Auto,
    /// A network a line
    Plain,
    /// Columns
    Csv,
    /// DShield's block list
    Dshield,
    /// Spamhaus DROP, JSON lines
    Drop,
    /// CrowdSec's decisions, JSON
    Crowdsec,
}

/// An entry of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) network: IpNet,
    /// For how long, where the file says it.
    pub(crate) ttl_s: Option<u64>,
    /// Why, where the file says it.
    pub(crate) reason: Option<String>,
}

/// A file's entries, and what in it is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) entries: Vec<Listed>,
    pub(crate) left_out: Vec<String>,
}

/// Reads a list.
///
/// # Errors
/// What is wrong with the file as a whole. Lines that are no entry are left out, and told of.
pub(crate) fn read(text: &str, format: Format) -> Result<List, String> {
    let mut list = List::default();
    match format {
        Format::Auto => return read(text, guess(text)),
        Format::Plain => lines(text, |line| list.add(line, first_word(line))),
        Format::Csv => csv(text, &mut list),
        Format::Dshield => lines(text, |line| dshield(line, &mut list)),
        Format::Drop => lines(text, |line| drop_line(line, &mut list)),
        Format::Crowdsec => {
            let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            decisions(&value, &mut list);
        }
    }
    if list.entries.is_empty() && list.left_out.is_empty() {
        return Err("it lists nothing".to_owned());
    }
    Ok(list)
}

/// By the first line that says anything.
fn guess(text: &str) -> Format {
    let mut first = Format::Plain;
    let is_json = text.trim_start().starts_with(['[', '{']);
    if is_json {
        return if serde_json::from_str::<Value>(text).is_ok_and(|value| value.get("cidr").is_none()) {
            Format::Crowdsec
        } else {
            Format::Drop
        };
    }
    let mut seen = false;
    lines(text, |line| {
        if !std::mem::replace(&mut seen, true) {
            let columns: Vec<&str> = line.split('\t').collect();
            let is_range = columns.len() >= 3 && columns.iter().take(2).all(|one| one.trim().parse::<IpAddr>().is_ok());
            let is_head = line.starts_with("Start") && columns.len() >= 3;
            first = if is_range || is_head {
                Format::Dshield
            } else if line.contains(',') {
                Format::Csv
            } else {
                Format::Plain
            };
        }
    });
    first
}

/// Every line that is no comment.
fn lines(text: &str, each: impl FnMut(&str)) {
    let said = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    said.for_each(each);
}

fn first_word(line: &str) -> &str {
    line.split([' ', '\t', '#', ';']).next().unwrap_or_default()
}

impl List {
    fn add(&mut self, line: &str, text: &str) {
        self.add_with(line, text, None, None);
    }

    fn add_with(&mut self, line: &str, text: &str, ttl_s: Option<u64>, reason: Option<String>) {
        /// Enough of a line to find it by.
        const SHOWN: usize = 60;
        match parse_network(text.trim().trim_matches('"')) {
            Some(network) => self.entries.push(Listed { network, ttl_s, reason }),
            None => {
                let line: String = line.chars().take(SHOWN).collect();
                self.left_out.push(format!("{line:?} is no address and no network"));
            }
        }
    }
}

/// Columns by their names, as `bans export` and spreadsheets write them; without names the first is
/// the network.
fn csv(text: &str, list: &mut List) {
    /// The name that this program writes first.
    const NAMES: [&str; 5] = ["network", "address", "ip", "cidr", "value"];
    const ENDS: [&str; 2] = ["ttl_s", "ttl"];
    const REASONS: [&str; 3] = ["reason", "why", "comment"];
    let place = |names: &[&str], cells: &[String]| {
        let is_named = |cell: &String| names.iter().any(|name| name.eq_ignore_ascii_case(cell));
        cells.iter().position(is_named)
    };
    let (mut column, mut ends, mut reasons, mut is_first) = (0, None, None, true);
    lines(text, |line| {
        let cells = cells(line);
        if let (true, Some(network)) = (std::mem::replace(&mut is_first, false), place(&NAMES, &cells)) {
            (column, ends, reasons) = (network, place(&ENDS, &cells), place(&REASONS, &cells));
            return;
        }
        let cell = |column: usize| cells.get(column).map(String::as_str).unwrap_or_default();
        let given = |column: Option<usize>| column.map(cell).filter(|text| !text.is_empty());
        match given(ends).map(seconds).transpose() {
            Ok(ttl_s) => list.add_with(line, cell(column), ttl_s, given(reasons).map(unquoted)),
            Err(problem) => list.left_out.push(format!("{}: {problem}", cell(column))),
        }
    });
}

/// The cells of a line (RFC 4180): quotes around one may hold commas, and quotes that are doubled.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.trim().is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            c => cell.push(c),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

/// A text without what [`cell`] puts before a formula.
fn unquoted(text: &str) -> String {
    let formula = text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA));
    formula.unwrap_or(text).to_owned()
}

fn dshield(line: &str, list: &mut List) {
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    match columns.as_slice() {
        // the head of the table
        [first, ..] if first.starts_with("Start") => {}
        [first, _, prefix, ..] => list.add(line, &format!("{first}/{prefix}")),
        _ => list.add(line, ""),
    }
}

fn drop_line(line: &str, list: &mut List) {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return list.add(line, "");
    };
    // the last line says when the list was made
    if let Some(cidr) = at(&value, "cidr").as_str() {
        let reason = at(&value, "sblid").as_str().map(|id| format!("Spamhaus {id}"));
        list.add_with(line, cidr, None, reason);
    }
}

/// Decisions, bare or within alerts.
fn decisions(value: &Value, list: &mut List) {
    for one in value.as_array().into_iter().flatten() {
        if one.get("decisions").is_some() {
            decisions(at(one, "decisions"), list);
            continue;
        }
        let is_ban = at(one, "type").as_str().is_none_or(|kind| kind == "ban");
        let of_addresses = at(one, "scope")
            .as_str()
            .is_none_or(|scope| matches!(scope, "Ip" | "Range" | "ip" | "range"));
        let value = at(one, "value").as_str().unwrap_or_default();
        if is_ban && of_addresses {
            let ttl_s = at(one, "duration").as_str().and_then(go_duration);
            let reason = at(one, "scenario")
                .as_str()
                .or_else(|| at(one, "reason").as_str())
                .map(str::to_owned);
            list.add_with(&one.to_string(), value, ttl_s, reason);
        } else {
            list.left_out
                .push(format!("{value:?}: only bans of addresses are taken"));
        }
    }
}

/// A duration as Go writes it: `3h59m57.02s`. In whole seconds, at least one.
fn go_duration(text: &str) -> Option<u64> {
    let (mut seconds, mut number) = (0.0, String::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3_600.0,
            'm' if rest.peek() == Some(&'s') => {
                rest.next();
                0.001
            }
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        seconds += std::mem::take(&mut number).parse::<f64>().ok()? * unit;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "of digits alone, and of a century at most"
    )]
    let whole = seconds.clamp(1.0, 3.2e9) as u64;
    number.is_empty().then_some(whole)
}

/// A time as people write it: `90`, `30m`, `12h`, `7d`, in seconds.
///
/// # Errors
/// What is allowed.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    /// Ten years, as `BLACKLIST_DELAY` allows: what is longer is meant to be permanent.
    const LONGEST: u64 = 315_360_000;
    let allowed = || format!("{text:?} is no time up to ten years: 30m, 12h and 7d are");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(allowed()),
    };
    let number: u64 = digits.parse().map_err(|_| allowed())?;
    number
        .checked_mul(unit)
        .filter(|seconds| (1..=LONGEST).contains(seconds))
        .ok_or_else(allowed)
}

/// Writes entries for another program.
pub(crate) struct Writer<W> {
    target: Target,
    out: W,
    /// What `nft` wants in one place: its sets are written whole.
    sets: [Vec<String>; 2],
}

impl<W: Write> Writer<W> {
    pub(crate) const fn new(target: Target, out: W) -> Self {
        Self {
            target,
            out,
            sets: [Vec::new(), Vec::new()],
        }
    }

    pub(crate) fn begin(&mut self) -> io::Result<()> {
        match self.target {
            Target::Plain | Target::Nft | Target::Nginx => Ok(()),
            Target::Csv => writeln!(self.out, "network,ttl_s,reason"),
            Target::Ipset => {
                for (name, family) in [("buckler4", "inet"), ("buckler6", "inet6")] {
                    // with the options of the server's `/admin/export/ipset`: a set that is there
                    // with others is an error
                    writeln!(
                        self.out,
                        "create {name} hash:net family {family} timeout 0 maxelem 16777216 -exist"
                    )?;
                    writeln!(self.out, "flush {name}")?;
                }
                Ok(())
            }
        }
    }

    pub(crate) fn entry(&mut self, network: &str, ttl_s: Option<u64>, why: &str) -> io::Result<()> {
        /// The longest timeout of a set (Linux, `ipset(8)`).
        const LONGEST: u64 = 2_147_483;
        let is_v6 = network.contains(':');
        match self.target {
            Target::Plain => writeln!(self.out, "{network}"),
            Target::Csv => {
                let ttl = ttl_s.map(|ttl| ttl.to_string()).unwrap_or_default();
                writeln!(self.out, "{network},{ttl},\"{}\"", cell(why))
            }
            Target::Nginx => writeln!(self.out, "deny {network};"),
            Target::Ipset => {
                let name = if is_v6 { "buckler6" } else { "buckler4" };
                let timeout = ttl_s.map_or(0, |ttl| ttl.min(LONGEST));
                writeln!(self.out, "add {name} {network} timeout {timeout} -exist")
            }
            Target::Nft => {
                let timeout = ttl_s.map(|ttl| format!(" timeout {ttl}s")).unwrap_or_default();
                let [v4, v6] = &mut self.sets;
                let set = if is_v6 { v6 } else { v4 };
                set.push(format!("{network}{timeout}"));
                Ok(())
            }
        }
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        if self.target != Target::Nft {
            return self.out.flush();
        }
        // the table is replaced in one transaction: there is no moment without it
        writeln!(
            self.out,
            "table inet buckler\ndelete table inet buckler\ntable inet buckler {{"
        )?;
        for ((name, kind), entries) in [("v4", "ipv4_addr"), ("v6", "ipv6_addr")].into_iter().zip(&self.sets) {
            writeln!(
                self.out,
                "\tset {name} {{\n\t\ttype {kind}\n\t\tflags interval, timeout\n\t\tauto-merge"
            )?;
            if !entries.is_empty() {
                writeln!(self.out, "\t\telements = {{ {} }}", entries.join(",\n\t\t\t"))?;
            }
            writeln!(self.out, "\t}}")?;
        }
        writeln!(
            self.out,
            "\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr @v4 drop\n\t\tip6 saddr @v6 drop\n\t}}\n}}"
        )?;
        self.out.flush()
    }
}

/// What spreadsheets take for the beginning of a formula.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// A text in a cell of a spreadsheet: on one line, and never taken for a formula.
fn cell(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let formula = if plain.starts_with(FORMULA) {
        "'"
    } else {
        Default::default()
    };
    format!("{formula}{}", plain.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Vec<String> {
        let list = read(text, Format::Auto).unwrap();
        list.entries.iter().map(|entry| entry.network.to_string()).collect()
    }

    #[test]
    fn each_format_is_told_by_its_first_line() {
        let expected = ["192.0.2.0/24", "2001:db8::7/128"];
        assert_eq!(networks("# FireHOL\n192.0.2.0/24\n2001:db8::7 ; a host\n"), expected);
        assert_eq!(
            networks("reason,IP\nscan,\"192.0.2.9/24\"\nscan,2001:db8::7\n"),
            expected
        );
        assert_eq!(networks("192.0.2.0/24,scan\n2001:db8::7,scan\n"), expected);
        let dshield = "# primary\nStart\tEnd\tNetblock\tAttacks\n192.0.2.0\t192.0.2.255\t24\t1400\n";
        assert_eq!(networks(dshield), ["192.0.2.0/24"]);
        let drop =
            "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"x\"}\n{\"type\":\"metadata\",\"records\":1}\n";
        assert_eq!(networks(drop), ["192.0.2.0/24"]);
        assert_eq!(
            read(drop, Format::Auto).unwrap().entries[0].reason.as_deref(),
            Some("Spamhaus SBL1")
        );
    }

    #[test]
    fn decisions_bring_their_ends_and_reasons() {
        let alerts = r#"[{"decisions":[
            {"scope":"Ip","type":"ban","value":"192.0.2.7","duration":"3h59m57.5s","scenario":"ssh-bf"},
            {"scope":"Ip","type":"captcha","value":"192.0.2.8"},{"scope":"Country","type":"ban","value":"XX"}]}]"#;
        let list = read(alerts, Format::Auto).unwrap();
        let entry = Listed {
            network: "192.0.2.7/32".parse().unwrap(),
            ttl_s: Some(14_397),
            reason: Some("ssh-bf".into()),
        };
        assert_eq!((list.entries, list.left_out.len()), (vec![entry], 2));
        assert_eq!(
            (
                go_duration("500ms"),
                go_duration("1.5h"),
                go_duration("-3s"),
                go_duration("5")
            ),
            (Some(1), Some(5_400), None, None)
        );
    }

    #[test]
    fn what_is_written_as_csv_is_read_back_with_ends_and_reasons() {
        let reasons = ["=cmd, \"x\"", "scans, of \"the shop\"", "", "'twas", "a\tb"];
        let mut out = Vec::new();
        let mut writer = Writer::new(Target::Csv, &mut out);
        writer.begin().unwrap();
        for (at, reason) in reasons.iter().enumerate() {
            let ttl_s = (at > 0).then_some(at as u64 * 60);
            writer.entry(&format!("192.0.2.{at}"), ttl_s, reason).unwrap();
        }
        writer.end().unwrap();
        let list = read(&String::from_utf8(out).unwrap(), Format::Auto).unwrap();
        assert_eq!(list.left_out, Vec::<String>::new());
        for (at, (entry, reason)) in list.entries.iter().zip(reasons).enumerate() {
            assert_eq!(entry.network.to_string(), format!("192.0.2.{at}/32"));
            assert_eq!(entry.ttl_s, (at > 0).then_some(at as u64 * 60));
            let said = reason.replace('\t', " ");
            assert_eq!(entry.reason.as_deref().unwrap_or_default(), said);
        }
        let others = "Comment;x,IP,TTL\nscan,192.0.2.7,soon\n,192.0.2.8,2h\n";
        let list = read(others, Format::Csv).unwrap();
        assert_eq!(list.entries.len(), 1);
        assert_eq!(list.entries[0].ttl_s, Some(7_200));
        assert!(
            list.left_out[0].starts_with("192.0.2.7: \"soon\" is no time"),
            "{list:?}"
        );
    }

    #[test]
    fn what_is_no_entry_is_left_out_and_told_of() {
        let list = read("192.0.2.0/24\nexample.com\n", Format::Plain).unwrap();
        assert_eq!(list.left_out, ["\"example.com\" is no address and no network"]);
        assert!(read("# nothing\n", Format::Auto).is_err());
        assert!(read("{", Format::Crowdsec).is_err());
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("90", 90),
            ("90s", 90),
            ("30m", 1_800),
            ("12h", 43_200),
            ("7d", 604_800),
        ] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "0", "h", "-1h", "1y", "1.5h", "99999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    fn written(target: Target) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(target, &mut out);
        writer.begin().unwrap();
        writer.entry("192.0.2.7", Some(60), "=cmd\n\"x\"").unwrap();
        writer.entry("2001:db8::/32", None, "").unwrap();
        writer.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_are_written_as_their_readers_want_them() {
        assert_eq!(written(Target::Plain), "192.0.2.7\n2001:db8::/32\n");
        assert_eq!(written(Target::Nginx), "deny 192.0.2.7;\ndeny 2001:db8::/32;\n");
        assert_eq!(
            written(Target::Csv),
            "network,ttl_s,reason\n192.0.2.7,60,\"'=cmd \"\"x\"\"\"\n2001:db8::/32,,\"\"\n"
        );
        for set in ["buckler4 hash:net family inet", "buckler6 hash:net family inet6"] {
            // as the server's `/admin/export/ipset` creates them
            let created = format!("create {set} timeout 0 maxelem 16777216 -exist\n");
            assert!(written(Target::Ipset).contains(&created), "{created}");
        }
        assert!(
            written(Target::Ipset)
                .ends_with("add buckler4 192.0.2.7 timeout 60 -exist\nadd buckler6 2001:db8::/32 timeout 0 -exist\n")
        );
        let nft = written(Target::Nft);
        assert!(
            nft.contains("elements = { 192.0.2.7 timeout 60s }") && nft.contains("elements = { 2001:db8::/32 }"),
            "{nft}"
        );
    }
}
