//! Names in a registry: of repositories, tags, and manifests by digest (distribution-spec, "Pulling manifests").

/// Longest name of a repository, in bytes.
pub const REPOSITORY_NAME: usize = 255;
/// Longest tag, in bytes.
pub const TAG_NAME: usize = 128;

/// A text that names nothing in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct InvalidName {
    /// The text, shortened.
    pub text: String,
    /// What it would have to be.
    pub wanted: &'static str,
}

fn invalid(text: &str, wanted: &'static str) -> InvalidName {
    InvalidName {
        text: text.chars().filter(|c| !c.is_control()).take(100).collect(),
        wanted,
    }
}

/// Refuses a text that is no name of a repository: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, several joined by `/`.
pub fn check_repository(name: &str) -> Result<(), InvalidName> {
    let valid = name.len() <= REPOSITORY_NAME && name.split('/').all(is_component);
    let wanted = "a repository's name: lower case letters and digits, joined by one `.`, one or two `_` or by `-`, \
                  in parts joined by `/`, at most 255 in all";
    if valid { Ok(()) } else { Err(invalid(name, wanted)) }
}

fn is_component(part: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut joint = Vec::new();
    for byte in part.bytes() {
        if letter(byte) {
            if !matches!(&joint[..], [] | b"." | b"_" | b"__") && joint.iter().any(|byte| *byte != b'-') {
                return false;
            }
            joint.clear();
        } else {
            joint.push(byte);
        }
    }
    let ends = |byte: Option<u8>| byte.is_some_and(letter);
    ends(part.bytes().next()) && ends(part.bytes().last())
}

/// Says whether `text` is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_NAME
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// Says whether `text` is a digest registries are asked for: `sha256:` or `sha512:` and lower case hex digits.
pub fn is_digest(text: &str) -> bool {
    let hex = |digits: &str, length| {
        digits.len() == length
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match text.split_once(':') {
        Some(("sha256", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        _ => false,
    }
}

/// Refuses a text that is neither a tag nor a digest.
pub fn check_reference(text: &str) -> Result<(), InvalidName> {
    let wanted = "a tag (a letter, digit or `_`, then at most 127 of those, `.` and `-`) or a digest \
                  (`sha256:` and 64 hex digits)";
    if is_tag(text) || is_digest(text) {
        Ok(())
    } else {
        Err(invalid(text, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_a_name_in_parts() {
        for name in ["a", "library/nginx", "a.b/c_d/e__f/g---h", "0/1"] {
            assert!(check_repository(name).is_ok(), "{name}");
        }
        for name in [
            "", "/a", "a/", "a//b", "A", "a..b", "a___b", "-a", "a-", "a._b", "../a", "a b", "ä",
        ] {
            assert!(check_repository(name).is_err(), "{name}");
        }
        assert!(check_repository(&"a".repeat(256)).is_err());
    }

    #[test]
    fn a_reference_is_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in ["latest", "_", "1.0-rc_1", &digest] {
            assert!(check_reference(text).is_ok(), "{text}");
        }
        for text in [
            "",
            ".a",
            "-a",
            "a/b",
            "../x",
            "a b",
            "sha256:abc",
            &digest.to_uppercase(),
            &"a".repeat(129),
        ] {
            assert!(check_reference(text).is_err(), "{text}");
        }
    }
}
