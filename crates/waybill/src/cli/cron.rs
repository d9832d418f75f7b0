//! `waybill cron`: when an expression fires, without a server.

use std::io::Write;

use clap::Args;
use domain::cron::{CronExpression, InvalidCron};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use messages::{Language, Render};

use crate::config::{DEFAULT_TIME_ZONE, time_zone};
use crate::exit::{CliResult, Exit, failed, refused};
use crate::output::{Format, list_of_words};

const EXAMPLES: &str = "\
Examples:
  waybill cron '0 30 2 * * ?'
  waybill cron '0 0/15 8-18 ? * MON-FRI' --zone Europe/Berlin --count 10
  waybill cron '0 0 12 L * ?' --from 2027-02-25T00:00:00

Fields: seconds minutes hours day-of-month month day-of-week [year], as Quartz reads them; one of the
two day fields must be ?. The exit code is 2 and the reason is printed if Quartz would refuse it.";

/// `waybill cron EXPRESSION`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CronCommand {
    /// The expression, in quotes.
    expression: String,
    /// Time zone whose clocks are meant.
    #[arg(long, env = "WAYBILL_TIME_ZONE", default_value = DEFAULT_TIME_ZONE, value_name = "ZONE")]
    zone: String,
    /// Only firings after this local time; default: now.
    #[arg(long, value_name = "LOCAL-TIME")]
    from: Option<DateTime>,
    /// How many firings to show.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
}

impl CronCommand {
    /// Prints the next firings, one local time a line; fewer when there are no more.
    pub fn run(self, format: Format) -> CliResult<Exit> {
        let expression: CronExpression = self.expression.parse().map_err(|error: InvalidCron| {
            refused(format!("{error}: {}", error.reason.render(Language::English)))
        })?;
        let zone = time_zone(&self.zone).map_err(refused)?;
        let mut after = match self.from {
            Some(from) => instant(from, &zone)?,
            None => Timestamp::now(),
        };
        let mut firings = Vec::new();
        for _ in 0..self.count {
            let Some(next) = expression.next_after(after, &zone) else {
                break;
            };
            firings.push(
                next.to_zoned(zone.clone())
                    .strftime("%Y-%m-%dT%H:%M:%S")
                    .to_string(),
            );
            after = next;
        }
        list_of_words(format, "FIRES", &firings)?;
        if firings.is_empty() && format == Format::Table {
            writeln!(std::io::stderr(), "{expression} never fires again")?;
        }
        Ok(Exit::Done)
    }
}

fn instant(local: DateTime, zone: &TimeZone) -> CliResult<Timestamp> {
    let zoned: Zoned = local
        .to_zoned(zone.clone())
        .map_err(|error| failed(error.to_string()))?;
    Ok(zoned.timestamp())
}
