//! Which images of a registry a repository is: one, one tag of one, or all below a name.

use std::sync::Mutex;
use std::sync::PoisonError;

use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::oci::{check_reference, check_repository};
use domain::ports::{ConnectorError, ConnectorResult};

/// What package keys of images begin with; `oci://` is understood too.
const DOCKER: &str = "docker://";

/// A part of a registry, as a URL's path names it.
#[derive(Debug)]
pub(super) struct Place {
    /// Name of the image, or what the names of the images begin with (without a slash at its end).
    name: String,
    extent: Extent,
    /// The image, and the version where one is named, that were brought here: there can be only one.
    taken: Mutex<Option<(String, Option<String>)>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Extent {
    /// Every image below the name.
    Below,
    /// The image with all its tags.
    Image,
    /// One tag or digest of it.
    Version(String),
}

/// A manifest's place in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Name of the image.
    pub(super) image: String,
    /// Tag or digest.
    pub(super) version: String,
}

impl Place {
    /// Reads a path: `name`, `name:tag`, `name@digest`, `name/*`, or nothing for the whole registry.
    pub(super) fn parse(path: &str) -> Result<Self, &'static str> {
        let path = path.trim_matches('/');
        let (name, extent) = if let Some(name) = path.strip_suffix("/*") {
            (name, Extent::Below)
        } else if path.is_empty() || path == "*" {
            ("", Extent::Below)
        } else if let Some((name, digest)) = path.split_once('@') {
            (name, Extent::Version(digest.into()))
        } else if let Some((name, tag)) = path.rsplit_once(':') {
            (name, Extent::Version(tag.into()))
        } else {
            (path, Extent::Image)
        };
        let whole = name.is_empty() && extent == Extent::Below;
        if !whole && check_repository(name).is_err() {
            return Err(
                "an image is named by lower case letters and digits, in parts joined by `/`: \
                        /name, /name:tag, /name@sha256:..., or /name/* for all images below a name",
            );
        }
        if let Extent::Version(version) = &extent
            && check_reference(version).is_err()
        {
            return Err(
                "a tag is made of letters, digits, `.`, `_` and `-`, at most 128; a digest is `sha256:` and \
                        64 hex digits",
            );
        }
        Ok(Self {
            name: name.into(),
            extent,
            taken: Mutex::default(),
        })
    }

    /// Returns the only image it can be; `None` when it is all below a name.
    pub(super) fn image(&self) -> Option<&str> {
        match self.extent {
            Extent::Below => None,
            Extent::Image | Extent::Version(_) => Some(&self.name),
        }
    }

    /// Returns the only version it can be.
    pub(super) fn version(&self) -> Option<&str> {
        match &self.extent {
            Extent::Version(version) => Some(version),
            Extent::Below | Extent::Image => None,
        }
    }

    /// Returns the package key of `image`; `None` when it is not here.
    pub(super) fn key_of(&self, image: &str) -> Option<String> {
        let shown = match self.extent {
            Extent::Below if self.name.is_empty() => image,
            Extent::Below => image.strip_prefix(&self.name)?.strip_prefix('/')?,
            Extent::Image | Extent::Version(_) if image == self.name => image,
            Extent::Image | Extent::Version(_) => return None,
        };
        Some(format!("{DOCKER}{shown}"))
    }

    /// Returns where `key` is read from.
    pub(super) fn read(&self, key: &ArtifactKey, stage: Stage) -> ConnectorResult<Reference> {
        let (image, version) = parts(key, stage)?;
        let image = match self.extent {
            Extent::Below => self.below(image),
            Extent::Image | Extent::Version(_) => self.name.clone(),
        };
        checked(key, image, version.into(), stage)
    }

    /// Returns where `key` is written to.
    ///
    /// One image takes one image, whatever it is called, and one version one version: others are refused, because
    /// they would replace each other.
    pub(super) fn write(&self, key: &ArtifactKey, stage: Stage) -> ConnectorResult<Reference> {
        let (image, version) = parts(key, stage)?;
        let only = match &self.extent {
            Extent::Below => return checked(key, self.below(image), version.into(), stage),
            Extent::Image => (image.to_owned(), None),
            Extent::Version(_) => (image.to_owned(), Some(version.to_owned())),
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken.get_or_insert_with(|| only.clone()) != only {
            let words = "several cannot become one: name the target /name/* for all images below a name";
            return Err(ConnectorError::new(ErrorKind::Protocol, stage, key.to_string()).words(words));
        }
        let version = self.version().unwrap_or(version).to_owned();
        checked(key, self.name.clone(), version, stage)
    }

    fn below(&self, image: &str) -> String {
        match self.name.is_empty() {
            true => image.into(),
            false => format!("{}/{image}", self.name),
        }
    }
}

