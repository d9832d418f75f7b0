//! `--help`, refusals and exit codes.

use super::support::{run, said, waybill};

/// Walks all commands and returns the arguments that reach each of them.
fn commands(path: &[String]) -> Vec<Vec<String>> {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = said(&arguments).out;
    let mut found = vec![path.to_vec()];
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for line in listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().expect("a name");
        if name != "help" {
            let mut deeper = path.to_vec();
            deeper.push(name.to_owned());
            found.extend(commands(&deeper));
        }
    }
    found
}

#[test]
fn every_help_has_an_example_that_begins_with_the_program() {
    let all = commands(&[]);
    assert!(all.len() > 20, "{all:?}");

    for path in all {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");

        let said = said(&arguments);

        assert_eq!(said.code, 0, "{path:?}");
        let example = said.out.split("Example").nth(1).unwrap_or_default();
        assert!(
            example.contains("waybill"),
            "{path:?} has no example:\n{}",
            said.out
        );
    }
}

#[test]
fn the_exit_codes_are_in_the_help() {
    let said = said(&["--help"]);

    assert!(said.out.contains("Exit codes:"), "{}", said.out);
}

#[test]
fn a_command_nobody_knows_ends_with_2() {
    assert_eq!(said(&["teleport"]).code, 2);
}

#[test]
fn a_password_in_a_server_url_is_refused_and_never_repeated() {
    let said = run(
        waybill(&["cluster", "list", "--server", "http://admin:hunter2@127.0.0.1:1"]).env("HOME", "/tmp"),
    );

    assert_eq!(said.code, 2);
    assert!(
        !said.err.contains("hunter2") && said.err.contains("WAYBILL_PASSWORD"),
        "{}",
        said.err
    );
}

#[test]
fn a_server_that_is_not_there_ends_with_1_and_says_what_to_do() {
    let said = run(waybill(&["task", "list", "--server", "http://127.0.0.1:1"]).env("WAYBILL_PASSWORD", "x"));

    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("cannot reach") && said.err.contains("hint:"),
        "{}",
        said.err
    );
}

#[test]
fn without_a_terminal_and_a_password_nothing_is_asked() {
    let said = said(&["task", "list"]);

    assert_eq!(said.code, 2);
    assert!(said.err.contains("WAYBILL_PASSWORD"), "{}", said.err);
}

#[test]
fn completions_know_every_command_of_the_first_floor() {
    for shell in ["bash", "zsh", "fish"] {
        let said = said(&["completions", shell]);

        assert_eq!(said.code, 0, "{}", said.err);
        for command in ["serve", "webhook", "record", "completions"] {
            assert!(said.out.contains(command), "{shell} does not know {command}");
        }
    }
    assert_eq!(said(&["completions", "cmd.com"]).code, 2);
}
