//! The repositories of a task in its form: each has the same fields, those of the first without a number, those of the
//! others with theirs (`repository`, `repository-1`, ...).

use std::num::NonZeroUsize;
use std::str::FromStr;

use domain::repository::RepositoryRef;
use domain::task::TaskObject;
use domain::versions::{Choice, Pattern, VersionFilter};
use engine::tasks::draft::{ObjectDraft, ScopeKind};
use hosted::Repository;
use messages::{Text, text};

use super::super::form::Typed;
use super::super::look::Look;
use super::lines;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;

/// What each repository has a field for; the first one makes it count.
const FIELDS: [&str; 7] = [
    "repository",
    "remote_project",
    "remote_repository",
    "include",
    "exclude",
    "newest",
    "platforms",
];

/// Returns what the field `name` of repository `n` is called.
pub(super) fn at(name: &str, n: usize) -> String {
    match n {
        0 => name.into(),
        n => format!("{name}-{n}"),
    }
}

/// Returns how many repositories a form is about: at least one.
pub(super) fn number(form: &Params) -> usize {
    1 + (1..)
        .take_while(|n| form.get(&at(FIELDS[0], *n)).is_some())
        .count()
}

/// Returns the form with room for one more repository.
pub(super) fn with_one_more(form: &Params) -> Params {
    let mut pairs = form.pairs().to_vec();
    pairs.push((at(FIELDS[0], number(form)), String::new()));
    Params::from(pairs)
}

/// Returns the form without repository `n`; those behind it move up.
pub(super) fn without(form: &Params, n: usize) -> Params {
    let pairs = form.pairs().iter().filter_map(|(name, value)| {
        let moved = match place_of(name) {
            Some((_, at)) if at == n => return None,
            Some((field, behind)) if behind > n => at(field, behind - 1),
            _ => name.clone(),
        };
        Some((moved, value.clone()))
    });
    Params::from(pairs.collect::<Vec<_>>())
}

/// Returns the field and the repository that a control called `name` is about.
fn place_of(name: &str) -> Option<(&str, usize)> {
    let (field, n) = match name.rsplit_once('-') {
        Some((field, n)) => (field, n.parse().ok()?),
        None => (name, 0),
    };
    FIELDS.contains(&field).then_some((field, n))
}

/// Returns what the fields of repository `n` show.
pub(super) fn pairs_of(project: &str, object: &TaskObject, n: usize) -> Vec<(String, String)> {
    let versions = &object.choice.versions;
    let patterns = |patterns: &[Pattern]| lines::of_lines(patterns.iter().map(ToString::to_string));
    let platforms = object.choice.platforms.iter().map(ToString::to_string);
    let values = [
        format!("{project}/{}", object.local_repository),
        object.remote_project.clone().unwrap_or_default(),
        object.remote_repository.clone().unwrap_or_default(),
        patterns(&versions.include),
        patterns(&versions.exclude),
        versions
            .newest
            .map_or_else(String::new, |newest| newest.to_string()),
        lines::of_words(platforms),
    ];
    let names = FIELDS.iter().map(|name| at(name, n));
    names.zip(values).collect()
}

/// Reads the repositories of a form with their project; what cannot be read is noted at its field.
pub(super) async fn read(
    app: &App,
    look: &Look,
    typed: &mut Typed,
    scope: ScopeKind,
) -> ApiResult<(String, Vec<ObjectDraft>)> {
    let mut project: Option<String> = None;
    let mut objects = Vec::new();
    for n in 0..number(&typed.values) {
        let choice = choice(look, typed, scope, n);
        let Some(local) = repository(app, look, typed, n).await? else {
            continue;
        };
        let shared = project.get_or_insert_with(|| local.name.project.clone());
        if *shared != local.name.project {
            let says = text!("ui-fault-other-project", project = &*shared);
            typed.fault(&at("repository", n), look.say(says));
            continue;
        }
        if !local.is_foreign() && !choice.platforms.is_empty() {
            typed.fault(&at("platforms", n), look.say(text!("not-supported")));
        }
        objects.push(ObjectDraft {
            local_repository: local.name.name,
            remote_project: typed.values.text(&at("remote_project", n)),
            remote_repository: typed.values.text(&at("remote_repository", n)),
            repository_type: local.repository_type,
            packages: None,
            paths: None,
            choice: Some(choice),
            refused: None,
        });
    }
    Ok((project.unwrap_or_default(), objects))
}

