//! Counts verdicts, and writes the tables.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    corpus::{Label, Row},
    judge::Verdict,
};

/// Verdicts, counted.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By corpus, label and category.
    counts: BTreeMap<(String, Label, String), Count>,
    /// By class of attack over all corpora, and the two sets of everyday traffic.
    classes: BTreeMap<(Label, &'static str), Count>,
    all: Count,
}

/// Requests, how many of them were refused, and what each took.
#[derive(Debug, Default, Clone)]
struct Count {
    refused: usize,
    micros: Vec<f64>,
}

impl Report {
    pub(crate) fn add(&mut self, row: &Row, verdict: &Verdict<'_>) {
        let key = (row.corpus.clone(), row.label, row.category.clone());
        self.counts.entry(key).or_default().add(verdict);
        for class in classes(row).into_iter().flatten() {
            self.classes.entry((row.label, class)).or_default().add(verdict);
        }
        self.all.add(verdict);
    }

    pub(crate) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<16} {:<22} {:>6} {:>6} {:>6} {:>9} {:>7} {:>9} {:>9}",
            "corpus", "category", "all", "caught", "missed", "wrongly", "%", "µs median", "µs p99"
        )?;
        for ((corpus, label, category), count) in &mut self.counts {
            count.write(out, corpus, category, *label)?;
        }
        writeln!(out)?;
        for ((label, class), count) in &mut self.classes {
            count.write(out, "all together", class, *label)?;
        }
        let micros = self.all.sorted();
        writeln!(
            out,
            "\n{} requests, µs per request: median {:.1}, p99 {:.1}, most {:.1}",
            micros.len(),
            quantile(micros, 0.5),
            quantile(micros, 0.99),
            quantile(micros, 1.0),
        )
    }
}

impl Count {
    fn add(&mut self, verdict: &Verdict<'_>) {
        self.refused += usize::from(verdict.rule.is_some());
        self.micros.push(verdict.micros);
    }

    fn sorted(&mut self) -> &[f64] {
        self.micros.sort_by(f64::total_cmp);
        &self.micros
    }

    fn write(&mut self, out: &mut impl Write, corpus: &str, category: &str, label: Label) -> io::Result<()> {
        let refused = self.refused;
        let micros = self.sorted();
        let all = micros.len();
        // an attack is caught or missed; everyday traffic is wrongly blocked or has no place in these columns
        let (caught, missed, wrongly) = match label {
            Label::Attack => (refused.to_string(), (all - refused).to_string(), "-".to_owned()),
            Label::Benign => ("-".to_owned(), "-".to_owned(), refused.to_string()),
        };
        writeln!(
            out,
            "{corpus:<16} {category:<22} {all:>6} {caught:>6} {missed:>6} {wrongly:>9} {:>7.2} {:>9.1} {:>9.1}",
            percent(refused, all),
            quantile(micros, 0.5),
            quantile(micros, 0.99),
        )
    }
}

/// How many of all, in hundredths.
fn percent(part: usize, all: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    100.0 * float(part) / float(all.max(1))
}

/// The classes that a request counts for.
fn classes(row: &Row) -> [Option<&'static str>; 2] {
    if row.label == Label::Benign {
        let set = match row.corpus.as_str() {
            "benign" => Some("benign values"),
            "benign_requests" => Some("benign requests"),
            _ => None,
        };
        return [set, None];
    }
    let class = match row.category.as_str() {
        "sqli" => Some("sqli"),
        "xss" => Some("xss"),
        "cmdi" => Some("command"),
        "path_traversal" => Some("path"),
        "ssrf" => Some("ssrf"),
        "ssti" => Some("template"),
        "nosql" => Some("nosql"),
        "ldap" => Some("ldap"),
        "xxe" => Some("xxe"),
        "cve" => Some("published exploits"),
        "decoy" => Some("decoys"),
        "upload" => Some("uploads"),
        _ => None,
    };
    let set = match row.corpus.as_str() {
        "gotestwaf" => Some("all of gotestwaf"),
        "wafbypass" => Some("all of waf-bypass"),
        _ => None,
    };
    [class, set]
}

/// The value below which this share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = u32::try_from(sorted.len().saturating_sub(1)).unwrap_or(u32::MAX);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let at = (f64::from(last) * share).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_is_there() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!((quantile(&sorted, 0.5) - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&sorted, 1.0) - 5.0).abs() < f64::EPSILON);
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
    }
}
