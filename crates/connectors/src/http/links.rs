//! The links of an HTML page: as much of HTML as indexes of folders and of packages are written in.
//!
//! Not a parser of documents: it finds `<a ... href="...">` and reads the attribute as a browser would. Whatever else
//! stands on the page is passed over, so that a hostile page costs one walk over its bytes and nothing more.

/// Longest tag or comment that is waited for, in bytes; of a longer one the beginning counts.
const TAG_BYTES: usize = 16 * 1024;
/// About how much of the beginning of a page is kept, in bytes.
const BEGINNING_BYTES: usize = 16 * 1024;
/// Most bytes of a character.
const CHARACTER_BYTES: usize = 4;

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

/// Takes links as they come. An error ends the reading: what is wrong with the page.
pub type TakeLink<'a> = dyn FnMut(Anchor) -> Result<(), String> + Send + 'a;

/// The links of a page that is read as it comes: nothing is held but the tag that is open.
#[derive(Debug, Default)]
pub struct Links {
    /// Bytes of a character that is not whole yet.
    bytes: Vec<u8>,
    /// A tag that is not whole yet.
    open: String,
    beginning: String,
}

impl Links {
    /// Returns the text that the page begins with, as far as that was read.
    pub fn beginning(&self) -> &str {
        &self.beginning
    }

    /// Tells the links in the next `piece` of the page.
    pub fn read(&mut self, piece: &[u8], take: &mut TakeLink<'_>) -> Result<(), String> {
        self.bytes.extend_from_slice(piece);
        let (mut text, mut whole) = (String::new(), 0);
        for part in self.bytes.utf8_chunks() {
            text.push_str(part.valid());
            whole += part.valid().len();
            let invalid = part.invalid().len();
            let may_go_on = whole + invalid == self.bytes.len() && invalid < CHARACTER_BYTES;
            if invalid > 0 && !may_go_on {
                text.push(char::REPLACEMENT_CHARACTER);
                whole += invalid;
            }
        }
        self.bytes.drain(..whole);
        if self.beginning.len() < BEGINNING_BYTES {
            self.beginning.push_str(&text);
        }
        self.open.push_str(&text);
        if piece.iter().any(|byte| b"<>".contains(byte)) || self.open.len() > TAG_BYTES {
            let is_whole = self.open.len() > TAG_BYTES;
            let left = tell(&self.open, is_whole, take)?;
            self.open = left.to_owned();
        }
        Ok(())
    }

    /// Tells what half a tag at the end of the page may still say.
    pub fn finish(self, take: &mut TakeLink<'_>) -> Result<(), String> {
        tell(&self.open, true, take).map(drop)
    }
}

/// Tells every `<a>` in `page` that points somewhere, in order. Returns the tag that more may follow of; none if the page
/// `is_whole`.
fn tell<'a>(page: &'a str, is_whole: bool, take: &mut TakeLink<'_>) -> Result<&'a str, String> {
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (open, tag) = (&rest[at..], &rest[at + 1..]);
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = match comment.split_once("-->") {
                Some((_, after)) => after,
                None if is_whole => "",
                None => return Ok(open),
            };
            continue;
        }
        let name_end = tag
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(name_end);
        let (attributes, after) = attributes_of(attributes);
        if after.is_empty() && !is_whole {
            return Ok(open);
        }
        if name.eq_ignore_ascii_case("a")
            && let Some(anchor) = anchor_of(&attributes)
        {
            take(anchor)?;
        }
        rest = after;
    }
    Ok("")
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

    fn anchors(page: &str) -> Vec<Anchor> {
        let mut found: Vec<Vec<Anchor>> = Vec::new();
        for pieces in [1, 2, 7, 10_000] {
            let (mut links, mut anchors) = (Links::default(), Vec::new());
            let mut take = |anchor| {
                anchors.push(anchor);
                Ok(())
            };
            for piece in page.as_bytes().chunks(pieces) {
                links.read(piece, &mut take).expect("nothing is refused");
            }
            links.finish(&mut take).expect("nothing is refused");
            found.push(anchors);
        }
        assert!(found.iter().all(|anchors| *anchors == found[0]), "{found:?}");
        found.remove(0)
    }

    fn links(page: &str) -> Vec<String> {
        anchors(page).into_iter().map(|anchor| anchor.href).collect()
    }

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
        assert_eq!(links("<!-- <a href=no> --> é <a title='é>' href='é'>"), ["é"]);
        assert_eq!(links("<a href='&bogus;&'>"), ["&bogus;&"]);
    }

    #[test]
    fn a_page_that_is_no_text_and_tags_without_end_are_passed_over() {
        let mut links = Links::default();
        let mut found = Vec::new();
        let mut take = |anchor: Anchor| {
            found.push(anchor.href);
            Ok(())
        };

        links.read(b"\xff\xfe<a href=\"\xc3", &mut take).expect("read");
        links.read(b"\xa9\xff\"><a title='", &mut take).expect("read");
        for _ in 0..100 {
            links.read(&[b'>'; 1000], &mut take).expect("read");
            assert!(links.open.len() <= TAG_BYTES + 1000, "{}", links.open.len());
        }
        links.read(b"<a href=y>", &mut take).expect("read");
        assert!(links.beginning().starts_with("\u{fffd}\u{fffd}<a href"));
        links.finish(&mut take).expect("read");

        assert_eq!(found, ["é\u{fffd}", "y"]);
    }
}
