//! Measures the detectors on a corpus of requests: what they catch, what they miss, what they wrongly refuse, and what it costs.
//!
//! ```text
//! cargo run --release -p buckler-score --bin score -- requests.jsonl.gz --without-base64 --json verdicts.jsonl
//! ```
//!
//! A corpus is one JSON object a line: `id`, `corpus`, `category`, `label` (`attack` or `benign`),
//! `encoder` where one was used, and `request` with `method`, `uri`, `headers` and `body_b64`.
//! Every request is shown to a guard with the default template, head first and then its body, as an
//! adapter does; nothing is counted or banned, so that each is judged by itself. Decoys (`decoy`)
//! and published exploits (`cve`) are for products that the application is not: they are answered
//! 404, and the guard judges the answer too.

mod corpus;
mod judge;
mod report;

use std::{
    error::Error,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::PathBuf,
};

use clap::Parser;

use self::{judge::Judge, report::Report};

/// What is measured, and where the verdicts go.
#[derive(Debug, Parser)]
struct Arguments {
    /// The corpus, plain or compressed with gzip.
    corpus: PathBuf,
    /// Writes a line per request: id, verdict, rule, place, microseconds.
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Leaves out attacks that were written as Base64.
    #[arg(long)]
    without_base64: bool,
    /// Takes only the requests whose id has this checksum: rules that were written with one half in sight are measured on the other.
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u32).range(0..2))]
    half: Option<u32>,
    /// How often each request is judged for the timing; the fastest counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut rows = corpus::read(&arguments.corpus)?;
    rows.retain(|row| {
        let is_left_out = arguments.without_base64 && row.encoder.as_deref() == Some("Base64Flat");
        !is_left_out && arguments.half.is_none_or(|half| corpus::half(&row.id) == half)
    });
    let judge = Judge::new(arguments.runs)?;
    let mut json = arguments.json.map(File::create).transpose()?.map(BufWriter::new);
    let mut report = Report::default();
    for row in &rows {
        let verdict = judge.verdict(row);
        if let Some(json) = &mut json {
            writeln!(json, "{}", serde_json::to_string(&verdict)?)?;
        }
        report.add(row, &verdict);
    }
    if let Some(mut json) = json {
        json.flush()?;
    }
    report.write(&mut io::stdout().lock())?;
    writeln!(
        io::stdout().lock(),
        "{} times a request cost more to look into than one may",
        judge.unjudged()
    )?;
    Ok(())
}
