//! JSON answers, read as they come: nothing is held but the part that is open.
//!
//! An answer is an object. It is cut into its members, and those that are [opened](Cut::opening) into theirs: a document
//! that speaks of thousands of versions is read version by version. What stands in a part is read by whoever takes it;
//! brackets of parts that nobody reads are counted and not compared.

use std::borrow::Cow;

/// Longest name of a member, in bytes.
const NAME_BYTES: usize = 4096;
/// Bytes of a part's buffer that are kept for the next one.
const SPARE_BYTES: usize = 64 * 1024;

/// A member of the object, or what stands in one that is opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The opened member it stands in; `None`: it is a member of the object itself.
    pub within: Option<&'static str>,
    /// Its name; empty in a list.
    pub name: &'a str,
    /// Its JSON; `None` when that is longer than a part may be.
    pub text: Option<&'a str>,
}

/// Takes parts as they come. An error ends the reading: what is wrong with the answer.
pub type Take<'a> = dyn FnMut(Member<'_>) -> Result<(), String> + Send + 'a;

/// Cuts one answer into parts.
#[derive(Debug)]
pub struct Cut {
    opens: &'static [&'static str],
    /// Those that were.
    opened: Vec<&'static str>,
    most_bytes: usize,
    at: At,
    within: Option<Within>,
    /// The name of the open part, with its quotes.
    name: Vec<u8>,
    text: Vec<u8>,
    is_too_long: bool,
    value: Value,
}

/// The opened member that is being read.
#[derive(Debug, Clone, Copy)]
struct Within {
    name: &'static str,
    is_list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// Before a name, or the end of the object.
    Name,
    InName {
        escaped: bool,
    },
    Colon,
    /// Before a value, or the end of a list.
    Value,
    InValue,
    /// Behind a value.
    Behind,
    End,
}

/// How far a value has been read.
#[derive(Debug, Default)]
struct Value {
    nested: usize,
    quote: Quote,
}

#[derive(Debug, Default, Clone, Copy)]
enum Quote {
    #[default]
    Outside,
    Inside,
    Escaped,
}

/// Where a value ends.
enum End {
    /// With this byte.
    Here,
    /// Before it.
    Before,
}

impl Value {
    fn pass(&mut self, byte: u8) -> Option<End> {
        let is_whole = self.nested == 0;
        match (self.quote, byte) {
            (Quote::Escaped, _) => self.quote = Quote::Inside,
            (Quote::Inside, b'\\') => self.quote = Quote::Escaped,
            (Quote::Inside, b'"') => {
                self.quote = Quote::Outside;
                return is_whole.then_some(End::Here);
            }
            (Quote::Inside, _) => {}
            (Quote::Outside, b'"') => self.quote = Quote::Inside,
            (Quote::Outside, b'{' | b'[') => self.nested += 1,
            (Quote::Outside, b'}' | b']') if is_whole => return Some(End::Before),
            (Quote::Outside, b'}' | b']') => {
                self.nested -= 1;
                return (self.nested == 0).then_some(End::Here);
            }
            (Quote::Outside, b',') if is_whole => return Some(End::Before),
            (Quote::Outside, byte) if is_whole && byte.is_ascii_whitespace() => return Some(End::Before),
            (Quote::Outside, _) => {}
        }
        None
    }
}

