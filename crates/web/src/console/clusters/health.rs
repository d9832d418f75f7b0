//! How a cluster is, and how it was within a day.

use domain::cluster::{Cluster, ClusterStatus, ClusterType};
use maud::{Markup, html};
use messages::{Text, text};
use storage::checks::Check;

use super::super::look::Look;
use super::super::show::pill;

/// What is drawn, in milliseconds: a day.
pub(super) const DRAWN_MS: i64 = 24 * 60 * 60 * 1000;
/// Parts a day is drawn in: half an hour each.
const PARTS: i64 = 48;

/// Shows how a cluster was found when it was last looked at.
pub(in crate::console) fn status(look: &Look, cluster: &Cluster) -> Markup {
    match cluster.status {
        ClusterStatus::Healthy => pill("ok", &look.say(text!("ui-healthy"))),
        ClusterStatus::Unhealthy => pill("bad", &look.say(text!("ui-unhealthy"))),
    }
}

/// Says what a cluster is to this one.
pub(super) fn kind(cluster_type: ClusterType) -> Text {
    match cluster_type {
        ClusterType::Center => text!("ui-cluster-center"),
        ClusterType::Edge => text!("ui-cluster-edge"),
        ClusterType::Standalone => text!("ui-cluster-standalone"),
        ClusterType::Remote => text!("ui-cluster-remote"),
    }
}

/// What half an hour of looks found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Unknown,
    Up,
    /// At least once it did not answer.
    Down,
}

fn parts(checks: &[Check], now_ms: i64) -> Vec<Part> {
    let mut parts = vec![Part::Unknown; PARTS as usize];
    let begin_ms = now_ms - DRAWN_MS;
    for check in checks {
        let at = (check.at_ms - begin_ms) * PARTS / DRAWN_MS;
        let Some(part) = usize::try_from(at.min(PARTS - 1))
            .ok()
            .and_then(|at| parts.get_mut(at))
        else {
            continue;
        };
        *part = match (&check.class, *part) {
            (Some(_), _) | (_, Part::Down) => Part::Down,
            (None, _) => Part::Up,
        };
    }
    parts
}

/// Draws a day of looks at a cluster, the latest one at the right.
pub(super) fn history(look: &Look, checks: &[Check]) -> Markup {
    let failed = checks.iter().filter(|check| check.class.is_some()).count();
    let says = look.say(text!("ui-check-looks", all = checks.len(), failed = failed));
    html! {
        svg .health viewBox=(format!("0 0 {} 18", PARTS * 10)) preserveAspectRatio="none" role="img" aria-label=(says) {
            title { (says) }
            @for (index, part) in parts(checks, look.now_ms).into_iter().enumerate() {
                @let class = match part { Part::Unknown => "none", Part::Up => "up", Part::Down => "down" };
                rect class=(class) x=(index * 10) y="0" width="8" height="18" rx="1.5" {}
            }
        }
        div .axis { span { (look.say(text!("ui-ago-hours", n = 24))) } span { (look.say(text!("ui-now"))) } }
    }
}

/// Returns the usual time to answer, and the longest one of most answers: 50th and 95th of a hundred, in milliseconds.
pub(super) fn latencies(checks: &[Check]) -> Option<(u64, u64)> {
    let answers = checks.iter().filter(|check| check.class.is_none());
    let mut known: Vec<u64> = answers.map(|check| check.latency_ms).collect();
    known.sort_unstable();
    let at = |percent: usize| {
        known
            .get((known.len().saturating_sub(1)) * percent / 100)
            .copied()
    };
    Some((at(50)?, at(95)?))
}

#[cfg(test)]
mod tests {
    use domain::id::ClusterId;

    use super::*;

    fn check(at_ms: i64, answered_ms: Option<u64>) -> Check {
        Check {
            cluster: ClusterId::from([0; 12]),
            at_ms,
            latency_ms: answered_ms.unwrap_or(2_000),
            class: answered_ms.is_none().then(|| "unreachable".into()),
            turned: false,
        }
    }

    #[test]
    fn half_an_hour_with_one_silent_look_was_not_well() {
        let now_ms = 10 * DRAWN_MS;
        let checks = [
            check(now_ms - DRAWN_MS, Some(5)),
            check(now_ms - 3, None),
            check(now_ms, Some(5)),
            check(now_ms - 2 * DRAWN_MS, None),
        ];

        let parts = parts(&checks, now_ms);

        assert_eq!(
            (parts[0], parts[1], parts[47]),
            (Part::Up, Part::Unknown, Part::Down)
        );
        assert_eq!(parts.iter().filter(|part| **part == Part::Down).count(), 1);
    }

    #[test]
    fn without_an_answer_there_is_no_latency() {
        assert_eq!(latencies(&[check(1, None)]), None);
        assert_eq!(
            latencies(&[check(1, Some(9)), check(2, Some(3)), check(3, Some(5))]),
            Some((5, 5))
        );
    }
}
