//! What a task does, in words.

use domain::task::{ConflictStrategy, ErrorStrategy, Scope, Task, TaskObject, Trigger};
use messages::{Text, text};

use super::super::look::Look;
use super::super::show::exact;

/// Says what starts a task.
pub(super) fn trigger(look: &Look, trigger: &Trigger) -> Text {
    match trigger {
        Trigger::Immediately => text!("ui-trigger-now"),
        Trigger::At(at_ms) => text!("ui-trigger-at-time", time = exact(*at_ms, &look.zone)),
        Trigger::Cron(expression) => text!("ui-trigger-by-cron", cron = expression),
        Trigger::Manual => text!("ui-trigger-manual"),
        Trigger::RealTime => text!("ui-trigger-real-time"),
    }
}

/// Says what becomes of other content at the target.
pub(super) fn on_conflict(strategy: ConflictStrategy) -> Text {
    match strategy {
        ConflictStrategy::Skip => text!("ui-conflict-skip"),
        ConflictStrategy::Overwrite => text!("ui-conflict-overwrite"),
        ConflictStrategy::FastFail => text!("ui-conflict-fail"),
    }
}

/// Says what a failed artifact means for the rest.
pub(super) fn on_error(strategy: ErrorStrategy) -> Text {
    match strategy {
        ErrorStrategy::Continue => text!("ui-error-continue"),
        ErrorStrategy::FastFail => text!("ui-error-stop"),
    }
}

/// Says which artifacts of a repository are replicated.
pub(super) fn scope(object: &TaskObject) -> Text {
    match &object.scope {
        Scope::Repository => text!("ui-scope-repository"),
        Scope::Paths(paths) => text!("ui-scope-some-paths", n = paths.len()),
        Scope::Packages(packages) => text!("ui-scope-some-packages", n = packages.len()),
    }
}

/// Says what of those is wanted, and what it is called at the targets; nothing where that is everything, as it is.
pub(super) fn chosen(object: &TaskObject) -> Vec<Text> {
    let versions = &object.choice.versions;
    let mut said = Vec::new();
    if !versions.include.is_empty() {
        said.push(text!("ui-chosen-include", patterns = listed(&versions.include)));
    }
    if !versions.exclude.is_empty() {
        said.push(text!("ui-chosen-exclude", patterns = listed(&versions.exclude)));
    }
    if let Some(newest) = versions.newest {
        said.push(text!("ui-chosen-newest", n = newest.get()));
    }
    if !object.choice.platforms.is_empty() {
        said.push(text!(
            "ui-chosen-platforms",
            platforms = listed(&object.choice.platforms)
        ));
    }
    if let Scope::Packages(packages) = &object.scope {
        let renamed = packages
            .iter()
            .filter(|package| !package.target_versions.is_empty());
        said.extend(
            renamed.map(|package| text!("ui-called-there", names = listed(&package.target_versions))),
        );
    }
    said
}

fn listed<T: ToString>(all: &[T]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

/// Returns the names of the repositories a task reads, the project's name before them.
pub(in crate::console) fn repositories(task: &Task) -> String {
    let names = task
        .objects
        .iter()
        .map(|object| format!("{}/{}", task.project, object.local_repository));
    names.collect::<Vec<_>>().join(", ")
}
