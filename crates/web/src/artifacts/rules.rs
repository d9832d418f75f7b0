//! Search rules as clients write them, read into rules over fields.
//!
//! A rule is `{rules, relation}` or `{field, value, operation}`. What a field cannot be asked is refused by name,
//! and how large a rule may be is bounded here.

use std::collections::BTreeSet;

use hosted::search::{NodeField, NodeRule, NodeTest, Operand, Pattern};
use jiff::tz::TimeZone;
use messages::{Text, text};
use serde_json::Value;

use crate::codes::Code;
use crate::dates;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};

const MOST_RULES: usize = 200;
const MOST_DEPTH: usize = 10;
const MOST_VALUES: usize = 2_000;

/// Fields that are asked for, what they are called here, and what they are compared with.
pub(super) type Fields = &'static [(&'static str, NodeField, Kind)];

/// Fields of nodes.
pub(super) const NODE_FIELDS: Fields = &[
    ("projectId", NodeField::Project, Kind::Text),
    ("repoName", NodeField::Repository, Kind::Text),
    ("repoType", NodeField::RepositoryType, Kind::Text),
    ("path", NodeField::Folder, Kind::Text),
    ("name", NodeField::Name, Kind::Text),
    ("fullPath", NodeField::Path, Kind::Text),
    ("size", NodeField::Size, Kind::Number),
    ("folder", NodeField::IsFolder, Kind::Flag),
    ("sha256", NodeField::Sha256, Kind::Text),
    ("md5", NodeField::Md5, Kind::Text),
    ("createdBy", NodeField::CreatedBy, Kind::Text),
    ("createdDate", NodeField::Created, Kind::Date),
    ("lastModifiedBy", NodeField::ModifiedBy, Kind::Text),
    ("lastModifiedDate", NodeField::Modified, Kind::Date),
    ("expireDate", NodeField::Expires, Kind::Date),
    ("deleted", NodeField::Absent, Kind::Text),
    ("lastAccessDate", NodeField::Absent, Kind::Text),
    ("nodeNum", NodeField::Absent, Kind::Text),
    ("archived", NodeField::Absent, Kind::Text),
    ("compressed", NodeField::Absent, Kind::Text),
    ("clusterNames", NodeField::Absent, Kind::Text),
    ("federatedSource", NodeField::Absent, Kind::Text),
];

/// Fields of packages.
pub(super) const PACKAGE_FIELDS: Fields = &[
    ("projectId", NodeField::Project, Kind::Text),
    ("repoName", NodeField::Repository, Kind::Text),
    ("repoType", NodeField::RepositoryType, Kind::Text),
    ("type", NodeField::RepositoryType, Kind::Text),
    ("name", NodeField::Name, Kind::Text),
    ("key", NodeField::PackageKey, Kind::Text),
    ("latest", NodeField::Latest, Kind::Text),
    ("versions", NodeField::Versions, Kind::Number),
    ("createdBy", NodeField::CreatedBy, Kind::Text),
    ("createdDate", NodeField::Created, Kind::Date),
    ("lastModifiedBy", NodeField::ModifiedBy, Kind::Text),
    ("lastModifiedDate", NodeField::Modified, Kind::Date),
    ("description", NodeField::Absent, Kind::Text),
];

/// What a field is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    Date,
    Property,
}

/// Relations between rules.
#[derive(Clone, Copy)]
enum Relation {
    And,
    Or,
    Nor,
}

const RELATIONS: &[(&str, Relation)] = &[
    ("AND", Relation::And),
    ("OR", Relation::Or),
    ("NOR", Relation::Nor),
];

/// Operations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Nin,
    Prefix,
    Suffix,
    Contains,
    Match,
    MatchI,
    Regex,
    RegexI,
    Null,
    NotNull,
}

const OPERATIONS: &[(&str, Operation)] = &[
    ("EQ", Operation::Eq),
    ("NE", Operation::Ne),
    ("LT", Operation::Lt),
    ("LTE", Operation::Lte),
    ("GT", Operation::Gt),
    ("GTE", Operation::Gte),
    ("BEFORE", Operation::Lt),
    ("AFTER", Operation::Gt),
    ("IN", Operation::In),
    ("NIN", Operation::Nin),
    ("PREFIX", Operation::Prefix),
    ("SUFFIX", Operation::Suffix),
    ("CONTAINS", Operation::Contains),
    ("MATCH", Operation::Match),
    ("MATCH_I", Operation::MatchI),
    ("REGEX", Operation::Regex),
    ("REGEX_I", Operation::RegexI),
    ("NULL", Operation::Null),
    ("NOT_NULL", Operation::NotNull),
];