/// Finds the repository a field names among those of this node: kept here, or standing for a registry elsewhere.
async fn repository(app: &App, look: &Look, typed: &mut Typed, n: usize) -> ApiResult<Option<Repository>> {
    let field = at("repository", n);
    let name = typed.value(&field).trim().to_owned();
    if let Some((project, name)) = name.split_once('/')
        && let Some(found) = app
            .hosted()
            .repository(&RepositoryRef::new(project, name))
            .await?
    {
        return Ok(Some(found.info().clone()));
    }
    let says = match name.as_str() {
        "" => text!("ui-fault-empty"),
        name => text!("ui-fault-no-repository", name = name),
    };
    typed.fault(&field, look.say(says));
    Ok(None)
}

/// Reads which versions and platforms are wanted; files have none, so nothing is chosen among them.
fn choice(look: &Look, typed: &mut Typed, scope: ScopeKind, n: usize) -> Choice {
    if scope == ScopeKind::Path {
        return Choice::default();
    }
    let mut patterns = |name: &str| {
        let field = at(name, n);
        let texts = lines::filled(typed.value(&field));
        parsed::<Pattern>(look, typed, &field, &texts, |_, error| {
            text!("ui-fault-pattern", text = error.text, why = error.why)
        })
    };
    let (include, exclude) = (patterns("include"), patterns("exclude"));
    let (field, newest) = (at("newest", n), typed.value(&at("newest", n)).trim().to_owned());
    let newest: Vec<String> = Some(newest).filter(|text| !text.is_empty()).into_iter().collect();
    let newest = parsed::<NonZeroUsize>(look, typed, &field, &newest, |_, _| text!("ui-fault-number"));
    let field = at("platforms", n);
    let platforms = lines::words(typed.value(&field));
    let platforms = parsed(look, typed, &field, &platforms, |platform, _| {
        text!("ui-fault-platform", platform = platform)
    });
    let versions = VersionFilter {
        include,
        exclude,
        newest: newest.first().copied(),
    };
    Choice { versions, platforms }
}

/// Reads each of `texts`; the first that cannot be read is noted at `field`.
fn parsed<T: FromStr>(
    look: &Look,
    typed: &mut Typed,
    field: &str,
    texts: &[String],
    says: impl Fn(&str, T::Err) -> Text,
) -> Vec<T> {
    let mut read = Vec::with_capacity(texts.len());
    for text in texts {
        match text.parse() {
            Ok(value) => read.push(value),
            Err(error) => {
                typed.fault(field, look.say(says(text, error)));
                break;
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Params {
        Params::of(query)
    }

    #[test]
    fn repositories_are_added_at_the_end_and_those_behind_a_removed_one_move_up() {
        let three = form("name=x-1&repository=a&repository-1=b&newest-1=3&repository-2=c&newest-2=4");

        assert_eq!((number(&form("")), number(&three)), (1, 3));
        assert_eq!(with_one_more(&three).get("repository-3"), Some(""));
        let values = |form: &Params| -> Vec<String> {
            ["name", "repository", "repository-1", "repository-2", "newest-1"]
                .map(|name| form.get(name).unwrap_or("-").to_owned())
                .to_vec()
        };
        assert_eq!(values(&without(&three, 1)), ["x-1", "a", "c", "-", "4"]);
        assert_eq!(values(&without(&three, 0)), ["x-1", "b", "c", "-", "4"]);
        assert_eq!(without(&three, 0).get("newest"), Some("3"));
        assert_eq!(values(&without(&three, 9)), values(&three));
    }
}
