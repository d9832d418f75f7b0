//! Rules as SQL: the one translation.

use domain::digest::Digest;
use domain::path::FilePath;

use super::{NodeField, NodeRule, NodeTest, Operand};
use crate::builder::Builder;
use crate::db::{Value, blob, found_in, hex_of, int, json_member, number_of, prefix_end, text};
use crate::nodes::{PathRange, depth};

/// Adds the condition for `rule`.
pub(super) fn push_rule(sql: &mut Builder, rule: &NodeRule) {
    match rule {
        NodeRule::All(rules) => push_joined(sql, rules, " AND ", "TRUE"),
        NodeRule::Any(rules) => push_joined(sql, rules, " OR ", "FALSE"),
        NodeRule::None(rules) => {
            // What is absent makes a comparison unknown, and unknown counts as not.
            sql.push("NOT COALESCE(");
            push_joined(sql, rules, " OR ", "FALSE");
            sql.push(", FALSE)");
        }
        NodeRule::Test(field, test) => push_test(sql, field, test),
    }
}

fn push_joined(sql: &mut Builder, rules: &[NodeRule], between: &str, nothing: &str) {
    sql.push("(");
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            sql.push(between);
        }
        push_rule(sql, rule);
    }
    if rules.is_empty() {
        sql.push(nothing);
    }
    sql.push(")");
}

fn push_test(sql: &mut Builder, field: &NodeField, test: &NodeTest) {
    match test {
        NodeTest::Is(operand) => push_one_of(sql, field, std::slice::from_ref(operand)),
        NodeTest::OneOf(operands) => push_one_of(sql, field, operands),
        NodeTest::IsNot(operand) => push_none_of(sql, field, std::slice::from_ref(operand)),
        NodeTest::NoneOf(operands) => push_none_of(sql, field, operands),
        NodeTest::Less(operand) => push_compared(sql, field, "<", operand),
        NodeTest::AtMost(operand) => push_compared(sql, field, "<=", operand),
        NodeTest::More(operand) => push_compared(sql, field, ">", operand),
        NodeTest::AtLeast(operand) => push_compared(sql, field, ">=", operand),
        NodeTest::Prefix(prefix) => {
            push_beginning(sql, field, prefix);
            let of = expression(sql, field);
            push_range(sql, &of, prefix);
        }
        NodeTest::Fits(pattern) => {
            push_beginning(sql, field, pattern.head());
            let of = expression(sql, field);
            let pattern = sql.refer(text(pattern.expression()));
            sql.push(&found_in(&of, &pattern));
        }
        NodeTest::Missing => {
            let of = expression(sql, field);
            sql.push(&of).push(" IS NULL");
        }
        NodeTest::Present => {
            let of = expression(sql, field);
            sql.push(&of).push(" IS NOT NULL");
        }
    }
}

/// Returns the field's value; what it binds is bound already.
pub(super) fn expression(sql: &mut Builder, field: &NodeField) -> String {
    match field {
        NodeField::Project => "r.project".into(),
        NodeField::Repository => "r.name".into(),
        NodeField::RepositoryType => "r.type".into(),
        NodeField::Folder => "SUBSTR(n.path, 1, LENGTH(n.path) - LENGTH(n.name))".into(),
        NodeField::Name => "n.name".into(),
        NodeField::Path => "n.path".into(),
        NodeField::Size => "n.size_bytes".into(),
        NodeField::IsFolder => "n.folder".into(),
        NodeField::Sha256 => hex_or_null("b.digest"),
        NodeField::Md5 => hex_or_null("b.md5"),
        NodeField::CreatedBy => "n.created_by".into(),
        NodeField::Created => "n.created_ms".into(),
        NodeField::ModifiedBy => "n.modified_by".into(),
        NodeField::Modified => "n.modified_ms".into(),
        NodeField::Expires => "n.expires_ms".into(),
        NodeField::Property(key) => {
            let key = sql.refer(text(key));
            json_member("n.metadata", &key)
        }
        NodeField::Absent => "NULL".into(),
    }
}