/// Returns image and version that `key` names.
fn parts(key: &ArtifactKey, stage: Stage) -> ConnectorResult<(&str, &str)> {
    let image = key.name.strip_prefix(DOCKER).or(key.name.strip_prefix("oci://"));
    image.zip(key.version.as_deref()).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, stage, key.to_string())
            .words("it is no image: images are called `docker://name`, with a tag as their version")
    })
}

fn checked(key: &ArtifactKey, image: String, version: String, stage: Stage) -> ConnectorResult<Reference> {
    let refused =
        |words: String| ConnectorError::new(ErrorKind::Protocol, stage, key.to_string()).words(words);
    check_repository(&image).map_err(|error| refused(error.to_string()))?;
    check_reference(&version).map_err(|error| refused(error.to_string()))?;
    Ok(Reference { image, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        Place::parse(path).expect("a place")
    }

    fn key(image: &str, version: &str) -> ArtifactKey {
        ArtifactKey {
            name: format!("docker://{image}"),
            version: Some(version.into()),
        }
    }

    #[test]
    fn a_path_names_one_image_one_version_or_all_below_a_name() {
        let digest = format!("sha256:{}", "a".repeat(64));

        assert_eq!(place("/library/nginx").image(), Some("library/nginx"));
        assert_eq!(place("/nginx:1.25").version(), Some("1.25"));
        assert_eq!(place(&format!("/a/b@{digest}")).version(), Some(&digest[..]));
        for whole in ["", "/", "/*", "/team/*"] {
            assert_eq!(place(whole).image(), None, "{whole}");
        }
        for wrong in [
            "/A",
            "/a:",
            "/a@sha256:x",
            "/a b",
            "/a:b:c/d",
            "/../x",
            "/:x",
            "//*",
        ] {
            let refused = Place::parse(wrong);
            assert!(refused.is_err() || wrong == "//*", "{wrong}");
        }
    }

    #[test]
    fn images_below_a_name_are_called_by_what_follows_it() {
        let team = place("/team/*");

        assert_eq!(team.key_of("team/app/web").as_deref(), Some("docker://app/web"));
        assert_eq!(team.key_of("teams/app"), None);
        let read = team.read(&key("app/web", "1"), Stage::Read).expect("a reference");
        assert_eq!(
            (read.image.as_str(), read.version.as_str()),
            ("team/app/web", "1")
        );
        assert_eq!(place("").key_of("x").as_deref(), Some("docker://x"));
        assert_eq!(place("/x:1").key_of("x").as_deref(), Some("docker://x"));
    }

    #[test]
    fn one_image_takes_one_image_and_one_version_one_version() {
        let image = place("/mirror/app");
        let version = place("/mirror/app:stable");

        let written = |place: &Place, image, tag| {
            let written = place.write(&key(image, tag), Stage::Write);
            written
                .map(|reference| format!("{}:{}", reference.image, reference.version))
                .ok()
        };
        assert_eq!(written(&image, "app", "1").as_deref(), Some("mirror/app:1"));
        assert_eq!(written(&image, "app", "2").as_deref(), Some("mirror/app:2"));
        assert_eq!(written(&image, "other", "2"), None);
        assert_eq!(
            written(&version, "app", "2").as_deref(),
            Some("mirror/app:stable")
        );
        assert_eq!(written(&version, "app", "3"), None);
    }

    #[test]
    fn what_is_no_image_or_leaves_its_place_is_refused() {
        let whole = place("");
        let file = ArtifactKey {
            name: "/a.txt".into(),
            version: None,
        };

        assert!(whole.write(&file, Stage::Write).is_err());
        for (image, tag) in [("../x", "1"), ("a", "../1"), ("", "1"), ("a", "")] {
            assert!(
                whole.write(&key(image, tag), Stage::Write).is_err(),
                "{image}:{tag}"
            );
        }
    }
}