/// Reads rules; dates in them are taken in `zone`.
pub(super) struct RuleReader<'a> {
    zone: &'a TimeZone,
    fields: Fields,
    rules: usize,
    values: usize,
}

impl<'a> RuleReader<'a> {
    /// Reads rules over `fields`.
    pub(super) fn new(zone: &'a TimeZone, fields: Fields) -> Self {
        Self {
            zone,
            fields,
            rules: 0,
            values: 0,
        }
    }

    /// Reads `rule` and all rules in it.
    pub(super) fn read(&mut self, rule: &Members) -> ApiResult<NodeRule> {
        self.read_at(rule, 1)
    }

    fn read_at(&mut self, rule: &Members, depth: usize) -> ApiResult<NodeRule> {
        self.rules += 1;
        if self.rules > MOST_RULES || depth > MOST_DEPTH {
            return Err(too_large());
        }
        let Some(inner) = rule.objects("rules")? else {
            return self.test(rule);
        };
        let relation = rule.choice("relation", RELATIONS)?.unwrap_or(Relation::And);
        if inner.is_empty() {
            return Err(ApiError::new(Code::ParameterEmpty, ["rules"]));
        }
        let inner = inner
            .iter()
            .map(|rule| self.read_at(rule, depth + 1))
            .collect::<ApiResult<Vec<NodeRule>>>()?;
        Ok(match relation {
            Relation::And => NodeRule::All(inner),
            Relation::Or => NodeRule::Any(inner),
            Relation::Nor => NodeRule::None(inner),
        })
    }

    fn test(&mut self, rule: &Members) -> ApiResult<NodeRule> {
        let name = rule.required_text("field")?;
        let (field, kind) = field(self.fields, &name)?;
        let operation = rule.choice("operation", OPERATIONS)?.unwrap_or(Operation::Eq);
        let value = rule.get("value");
        let test = match (operation, value) {
            (Operation::Null, _) | (Operation::Eq, None) => NodeTest::Missing,
            (Operation::NotNull, _) | (Operation::Ne, None) => NodeTest::Present,
            (_, None) => return Err(unreadable_member("value")),
            (Operation::In, Some(value)) => NodeTest::OneOf(self.operands(&name, kind, value)?),
            (Operation::Nin, Some(value)) => NodeTest::NoneOf(self.operands(&name, kind, value)?),
            (Operation::Eq, Some(value)) => NodeTest::Is(self.operand(&name, kind, value)?),
            (Operation::Ne, Some(value)) => NodeTest::IsNot(self.operand(&name, kind, value)?),
            (Operation::Lt, Some(value)) => NodeTest::Less(self.operand(&name, kind, value)?),
            (Operation::Lte, Some(value)) => NodeTest::AtMost(self.operand(&name, kind, value)?),
            (Operation::Gt, Some(value)) => NodeTest::More(self.operand(&name, kind, value)?),
            (Operation::Gte, Some(value)) => NodeTest::AtLeast(self.operand(&name, kind, value)?),
            (
                Operation::Prefix
                | Operation::Suffix
                | Operation::Contains
                | Operation::Match
                | Operation::MatchI
                | Operation::Regex
                | Operation::RegexI,
                Some(value),
            ) => self.textual(&name, kind, operation, value)?,
        };
        Ok(NodeRule::Test(field, test))
    }

    fn textual(
        &mut self,
        name: &str,
        kind: Kind,
        operation: Operation,
        value: &Value,
    ) -> ApiResult<NodeTest> {
        if !matches!(kind, Kind::Text | Kind::Property) {
            return Err(ApiError::invalid("operation", name).because(text!("search-text-only")));
        }
        self.count()?;
        let text = written(name, value)?;
        let pattern = match operation {
            Operation::Prefix => return Ok(NodeTest::Prefix(text)),
            Operation::Suffix => Pattern::ending(&text),
            Operation::Contains => Pattern::holding(&text),
            Operation::MatchI => Pattern::wildcards(&text, true),
            Operation::Regex => Pattern::regex(&text, false),
            Operation::RegexI => Pattern::regex(&text, true),
            _ => Pattern::wildcards(&text, false),
        };
        let refused =
            |words: String| ApiError::invalid(name, &text).because(text!("pattern-refused", words = words));
        pattern
            .map(NodeTest::Fits)
            .map_err(|error| refused(error.to_string()))
    }

