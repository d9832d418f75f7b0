//! What readers see.

use domain::cron::CronExpression;
use domain::failure::{ErrorKind, Failure, Stage};
use domain::note::Note;
use domain::record::ReasonLine;
use messages::Language::{self, English, Japanese, SimplifiedChinese, TraditionalChinese};
use messages::notes::in_words;
use messages::{Render, Text, text};

fn failure() -> Failure {
    Failure {
        stage: Stage::Write,
        class: ErrorKind::Limit,
        remote_status: Some(429),
        words: Some("slow down".into()),
        attempts: 5,
        subject: "edge-1".into(),
    }
}

#[test]
fn a_failure_says_step_class_words_tries_and_what_to_do() {
    for (language, words) in [
        (
            English,
            "write/limit: edge-1 answered 429 \"slow down\" after 5 tries; lower the task's rate or retry later",
        ),
        (
            SimplifiedChinese,
            "write/limit: edge-1 返回 429 \"slow down\"（已尝试5次）；请降低任务速率或稍后重试",
        ),
        (
            TraditionalChinese,
            "write/limit: edge-1 回應 429 \"slow down\"（已嘗試5次）；請降低任務速率或稍後重試",
        ),
        (
            Japanese,
            "write/limit: edge-1 の応答 429 \"slow down\"（5 回試行）。タスクの速度を下げるか、しばらくしてから再試行してください",
        ),
    ] {
        assert_eq!(failure().render(language), words);
    }
}

#[test]
fn notes_are_one_line_that_says_what_is_otherwise_at_the_target() {
    let notes = [
        Note::yanked(["a.whl", "b.whl"], "broken"),
        Note::PropertiesDiffer {
            names: "stage".into(),
        },
        Note::FilesStay {
            files: "a.asc".into(),
        },
    ];

    assert_eq!(
        in_words(&notes, English).as_deref(),
        Some(
            "a.whl, b.whl: yanked at the source (\"broken\"); the target cannot be told so, and offers them like any \
             other files; other properties stand there, which the conflict strategy leaves alone: stage; files that \
             the source does not have stay there beside the new ones: a.asc"
        )
    );
    assert_eq!(in_words(&[], English), None);
    for language in Language::ALL {
        for note in [
            Note::yanked([], ""),
            Note::yanked([], "broken"),
            Note::yanked(["a.whl"], ""),
        ] {
            let words = note.render(language);
            assert!(words.contains("yank") && !words.contains("note-"), "{words}");
        }
    }
}

#[test]
fn a_failure_of_one_try_counts_no_tries_and_one_without_words_says_who_failed() {
    let failure = Failure {
        remote_status: None,
        words: None,
        attempts: 1,
        ..failure()
    };

    assert_eq!(
        failure.render(English),
        "write/limit: edge-1 failed; lower the task's rate or retry later"
    );
}

#[test]
fn a_reason_names_the_cluster_and_the_first_artifact_that_failed() {
    let failed = |failed| ReasonLine::ArtifactsFailed {
        cluster: "edge-1".into(),
        failed,
        artifact: "/a.tgz".into(),
        first: failure(),
    };

    let one = failed(1).render(English);
    assert!(
        one.starts_with("edge-1: `/a.tgz` failed: write/limit: edge-1 answered"),
        "{one}"
    );
    let many = failed(12_345).render(English);
    assert!(
        many.starts_with("edge-1: 12345 artifacts failed, the first is `/a.tgz`: write/"),
        "{many}"
    );
    assert!(
        failed(2)
            .render(Japanese)
            .starts_with("edge-1：2 個のアーティファクトが失敗しました")
    );
}

#[test]
fn the_rest_that_was_not_attempted_is_named_in_every_language() {
    let line = ReasonLine::NotAttempted {
        cluster: "edge-1".into(),
        repository: "files".into(),
        from_key: Some("/b".into()),
        failure: failure(),
    };

    for language in Language::ALL {
        let words = line.render(language);
        assert!(words.contains("`files`") && words.contains("`/b`"), "{words}");
    }
}

#[test]
fn an_argument_is_kept_as_it_is_and_never_taken_for_a_variable() {
    let line = text!("reason-stopped-by", user = "{ $user } \u{2068}{0}");

    assert_eq!(line.render(English), "stopped by { $user } \u{2068}{0}");
    assert_eq!(Text::verbatim("{ $x }").render(Japanese), "{ $x }");
}

#[test]
fn the_best_tag_decides_and_unknown_ones_mean_english() {
    for (header, language) in [
        ("zh-CN", SimplifiedChinese),
        ("zh-Hans-CN", SimplifiedChinese),
        ("zh-Hans", SimplifiedChinese),
        ("zh-TW", TraditionalChinese),
        ("zh-Hant-TW", TraditionalChinese),
        ("zh-hant", TraditionalChinese),
        ("ja", Japanese),
        ("ja-JP", Japanese),
        ("en-US,zh-CN;q=0.9", English),
        ("en;q=0.1, zh-cn;q=0.8", SimplifiedChinese),
        ("ja;q=0.5,zh-TW", TraditionalChinese),
        ("fr,ja;q=0.9", English),
        ("zh", English),
        ("zh-HK", English),
        ("jav", English),
        ("*", English),
        ("", English),
        (";;q=x,,", English),
    ] {
        assert_eq!(Language::of_header(header), language, "{header}");
    }
}

#[test]
fn a_refused_cron_expression_says_what_is_wrong_and_what_would_be_right() {
    let cases = [
        ("0 0 25 * * ?", "hour values must be between 0 and 23, not 25"),
        (
            "0 0/70 * * * ?",
            "the increment in the minute field must be at most 59, not 70",
        ),
        ("0 0/ * * * ?", "`/` must be followed by a number"),
        ("0 0 3 13 * FRI", "one of them must be `?`"),
        ("0 0 3 ? * ?", "not for both"),
        ("* * * * *", "6 or 7 fields"),
        ("0 0 3 ? * FUNDAY", "the names are SUN-SAT"),
        (
            "0 0 3 ? * 6#6",
            "a number between 1 and 5 must follow `#`, not `6`",
        ),
        ("0 0 3 L-31 * ?", "at most 30, not 31"),
        (
            "0 0 3 L,15 * ?",
            "`L` and `LW` cannot be given with other days of the month",
        ),
        (
            "0 0 3 32W * ?",
            "day-of-month values must be between 1 and 31, not 32",
        ),
        ("0 0 L * * ?", "`L` is not valid in the hour field"),
        ("0 0 , * * ?", "the hour field is empty"),
        (
            "0 0 0 * * ? 2030-2027",
            "the start year 2030 must not be after the stop year 2027",
        ),
    ];

    for (text, part) in cases {
        let fault = text.parse::<CronExpression>().expect_err(text).reason;
        let words = fault.render(English);
        assert!(words.contains(part), "{text}: {words}");
    }
}
