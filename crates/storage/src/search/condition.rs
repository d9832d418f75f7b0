//! Rules as SQL: the one translation.

use domain::digest::Digest;
use domain::path::FilePath;

use super::{NodeField, NodeRule, NodeTest, Operand};
use crate::builder::Builder;
use crate::db::{
    Value, blob, by_index, found_in, hex_of, int, json_member, number_of, prefix_end, text, unindexed,
};
use crate::nodes::{PathRange, depth};

/// Folders that are looked into one by one.
const MOST_PLACES: usize = 100;

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
        NodeField::PackageKey => "n.key".into(),
        NodeField::Latest => "n.latest".into(),
        NodeField::Versions => "n.versions".into(),
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
            sql.push("n.blob_no IN (SELECT no FROM blobs WHERE ");
            push_in(sql, "digest", digests(operands));
            sql.push(")");
        }
        NodeField::Folder => {
            push_children(sql, &folders(operands));
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

/// Adds that a node lies directly in one of `folders`; [`push_places`] says where to look.
fn push_children(sql: &mut Builder, folders: &[FilePath]) {
    if folders.is_empty() {
        sql.push("FALSE");
        return;
    }
    sql.push("(");
    for (index, folder) in folders.iter().enumerate() {
        sql.push(if index > 0 { " OR (" } else { "(" });
        push_child(sql, "n", &unindexed("n.path"), folder);
        sql.push(")");
    }
    sql.push(")");
}

fn push_child(sql: &mut Builder, table: &str, path: &str, folder: &FilePath) {
    let below = PathRange::below(folder);
    sql.push(&format!("{table}.folder IN (0, 1) AND {table}.depth = "))
        .bind(int(depth(folder) + 1))
        .push(&format!(" AND {path} >= "))
        .bind(text(below.from))
        .push(&format!(" AND {path} < "))
        .bind(text(below.until.unwrap_or_else(|| "0".into())));
}

/// Adds where to look for nodes that have to lie in one of a few folders, or to be one of a few files.
///
/// Redundant beside the rule itself, and worded so that the index is used whatever the order asked for.
pub(super) fn push_places(sql: &mut Builder, rule: &NodeRule) {
    let tests = match rule {
        NodeRule::All(rules) => rules.as_slice(),
        rule => std::slice::from_ref(rule),
    };
    for test in tests {
        let NodeRule::Test(field, NodeTest::Is(_) | NodeTest::OneOf(_)) = test else {
            continue;
        };
        let operands = operands_of(test);
        match field {
            NodeField::Folder => push_folders(sql, &folders(operands)),
            NodeField::Sha256 => push_digests(sql, digests(operands)),
            _ => continue,
        }
    }
}

fn operands_of(rule: &NodeRule) -> &[Operand] {
    match rule {
        NodeRule::Test(_, NodeTest::Is(operand)) => std::slice::from_ref(operand),
        NodeRule::Test(_, NodeTest::OneOf(operands)) => operands,
        _ => &[],
    }
}

fn push_folders(sql: &mut Builder, folders: &[FilePath]) {
    if !(1..=MOST_PLACES).contains(&folders.len()) {
        return;
    }
    sql.push(" AND n.path IN (");
    for (index, folder) in folders.iter().enumerate() {
        let from = by_index("nodes_by_depth");
        sql.push(if index > 0 { " UNION ALL " } else { "" })
            .push(&format!(
                "SELECT c.path FROM nodes c {from} WHERE c.repository_no = r.no AND "
            ));
        push_child(sql, "c", "c.path", folder);
    }
    sql.push(")");
}

fn push_digests(sql: &mut Builder, digests: Vec<Value>) {
    if digests.is_empty() {
        return;
    }
    sql.push(&format!(
        " AND n.path IN (SELECT c.path FROM nodes c {} WHERE c.repository_no = r.no AND c.blob_no IN \
         (SELECT no FROM blobs WHERE digest IN ",
        by_index("nodes_by_blob")
    ))
    .bind_list(digests)
    .push("))");
}

fn digests(operands: &[Operand]) -> Vec<Value> {
    let digests = operands
        .iter()
        .filter_map(|operand| format!("sha256:{}", text_of(operand)).parse::<Digest>().ok());
    digests.map(|digest| blob(*digest.as_bytes())).collect()
}

fn folders(operands: &[Operand]) -> Vec<FilePath> {
    operands
        .iter()
        .filter_map(|operand| text_of(operand).parse().ok())
        .collect()
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
        NodeField::Size
            | NodeField::IsFolder
            | NodeField::Created
            | NodeField::Modified
            | NodeField::Expires
            | NodeField::Versions
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
