//! Changing the properties of a file.

use domain::artifact::PROPERTY_BYTES;
use domain::path::FilePath;
use storage::nodes::Node;
use storage::properties::{PropertiesChanged, PropertyChanges};

use crate::error::{HostedError, HostedResult};
use crate::repository::HostedRepository;

/// Longest name of a property, in characters.
const LONGEST_NAME: usize = 128;

impl HostedRepository {
    /// Changes those properties of the file at `path` that `changes` names (`None` removes one) and returns the file.
    pub async fn change_properties(
        &self,
        path: &FilePath,
        changes: PropertyChanges,
        user: &str,
    ) -> HostedResult<Node> {
        for (name, value) in &changes {
            // One that came under another rule can still be removed.
            if let Some(value) = value {
                check(name, value)?;
            }
        }
        let data = self.hosted().data();
        match data
            .change_properties(self.info().no, path, changes, user)
            .await?
        {
            PropertiesChanged::Changed => {}
            PropertiesChanged::TooLong(bytes) => return Err(HostedError::PropertiesTooLong(bytes)),
            PropertiesChanged::NoFile => return Err(self.no_file(path).await?),
        }
        let node = self.node(path).await?;
        node.ok_or_else(|| HostedError::NodeUnknown(path.clone()))
    }
}

/// Refuses what could not travel in a header, or could not be told from another name.
fn check(name: &str, value: &str) -> HostedResult<()> {
    let named = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    if !named {
        return Err(HostedError::PropertyName(name.into()));
    }
    if value.chars().any(char::is_control) {
        return Err(HostedError::PropertyValue(name.into()));
    }
    match value.len() {
        0..=PROPERTY_BYTES => Ok(()),
        bytes => Err(HostedError::PropertiesTooLong(bytes)),
    }
}