impl Cut {
    /// Cuts an object into its members. The text of one that is longer than `most_bytes` is not told.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            opens: &[],
            opened: Vec::new(),
            most_bytes,
            at: At::Start,
            within: None,
            name: Vec::new(),
            text: Vec::new(),
            is_too_long: false,
            value: Value::default(),
        }
    }

    /// Cuts these members, too, where they are objects or lists.
    #[must_use]
    pub fn opening(mut self, members: &'static [&'static str]) -> Self {
        self.opens = members;
        self
    }

    /// Reads the next `piece` of the answer.
    pub fn read(&mut self, piece: &[u8], take: &mut Take<'_>) -> Result<(), String> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = self.step(rest, take)?;
        }
        Ok(())
    }

    /// Says whether the object has a `member` that was opened.
    pub fn has_opened(&self, member: &str) -> bool {
        self.opened.contains(&member)
    }

    /// Says whether the answer was complete.
    pub fn finish(self) -> Result<(), String> {
        match self.at {
            At::End => Ok(()),
            _ => Err("it ends too early".into()),
        }
    }

    /// Reads the beginning of `rest`, which is not empty, and returns what follows.
    fn step<'a>(&mut self, rest: &'a [u8], take: &mut Take<'_>) -> Result<&'a [u8], String> {
        let first = rest[0];
        match (self.at, first) {
            (At::InName { escaped }, _) => return self.in_name(rest, escaped),
            (At::InValue, _) => return self.in_value(rest, take),
            (_, byte) if byte.is_ascii_whitespace() => {}
            (At::Start, b'{') => self.at = At::Name,
            (At::Name, b'"') => {
                self.name.clear();
                self.name.push(first);
                self.at = At::InName { escaped: false };
            }
            (At::Name, b'}') | (At::Value, b']') => self.leave(first)?,
            (At::Colon, b':') => self.at = At::Value,
            (At::Value, b'{' | b'[') if self.to_be_opened().is_some() => {
                let is_list = first == b'[';
                let member = self.to_be_opened();
                self.opened.extend(member);
                self.within = member.map(|name| Within { name, is_list });
                self.name.clear();
                self.at = if is_list { At::Value } else { At::Name };
            }
            (At::Value, byte) if !b"},:".contains(&byte) => {
                self.text.clear();
                self.text.shrink_to(SPARE_BYTES);
                self.is_too_long = false;
                self.value = Value::default();
                self.at = At::InValue;
                return self.in_value(rest, take);
            }
            (At::Behind, b',') if self.is_in_list() => self.at = At::Value,
            (At::Behind, b',') => self.at = At::Name,
            (At::Behind, b'}' | b']') => self.leave(first)?,
            _ => return Err("it is no JSON object".into()),
        }
        Ok(&rest[1..])
    }

    fn in_name<'a>(&mut self, rest: &'a [u8], escaped: bool) -> Result<&'a [u8], String> {
        let (first, rest) = (rest[0], &rest[1..]);
        if self.name.len() >= NAME_BYTES {
            return Err("a name in it is too long".into());
        }
        self.name.push(first);
        self.at = match (escaped, first) {
            (false, b'"') => At::Colon,
            (false, b'\\') => At::InName { escaped: true },
            _ => At::InName { escaped: false },
        };
        Ok(rest)
    }

    fn in_value<'a>(&mut self, rest: &'a [u8], take: &mut Take<'_>) -> Result<&'a [u8], String> {
        let end = rest.iter().enumerate().find_map(|(index, byte)| {
            let end = self.value.pass(*byte)?;
            Some(index + usize::from(matches!(end, End::Here)))
        });
        let (value, rest) = rest.split_at(end.unwrap_or(rest.len()));
        if self.text.len() + value.len() > self.most_bytes {
            self.is_too_long = true;
            self.text = Vec::new();
        }
        if !self.is_too_long {
            self.text.extend_from_slice(value);
        }
        if end.is_some() {
            self.at = At::Behind;
            self.tell(take)?;
        }
        Ok(rest)
    }

    fn tell(&mut self, take: &mut Take<'_>) -> Result<(), String> {
        let name = self.read_name()?;
        let text = std::str::from_utf8(&self.text).map_err(|_| "it is not UTF-8")?;
        take(Member {
            within: self.within.map(|within| within.name),
            name: &name,
            text: (!self.is_too_long).then_some(text),
        })
    }

    fn read_name(&self) -> Result<Cow<'_, str>, String> {
        match self.name.as_slice() {
            [] => Ok(Cow::default()),
            name => serde_json::from_slice(name)
                .map(Cow::Owned)
                .map_err(|_| "a name in it cannot be read".into()),
        }
    }

    fn is_in_list(&self) -> bool {
        self.within.is_some_and(|within| within.is_list)
    }

    /// Returns the member of the object whose value comes next, if that is to be opened.
    fn to_be_opened(&self) -> Option<&'static str> {
        let name = self.read_name().ok().filter(|_| self.within.is_none())?;
        self.opens.iter().copied().find(|open| *open == name)
    }

    /// Leaves the opened member, or the object.
    fn leave(&mut self, bracket: u8) -> Result<(), String> {
        if self.is_in_list() != (bracket == b']') {
            return Err("it is no JSON object".into());
        }
        self.at = match self.within.take() {
            Some(_) => At::Behind,
            None => At::End,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#" { "name" : "a\"}b", "versions": { "1.0": {"x":[1,"]}",{}]}, "2\u002e0" :null },
        "files":[ 1, "two" ,[3] ], "none":{}, "tags":{}, "empty":[], "rest":[{"versions":{"3":1}}] ,"last":-1.5e3}"#;

    type Told = (Option<&'static str>, String, Option<String>);

    fn parts(document: &str, pieces: usize, most_bytes: usize) -> Result<Vec<Told>, String> {
        let mut cut = Cut::new(most_bytes).opening(&["versions", "files", "tags", "empty"]);
        let mut told = Vec::new();
        let mut take = |part: Member<'_>| {
            told.push((part.within, part.name.to_owned(), part.text.map(str::to_owned)));
            Ok(())
        };
        for piece in document.as_bytes().chunks(pieces) {
            cut.read(piece, &mut take)?;
        }
        assert!(!cut.has_opened("name") && !cut.has_opened("other"));
        let is_open = cut.has_opened("empty");
        cut.finish()?;
        assert_eq!(is_open, document.contains("\"empty\":[]"));
        Ok(told)
    }

    #[test]
    fn an_object_is_cut_into_its_members_whatever_pieces_it_comes_in() {
        let part = |within, name: &str, text: &str| (within, name.to_owned(), Some(text.to_owned()));
        let expected = [
            part(None, "name", r#""a\"}b""#),
            part(Some("versions"), "1.0", r#"{"x":[1,"]}",{}]}"#),
            part(Some("versions"), "2.0", "null"),
            part(Some("files"), "", "1"),
            part(Some("files"), "", r#""two""#),
            part(Some("files"), "", "[3]"),
            part(None, "none", "{}"),
            part(None, "rest", r#"[{"versions":{"3":1}}]"#),
            part(None, "last", "-1.5e3"),
        ];

        for pieces in [1, 2, 3, 7, 1000] {
            assert_eq!(parts(DOCUMENT, pieces, 1000).expect("an object"), expected);
        }
    }

    #[test]
    fn a_part_that_is_too_long_is_told_without_its_text_and_the_next_one_is_whole() {
        let document = format!(r#"{{"long":"{}","short":1}}"#, "x".repeat(200));

        for pieces in [1, 50, 1000] {
            let told = parts(&document, pieces, 100).expect("an object");

            let [(_, long, None), (_, short, Some(text))] = told.as_slice() else {
                unreachable!("{told:?}");
            };
            assert_eq!(
                (long.as_str(), short.as_str(), text.as_str()),
                ("long", "short", "1")
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for document in [
            "",
            "[]",
            "1",
            "<html>",
            "{",
            "{\"a\":",
            "{\"a\":}",
            "{\"a\":,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":1]",
            "{\"versions\":{]",
            "{\"files\":[}",
            "{\"a\":1}}",
            "{\"a\":1}{",
            "{\"versions\":{\"a\":1}",
            "{\"\\x\":1}",
        ] {
            assert!(parts(document, 3, 1000).is_err(), "{document}");
        }
        let name = format!("{{\"{}\":1}}", "n".repeat(NAME_BYTES + 1));
        assert!(parts(&name, 100, 1000).is_err());
        let mut cut = Cut::new(100);
        let not_utf8 = b"{\"a\":\"\xff\"}";
        assert!(cut.read(not_utf8, &mut |_: Member<'_>| Ok(())).is_err());
    }
}