    fn operands(&mut self, name: &str, kind: Kind, value: &Value) -> ApiResult<Vec<Operand>> {
        let Value::Array(values) = value else {
            return Err(unreadable_member("value"));
        };
        values
            .iter()
            .map(|value| self.operand(name, kind, value))
            .collect()
    }

    fn operand(&mut self, name: &str, kind: Kind, value: &Value) -> ApiResult<Operand> {
        self.count()?;
        let refused = || ApiError::invalid(name, &value.to_string());
        let number = |found: Option<i64>| found.map(Operand::Number).ok_or_else(refused);
        match kind {
            Kind::Text => Ok(Operand::Text(written(name, value)?)),
            Kind::Property => match value.as_i64() {
                Some(number) => Ok(Operand::Number(number)),
                None => Ok(Operand::Text(written(name, value)?)),
            },
            Kind::Number => number(value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())),
            Kind::Flag => number(match value {
                Value::Bool(flag) => Some(i64::from(*flag)),
                Value::String(text) if text == "true" => Some(1),
                Value::String(text) if text == "false" => Some(0),
                _ => None,
            }),
            Kind::Date => number(
                value
                    .as_i64()
                    .or_else(|| dates::parse(value.as_str()?, self.zone)),
            ),
        }
    }

    fn count(&mut self) -> ApiResult<()> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(too_large());
        }
        Ok(())
    }
}

/// Returns the field called `name` and what it is compared with.
fn field(fields: Fields, name: &str) -> ApiResult<(NodeField, Kind)> {
    if let Some(key) = name.strip_prefix("metadata.").filter(|key| !key.is_empty()) {
        let has_properties = fields.iter().any(|(_, field, _)| *field == NodeField::Path);
        // What is asked of something that has no properties is absent.
        let asked = if has_properties {
            NodeField::Property(key.into())
        } else {
            NodeField::Absent
        };
        return Ok((asked, Kind::Property));
    }
    let known = fields.iter().find(|(known, ..)| *known == name);
    known
        .map(|(_, field, kind)| (field.clone(), *kind))
        .ok_or_else(|| unknown_field(fields, "field", name))
}

/// Returns what results can be ordered by.
pub(super) fn order(fields: Fields, name: &str) -> ApiResult<NodeField> {
    field(fields, name)
        .map(|(field, _)| field)
        .map_err(|_| unknown_field(fields, "properties", name))
}

fn unknown_field(fields: Fields, member: &str, name: &str) -> ApiError {
    let fields: Vec<&str> = fields.iter().map(|(name, ..)| *name).collect();
    ApiError::invalid(member, name).because(text!("search-fields", fields = fields.join(", ")))
}

/// Returns the texts that `name` has to be equal to, at the top of `rule` and under AND; `None` when it is not said.
pub(super) fn required(rule: &NodeRule, field: &NodeField) -> Option<BTreeSet<String>> {
    let texts = |operands: &[Operand]| {
        let texts = operands.iter().map(|operand| match operand {
            Operand::Text(text) => text.clone(),
            Operand::Number(number) => number.to_string(),
        });
        texts.collect()
    };
    match rule {
        NodeRule::Test(found, NodeTest::Is(operand)) if found == field => {
            Some(texts(std::slice::from_ref(operand)))
        }
        NodeRule::Test(found, NodeTest::OneOf(operands)) if found == field => Some(texts(operands)),
        NodeRule::All(rules) => rules.iter().find_map(|rule| match rule {
            NodeRule::Test(..) => required(rule, field),
            _ => None,
        }),
        _ => None,
    }
}

fn written(name: &str, value: &Value) -> ApiResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(unreadable_member(name)),
    }
}

fn too_large() -> ApiError {
    let limits: Text = text!(
        "search-rules",
        rules = MOST_RULES,
        depth = MOST_DEPTH,
        values = MOST_VALUES
    );
    ApiError::about(Code::QueryTooLarge, limits)
}
