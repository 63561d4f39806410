//! TelemetryReporter: the agent's status for the server. It samples processor and memory, and reports request counts: since
//! start for version 2, since the last delivery for version 1.

use std::{collections::BTreeMap, rc::Rc, sync::atomic::Ordering, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{
    DeathNotice, Tree,
    estate::Estate,
    messages::{CountsDelivered, Part, PartReported, ReportPart, TelemetryPart},
    tell,
};
use crate::{
    guard::DryRun,
    protocol::{
        RequestCounts, Telemetry,
        v2::{DryRunTotals, ProcessLoad, Totals},
    },
};

/// How often load is sampled: sysinfo's figures are means since the sample before, and pyrasp's are means since its last
/// beacon; five seconds are recent enough for a beacon at any interval.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// The actor.
pub(super) struct TelemetryReporter {
    estate: Rc<Estate>,
    part_reported: Recipient<PartReported>,
    /// `None` where the platform gives no figures: they are then reported as zero.
    system: Option<System>,
    _notice: DeathNotice,
}

impl Actor for TelemetryReporter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.sample(ctx);
    }
}

impl TelemetryReporter {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, notice: DeathNotice) -> Self {
        Self {
            estate: Rc::clone(estate),
            part_reported: to.cloud_link.clone().recipient(),
            system: System::new().ok(),
            _notice: notice,
        }
    }

    fn sample(&mut self, ctx: &mut Context<Self>) {
        if let Some(system) = &mut self.system {
            system.refresh_cpu_usage();
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            let own = [Pid::from_u32(std::process::id())];
            let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&own), false, kind);
        }
        ctx.run_later(SAMPLE_EVERY, Self::sample);
    }

    fn part(&self) -> TelemetryPart {
        let shared = &self.estate.shared;
        let totals = totals(&self.estate);
        let delivered = self.estate.delivered.get();
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let requests = RequestCounts {
            success: since(totals.success, delivered.success),
            errors: since(totals.errors, delivered.errors),
            attacks: since(totals.attacks, delivered.attacks),
        };
        let system = self.system.as_ref();
        let (used, all) = system.map_or((0, 1), |system| (system.used_memory(), system.total_memory().max(1)));
        let events = shared.board.events(0, 0, shared.intake.lost());
        TelemetryPart {
            telemetry: Telemetry {
                cpu: tenths(f64::from(system.map_or(0.0, System::global_cpu_usage))),
                memory: tenths(percent(used, all)),
                requests: Some(requests),
            },
            totals,
            process: self.process(),
            lost: events
                .lost
                .into_iter()
                .map(|(reason, n)| (reason.to_owned(), n))
                .collect::<BTreeMap<_, _>>(),
            restarts: shared.board.restarts.load(Ordering::Relaxed),
            alarm: shared.board.alarm(&shared.guard.failing_detectors(), &shared.clients()),
            dry_run: shared.guard.dry_run().as_ref().map(totals_of),
            uninspected: shared
                .tally
                .totals()
                .uninspected_by_reason()
                .map(|(gap, count)| (gap.name().to_owned(), count))
                .collect(),
        }
    }

    fn process(&self) -> ProcessLoad {
        let process = self
            .system
            .as_ref()
            .and_then(|system| system.process(Pid::from_u32(std::process::id())));
        process
            .map(|p| ProcessLoad {
                cpu: tenths(f64::from(p.cpu_usage())),
                memory_bytes: p.memory(),
            })
            .unwrap_or_default()
    }
}

fn totals_of(dry_run: &DryRun) -> DryRunTotals {
    let (would_block, would_pass) = dry_run.totals();
    DryRunTotals {
        requests: dry_run.requests,
        would_block,
        would_pass,
    }
}

/// Counts since the agent started.
fn totals(estate: &Estate) -> Totals {
    let counts = estate.shared.tally.totals();
    Totals {
        since_ms: u64::try_from(estate.now().as_millis()).unwrap_or(u64::MAX),
        success: counts.success,
        errors: counts.errors,
        attacks: counts.attacks,
        blocked: counts.blocked,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share in percent, shown with one digit")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64 * 100.0
}

/// One digit behind the point, as pyrasp sends it.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Handler<ReportPart> for TelemetryReporter {
    type Result = ();

    fn handle(&mut self, ReportPart { exchange }: ReportPart, _: &mut Self::Context) {
        tell(
            &self.part_reported,
            PartReported {
                exchange,
                part: Part::Telemetry(self.part()),
            },
        );
    }
}

impl Handler<CountsDelivered> for TelemetryReporter {
    type Result = ();

    fn handle(&mut self, CountsDelivered(totals): CountsDelivered, _: &mut Self::Context) {
        self.estate.delivered.set(totals);
    }
}

super::crashable!(TelemetryReporter);
