//! Counts over time as a picture: bars in SVG, with the same in words for who cannot see it.

use maud::{Markup, html};

use super::words;

/// Of the picture's coordinates: it is scaled to the room that it has.
const WIDTH: usize = 720;
const HEIGHT: usize = 180;
/// Room for the numbers at the left, the times below, and above the highest bar.
const LEFT: usize = 44;
const BELOW: usize = 22;
const ABOVE: usize = 10;

/// One kind of what is counted.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// By which the style sheet colours it.
    pub(super) kind: &'static str,
    pub(super) counts: Vec<u64>,
}

/// Counts by spans of time that end now.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// Seconds of a span.
    pub(super) span_s: u64,
    pub(super) now_ms: u64,
    pub(super) series: Vec<Series>,
}

impl Chart {
    pub(super) fn drawn(&self) -> Markup {
        let spans = self.series.first().map_or(0, |series| series.counts.len()).max(1);
        let highest = self.series.iter().flat_map(|series| &series.counts).max().copied();
        let top = rounded(highest.unwrap_or(0));
        let (plot, base) = (HEIGHT - ABOVE - BELOW, HEIGHT - BELOW);
        let slot = (WIDTH - LEFT) / spans;
        let bar = (slot * 4 / 5 / self.series.len().max(1)).max(2);
        let height = |count: u64| {
            let pixels = usize::try_from(count * plot as u64 / top).unwrap_or(plot);
            if count > 0 { pixels.max(2) } else { 0 }
        };
        let labels = [0, spans / 2, spans.saturating_sub(1)];
        html! {
            figure .chart {
                figcaption {
                    span { (self.title) }
                    span .legend { @for series in &self.series { span class={ "key " (series.kind) } { (series.name) } } }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.words()) {
                    @for step in 0..=2_usize {
                        @let y = base - plot * step / 2;
                        line .grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                        text .axis x=(LEFT - 8) y=(y + 4) text-anchor="end" { (words::count(top * step as u64 / 2)) }
                    }
                    @for (nth, series) in self.series.iter().enumerate() {
                        @for (at, count) in series.counts.iter().enumerate() {
                            @if *count > 0 {
                                rect class={ "bar " (series.kind) } x=(LEFT + at * slot + slot / 10 + nth * bar)
                                    y=(base - height(*count)) width=(bar) height=(height(*count)) rx="2" {
                                    title { (self.time(at)) ": " (words::count(*count)) " " (series.name) }
                                }
                            }
                        }
                    }
                    @for (nth, at) in labels.into_iter().enumerate() {
                        text .axis x=(LEFT + at * slot + slot / 2) y=(HEIGHT - 5)
                            text-anchor=(["start", "middle", "end"].get(nth).copied().unwrap_or("middle")) { (self.time(at)) }
                    }
                }
            }
        }
    }

    /// When a span begins, in UTC.
    fn time(&self, at: usize) -> String {
        let spans = self.series.first().map_or(0, |series| series.counts.len());
        let back = (spans.saturating_sub(at)) as u64 * self.span_s * 1_000;
        let text = words::utc(self.now_ms.saturating_sub(back));
        // within two days the hour tells, and beyond the day
        let part = if self.span_s * spans as u64 <= 172_800 {
            11..16
        } else {
            5..10
        };
        text.get(part).unwrap_or_default().to_owned()
    }

    /// The picture in words.
    fn words(&self) -> String {
        let kinds = self.series.iter().map(|series| {
            let highest = series.counts.iter().enumerate().max_by_key(|(_, count)| **count);
            let total: u64 = series.counts.iter().sum();
            let most = highest
                .filter(|(_, count)| **count > 0)
                .map(|(at, count)| format!(", most at {}: {count}", self.time(at)))
                .unwrap_or_default();
            format!("{} {}{most}", total, series.name)
        });
        format!("{}. {}", self.title, kinds.collect::<Vec<_>>().join(". "))
    }
}

/// The top of the scale: a round number that is not below the highest bar.
fn rounded(highest: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for top in [2, 4, 10] {
            let top = step.saturating_mul(top);
            if top >= highest {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let chart = Chart {
            title: "Refusals".to_owned(),
            span_s: 300,
            now_ms: 1_795_338_600_000,
            series: vec![Series {
                name: "refusals",
                kind: "a",
                counts: vec![0, 7, 3],
            }],
        };
        let drawn = chart.drawn().into_string();
        assert!(drawn.contains("Refusals. 10 refusals, most at 09:00: 7"), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 2, "{drawn}");
        assert!(!drawn.contains("style="), "the policy allows none");
    }

    #[test]
    fn the_scale_ends_above_the_highest_bar() {
        let tops = [0, 1, 2, 3, 5, 11, 4_001, u64::MAX].map(rounded);
        assert_eq!(tops, [2, 2, 2, 4, 10, 20, 10_000, u64::MAX]);
    }
}
