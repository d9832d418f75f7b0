//! The links of an HTML page: as much of HTML as indexes of folders and of packages are written in.
//!
//! Not a parser of documents: it finds `<a ... href="...">` and reads the attribute as a browser would. Whatever else
//! stands on the page is passed over, so that a hostile page costs one walk over its bytes and nothing more.

/// An `<a>` with an `href`: its attributes, entities decoded; nothing is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Where it points.
    pub href: String,
    /// Its other attributes, names in lower case; one without a value has an empty one.
    others: Vec<(String, String)>,
}

impl Anchor {
    /// Returns the value of the attribute `name`; `None` when it has none of that name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.others.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Returns the `href` of every `<a>` in `page`, in order, entities decoded; nothing is resolved.
pub fn links(page: &str) -> Vec<String> {
    anchors(page).into_iter().map(|anchor| anchor.href).collect()
}

/// Returns every `<a>` in `page` that points somewhere, in order.
pub fn anchors(page: &str) -> Vec<Anchor> {
    let mut anchors = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name_end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let (name, tag) = rest.split_at(name_end);
        let (attributes, after) = attributes_of(tag);
        if name.eq_ignore_ascii_case("a") {
            anchors.extend(anchor_of(&attributes));
        }
        rest = after;
    }
    anchors
}

fn anchor_of(attributes: &[(&str, Option<&str>)]) -> Option<Anchor> {
    let is_href = |name: &str| name.eq_ignore_ascii_case("href");
    let href = attributes.iter().find(|(name, _)| is_href(name))?.1?;
    let others = attributes.iter().filter(|(name, _)| !is_href(name));
    Some(Anchor {
        href: decoded(href),
        others: others
            .map(|(name, value)| (name.to_ascii_lowercase(), decoded(value.unwrap_or_default())))
            .collect(),
    })
}

/// Returns the attributes `tag` begins with, and what follows the tag.
fn attributes_of(tag: &str) -> (Vec<(&str, Option<&str>)>, &str) {
    let mut attributes = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (attributes, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (attributes, after);
        }
        if rest.starts_with('<') {
            return (attributes, rest);
        }
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/' | '<');
        // At least one character, so that a stray sign is passed.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(ends).map_or(rest.len(), |end| end + first);
        let (name, after) = rest.split_at(end);
        let (value, after) = value_of(after);
        attributes.push((name, value));
        rest = after;
    }
}

/// Returns the value an attribute has after its name, and what follows it.
fn value_of(text: &str) -> (Option<&str>, &str) {
    let Some(value) = text.trim_start().strip_prefix('=') else {
        return (None, text);
    };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (inside, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return (Some(inside), after);
        }
    }
    let end = value
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(value.len());
    let (plain, after) = value.split_at(end);
    (Some(plain), after)
}

/// Replaces the entities that URLs are written with; others stay as they are.
fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        // No entity is longer; a page of nothing but `&` costs no more for it.
        let end = rest.char_indices().take(10).find(|(_, c)| *c == ';');
        let entity = end.map(|(end, _)| (&rest[1..end], &rest[end + 1..]));
        let known = entity.and_then(|(name, after)| Some((character(name)?, after)));
        match known {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_a_browser_reads_them() {
        let page = "<html><!-- <a href='no'> --><A class=x HREF='a/'>a</A>\n<a\thref=b.jar>b</a>\
                    <a name=\"x>y\" href=\"c?x=1&amp;y=&#50;\">c</a><abbr href='no'><a>none</a>";

        assert_eq!(links(page), ["a/", "b.jar", "c?x=1&y=2"]);
    }

    #[test]
    fn a_link_is_read_with_what_else_it_says() {
        let page =
            "<A Data-Yanked=\"\" data-requires-python='&gt;=3.8, &lt;4' href=x.whl rel>x</A><a data-yanked>";

        let anchors = anchors(page);

        assert_eq!(anchors.len(), 1, "one that points nowhere is none");
        assert_eq!(anchors[0].href, "x.whl");
        assert_eq!(anchors[0].attribute("data-requires-python"), Some(">=3.8, <4"));
        assert_eq!(anchors[0].attribute("data-yanked"), Some(""));
        assert_eq!(anchors[0].attribute("rel"), Some(""));
        assert_eq!(anchors[0].attribute("href2"), None);
    }

    #[test]
    fn half_a_page_ends_where_it_ends() {
        for page in [
            "<",
            "<a",
            "<a href",
            "<a href=",
            "<a ==> <!-- <a href=x>",
            "<a =\"",
            "é<é",
        ] {
            assert!(links(page).iter().all(String::is_empty), "{page}");
        }
        assert_eq!(links("<a href='x"), ["x"]);
        assert_eq!(links("<a href='&bogus;&'>"), ["&bogus;&"]);
    }
}
