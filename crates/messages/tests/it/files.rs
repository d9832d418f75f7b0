//! The four files hold the same texts, and the code names each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use messages::Language;

/// A language's keys in their order, each with the variables of its text.
fn texts(language: Language) -> Vec<(String, BTreeSet<String>)> {
    let folder = format!("{}/texts", env!("CARGO_MANIFEST_DIR"));
    let files = ["", "/console"].map(|part| format!("{folder}{part}/{}.ftl", language.tag()));
    let lines = files.map(|path| fs::read_to_string(path).unwrap()).concat();
    let mut texts: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in lines.lines() {
        let starts = line.starts_with(|c: char| c.is_ascii_alphabetic());
        if let Some((key, _)) = line.split_once(" =").filter(|_| starts) {
            texts.push((key.into(), BTreeSet::new()));
        }
        if let Some((_, variables)) = texts.last_mut().filter(|_| !line.starts_with('#')) {
            let named = line.split('$').skip(1);
            variables.extend(named.map(|rest| rest.chars().take_while(char::is_ascii_lowercase).collect()));
        }
    }
    texts
}

#[test]
fn the_four_files_hold_the_same_keys_with_the_same_variables_in_the_same_order() {
    let english = texts(Language::English);

    for language in Language::ALL {
        for (own, other) in english.iter().zip(texts(language)) {
            assert_eq!(*own, other, "{language:?}");
        }
        assert_eq!(texts(language).len(), english.len(), "{language:?}");
    }
}

#[test]
fn every_text_is_used_and_every_text_used_is_there_with_its_variables() {
    let english: BTreeMap<String, BTreeSet<String>> = texts(Language::English).into_iter().collect();
    let used = uses();

    for (key, arguments) in &used {
        let variables = english
            .get(key)
            .unwrap_or_else(|| panic!("there is no text `{key}`"));
        assert_eq!(variables, arguments, "the variables and the arguments of `{key}`");
    }
    // The texts of codes begin with a capital; `web::codes` compares those.
    let kebab = |key: &&String| key.starts_with(|c: char| c.is_lowercase());
    let unused: Vec<&String> = english
        .keys()
        .filter(kebab)
        .filter(|key| !used.contains_key(*key))
        .collect();
    assert_eq!(unused, Vec::<&String>::new(), "texts nobody is shown");
}

/// The keys and the names of the arguments of every `text!` in the sources of every crate.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut uses = BTreeMap::new();
    for file in crates
        .read_dir()
        .unwrap()
        .flat_map(|entry| sources(&entry.unwrap().path().join("src")))
    {
        let source = fs::read_to_string(file).unwrap();
        for call in source
            .lines()
            .map(|line| line.split("//").next().unwrap())
            .collect::<String>()
            .split("text!(")
            .skip(1)
        {
            let Some(call) = call.trim_start().strip_prefix('"') else {
                continue;
            };
            let (key, arguments) = call.split_once('"').unwrap();
            uses.insert(key.to_owned(), argument_names(arguments));
        }
    }
    uses
}

/// The names in `, a = x(1, 2), b = y) ...`, up to the parenthesis that ends the call.
fn argument_names(call: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut depth, mut word) = (0, String::new());
    for c in call.chars() {
        match c {
            ')' if depth == 0 => break,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => word.clear(),
            '=' if depth == 0 => {
                names.insert(word.trim().to_owned());
            }
            _ => word.push(c),
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
