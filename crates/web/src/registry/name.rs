//! What a path below `/v2/` asks for.

use domain::digest::Digest;
use domain::repository::RepositoryRef;
use hosted::Reference;
use percent_encoding::percent_decode_str;

use super::error::{Refusal, RegistryError, RegistryResult};

/// An image as a URL names it: `project/repository/image`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageName {
    /// The repository.
    pub(super) repository: RepositoryRef,
    /// The image within it.
    pub(super) image: String,
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.repository, self.image)
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Base,
    Token,
    Catalog,
    Tags(ImageName),
    Referrers(ImageName, Digest),
    Blob(ImageName, Digest),
    Manifest(ImageName, Reference),
    Uploads(ImageName),
    Upload(ImageName, String),
}

impl Asked {
    /// Reads a path, percent-encoded or not.
    pub(super) fn of(path: &str) -> RegistryResult<Self> {
        let unknown = || RegistryError::new(Refusal::NameUnknown, "nothing is answered here");
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| unknown())?;
        let rest = decoded.strip_prefix("/v2").ok_or_else(unknown)?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        match rest {
            "" => return Ok(Self::Base),
            "token" => return Ok(Self::Token),
            "_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let parts: Vec<&str> = rest.split('/').collect();
        match parts.as_slice() {
            [name @ .., "tags", "list"] => Ok(Self::Tags(image_name(name)?)),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Ok(Self::Uploads(image_name(name)?))
            }
            [name @ .., "blobs", "uploads", id] => Ok(Self::Upload(image_name(name)?, (*id).into())),
            [name @ .., "blobs", digest] => Ok(Self::Blob(image_name(name)?, digest_of(digest)?)),
            [name @ .., "referrers", digest] => Ok(Self::Referrers(image_name(name)?, digest_of(digest)?)),
            [name @ .., "manifests", reference] => {
                let invalid = |error: domain::oci::InvalidName| {
                    let refusal = if reference.contains(':') {
                        Refusal::DigestInvalid
                    } else {
                        Refusal::ManifestInvalid
                    };
                    RegistryError::new(refusal, error.to_string())
                };
                Ok(Self::Manifest(
                    image_name(name)?,
                    reference.parse().map_err(invalid)?,
                ))
            }
            _ => Err(unknown()),
        }
    }
}

fn image_name(parts: &[&str]) -> RegistryResult<ImageName> {
    let [project, repository, image @ ..] = parts else {
        return Err(short(parts));
    };
    if image.is_empty() {
        return Err(short(parts));
    }
    let image = image.join("/");
    domain::oci::check_repository(&image)
        .map_err(|invalid| RegistryError::new(Refusal::NameInvalid, invalid.to_string()))?;
    Ok(ImageName {
        repository: RepositoryRef::new(*project, *repository),
        image,
    })
}

fn short(parts: &[&str]) -> RegistryError {
    let name: String = parts
        .join("/")
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    RegistryError::new(
        Refusal::NameInvalid,
        format!("`{name}` is no name here: project/repository/image"),
    )
}

/// Reads a digest this registry keeps things by.
pub(super) fn digest_of(text: &str) -> RegistryResult<Digest> {
    let digest = text.starts_with("sha256:").then(|| text.parse().ok()).flatten();
    digest.ok_or_else(|| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(150).collect();
        RegistryError::new(
            Refusal::DigestInvalid,
            format!("`{shown}` is no digest this registry keeps: `sha256:` and 64 lowercase hex digits"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> Option<Asked> {
        Asked::of(path).ok()
    }

    fn image(name: &str) -> ImageName {
        let parts: Vec<&str> = name.split('/').collect();
        image_name(&parts).unwrap_or_else(|_| unreachable!("a name"))
    }

    #[test]
    fn names_have_a_project_a_repository_and_an_image_of_one_part_or_more() {
        let digest = Digest::of(b"x");

        assert_eq!(asked("/v2/"), Some(Asked::Base));
        assert_eq!(asked("/v2/a/b/c/tags/list"), Some(Asked::Tags(image("a/b/c"))));
        assert_eq!(
            asked("/v2/A_1/b.c/tags/list/manifests/v1"),
            Some(Asked::Manifest(
                image("A_1/b.c/tags/list"),
                Reference::Tag("v1".into())
            ))
        );
        assert_eq!(
            asked(&format!("/v2/a/b/c/blobs/sha256%3A{}", digest.to_hex())),
            Some(Asked::Blob(image("a/b/c"), digest))
        );
        assert_eq!(
            asked("/v2/a/b/blobs/uploads/blobs/uploads/"),
            Some(Asked::Uploads(image("a/b/blobs/uploads")))
        );
        assert_eq!(
            asked("/v2/a/b/c/blobs/uploads/id"),
            Some(Asked::Upload(image("a/b/c"), "id".into()))
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for path in [
            "/v2/a/b/tags/list",
            "/v2/a/b/C/tags/list",
            "/v2/a/b/../c/tags/list",
            "/v2/a/b/_c/manifests/v1",
            "/v2/a/b/c",
            "/v2/a/b/c/manifests/a%00b",
            "/v2/a/b/c/manifests/sha512:aa",
            "/v2/a/b/c/blobs/md5:aa",
            "/v2/a/b/%ff/tags/list",
        ] {
            assert_eq!(asked(path), None, "{path}");
        }
    }
}
