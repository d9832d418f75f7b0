//! Names of projects and repositories, checked as the contract says.

use crate::error::{HostedError, HostedResult};
use storage::repositories::NewRepository;

/// Checks the names of a new project.
pub(crate) fn check_project(name: &str, display_name: &str) -> HostedResult<()> {
    if !is_name(name, 2..=100, b"_-") {
        return Err(invalid("name", name));
    }
    check_display_name(display_name)
}

/// Checks a project's name for people: 2 to 100 characters.
pub(crate) fn check_display_name(display_name: &str) -> HostedResult<()> {
    if (2..=100).contains(&display_name.chars().count()) {
        Ok(())
    } else {
        Err(invalid("displayName", display_name))
    }
}

/// Checks the name and description of a new repository.
pub(crate) fn check_repository(new: &NewRepository) -> HostedResult<()> {
    if !is_name(&new.name.name, 2..=64, b"._-") {
        return Err(invalid("name", &new.name.name));
    }
    check_description(new.description.as_deref())
}

/// Checks the description of a repository: at most 200 characters.
pub(crate) fn check_description(description: Option<&str>) -> HostedResult<()> {
    match description {
        Some(description) if description.chars().count() > 200 => Err(invalid("description", description)),
        _ => Ok(()),
    }
}

fn is_name(name: &str, lengths: std::ops::RangeInclusive<usize>, others: &[u8]) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first
        && lengths.contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

fn invalid(member: &'static str, value: &str) -> HostedError {
    HostedError::Invalid {
        member,
        value: value.chars().filter(|c| !c.is_control()).take(100).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_are_those_of_the_contract() {
        for name in ["ab", "_x", "A-b_9"] {
            assert!(check_project(name, "some name").is_ok(), "{name}");
        }
        for name in ["", "a", "9ab", "-ab", "a.b", "a b", "ä1", &"a".repeat(101)] {
            assert!(check_project(name, "some name").is_err(), "{name}");
        }
    }
}