/// Hex digits of nothing are an empty text, not nothing.
fn hex_or_null(column: &str) -> String {
    format!("CASE WHEN {column} IS NOT NULL THEN {} END", hex_of(column))
}

/// Adds that the field is one of `operands`, in a form its index is used for where it has one.
fn push_one_of(sql: &mut Builder, field: &NodeField, operands: &[Operand]) {
    match field {
        NodeField::Sha256 => {
            let digests: Vec<Value> = operands
                .iter()
                .filter_map(|operand| format!("sha256:{}", text_of(operand)).parse::<Digest>().ok())
                .map(|digest| blob(*digest.as_bytes()))
                .collect();
            sql.push("n.blob_no IN (SELECT no FROM blobs WHERE ");
            push_in(sql, "digest", digests);
            sql.push(")");
        }
        NodeField::Folder => {
            let folders: Vec<FilePath> = operands
                .iter()
                .filter_map(|operand| text_of(operand).parse().ok())
                .collect();
            push_children(sql, &folders);
        }
        _ => {
            let (of, values) = comparable(sql, field, operands);
            push_in(sql, &of, values);
        }
    }
}

fn push_in(sql: &mut Builder, of: &str, values: Vec<Value>) {
    if values.is_empty() {
        sql.push("FALSE");
    } else {
        sql.push(of).push(" IN ").bind_list(values);
    }
}

fn push_none_of(sql: &mut Builder, field: &NodeField, operands: &[Operand]) {
    sql.push("NOT COALESCE(");
    push_one_of(sql, field, operands);
    sql.push(", FALSE)");
}

/// Adds that a node lies directly in one of `folders`.
fn push_children(sql: &mut Builder, folders: &[FilePath]) {
    sql.push("(");
    for folder in folders {
        let below = PathRange::below(folder);
        sql.push("(n.depth = ")
            .bind(int(depth(folder) + 1))
            .push(" AND n.folder IN (0, 1) AND n.path >= ")
            .bind(text(below.from))
            .push(" AND n.path < ")
            .bind(text(below.until.unwrap_or_else(|| "0".into())))
            .push(") OR ");
    }
    sql.push("FALSE)");
}

fn push_compared(sql: &mut Builder, field: &NodeField, operator: &str, operand: &Operand) {
    let (of, values) = comparable(sql, field, std::slice::from_ref(operand));
    sql.push(&format!("{of} {operator} "));
    for value in values {
        sql.bind(value);
    }
}

/// Returns the field and what it is compared with, both of one kind: properties are texts that may be numbers.
fn comparable(sql: &mut Builder, field: &NodeField, operands: &[Operand]) -> (String, Vec<Value>) {
    let of = expression(sql, field);
    let numbers = matches!(field, NodeField::Property(_))
        && operands
            .iter()
            .all(|operand| matches!(operand, Operand::Number(_)));
    let textual = !matches!(
        field,
        NodeField::Size | NodeField::IsFolder | NodeField::Created | NodeField::Modified | NodeField::Expires
    ) && !numbers;
    let values = operands
        .iter()
        .map(|operand| match operand {
            Operand::Number(number) if !textual => int(*number),
            other => text(text_of(other)),
        })
        .collect();
    (if numbers { number_of(&of) } else { of }, values)
}

fn text_of(operand: &Operand) -> String {
    match operand {
        Operand::Text(text) => text.clone(),
        Operand::Number(number) => number.to_string(),
    }
}

/// Adds what a beginning of the path says about where to look.
fn push_beginning(sql: &mut Builder, field: &NodeField, beginning: &str) {
    if matches!(field, NodeField::Path | NodeField::Folder) && !beginning.is_empty() {
        push_range(sql, "n.path", beginning);
        sql.push(" AND ");
    }
}

fn push_range(sql: &mut Builder, of: &str, prefix: &str) {
    sql.push(&format!("{of} >= ")).bind(text(prefix));
    if let Some(end) = prefix_end(prefix) {
        sql.push(&format!(" AND {of} < ")).bind(text(end));
    }
}
