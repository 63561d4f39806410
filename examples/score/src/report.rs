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
    classes: BTreeMap<&'static str, Count>,
    /// Microseconds of every request.
    times: Vec<f64>,
}

/// Requests, and how many of them were refused.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: u32,
    refused: u32,
}

impl Report {
    pub(crate) fn add(&mut self, row: &Row, verdict: &Verdict<'_>) {
        let is_refused = verdict.rule.is_some();
        self.times.push(verdict.micros);
        let key = (row.corpus.clone(), row.label, row.category.clone());
        self.counts.entry(key).or_default().add(is_refused);
        for class in classes(row).into_iter().flatten() {
            self.classes.entry(class).or_default().add(is_refused);
        }
    }

    pub(crate) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<16} {:<22} {:>6} {:>7} {:>7} {:>7}",
            "corpus", "category", "all", "refused", "passed", "%"
        )?;
        for ((corpus, label, category), count) in &self.counts {
            let mark = if *label == Label::Benign { " (benign)" } else { "" };
            count.write(out, corpus, &format!("{category}{mark}"))?;
        }
        writeln!(out)?;
        for (class, count) in &self.classes {
            count.write(out, "", class)?;
        }
        self.times.sort_by(f64::total_cmp);
        writeln!(
            out,
            "\nµs per request: median {:.1}, p99 {:.1}, most {:.1}",
            quantile(&self.times, 0.5),
            quantile(&self.times, 0.99),
            quantile(&self.times, 1.0),
        )
    }
}

impl Count {
    fn add(&mut self, is_refused: bool) {
        self.all += 1;
        self.refused += u32::from(is_refused);
    }

    fn write(self, out: &mut impl Write, corpus: &str, category: &str) -> io::Result<()> {
        let passed = self.all - self.refused;
        let share = 100.0 * f64::from(self.refused) / f64::from(self.all.max(1));
        writeln!(
            out,
            "{corpus:<16} {category:<22} {:>6} {:>7} {passed:>7} {share:>7.2}",
            self.all, self.refused
        )
    }
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
