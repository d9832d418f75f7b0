//! Lanes: the part of a detail that exact filters look at, in one number.
//!
//! `lane = unit * 16 + kind * 4 + status`. Details are counted by lane, so that every combination of
//! status, cluster and repository has its total without looking at a row.

use domain::detail::DetailStatus;

/// What a detail is about, as far as filters care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file, by its path.
    File,
    /// A package version.
    Package,
    /// A historical row about a path.
    HistoricalPath,
    /// A historical row about a package, or about nothing.
    HistoricalPackage,
}

/// Returns the lane of a detail.
pub fn lane(unit_no: u16, kind: Kind, status: DetailStatus) -> i64 {
    let kind = match kind {
        Kind::File => 0,
        Kind::Package => 1,
        Kind::HistoricalPath => 2,
        Kind::HistoricalPackage => 3,
    };
    let status = match status {
        DetailStatus::Running => 0,
        DetailStatus::Success => 1,
        DetailStatus::Failed => 2,
    };
    i64::from(unit_no) * 16 + kind * 4 + status
}

/// Returns a lane without its status: what rows of equal unit and kind share.
pub fn group_of(lane: i64) -> i64 {
    lane / 4
}

/// Returns the groups of the artifacts of a unit: its files, its packages.
pub fn artifact_groups(unit_no: u16) -> [i64; 2] {
    [Kind::File, Kind::Package].map(|kind| group_of(lane(unit_no, kind, DetailStatus::Running)))
}

/// Returns the unit of a lane.
pub fn unit_of(lane: i64) -> u16 {
    u16::try_from(lane / 16).unwrap_or(u16::MAX)
}

/// Returns the kind of a lane.
pub fn kind_of(lane: i64) -> Kind {
    match lane / 4 % 4 {
        0 => Kind::File,
        1 => Kind::Package,
        2 => Kind::HistoricalPath,
        _ => Kind::HistoricalPackage,
    }
}

/// Returns the status of a lane.
pub fn status_of(lane: i64) -> DetailStatus {
    match lane % 4 {
        0 => DetailStatus::Running,
        1 => DetailStatus::Success,
        _ => DetailStatus::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_tells_unit_kind_and_status_apart() {
        for unit_no in [0, 1, 4_095, u16::MAX] {
            for kind in [
                Kind::File,
                Kind::Package,
                Kind::HistoricalPath,
                Kind::HistoricalPackage,
            ] {
                for status in [DetailStatus::Running, DetailStatus::Success, DetailStatus::Failed] {
                    let lane = lane(unit_no, kind, status);

                    assert_eq!(
                        (unit_of(lane), kind_of(lane), status_of(lane)),
                        (unit_no, kind, status)
                    );
                }
            }
        }
    }
}
