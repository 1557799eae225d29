use super::*;

/// Answers twice, then transfers; every report of `unresolved` is a strike.
#[derive(Default)]
struct Fake {
    strikes: u32,
}

impl Driver for Fake {
    type Error = String;

    fn say(&mut self, script: &Script, turn: usize, text: &str) -> Result<Reply, String> {
        if turn == 1 {
            self.strikes = 0;
        }
        if text == "boom" {
            return Err(format!("{} failed", script.id));
        }
        let action = if self.strikes >= 2 { "transfer" } else { "answer" };
        Ok(Reply {
            action: Some(action.into()),
            strikes: Some(self.strikes),
            intent: Some("shipping.delay".into()),
            article: Some("logistics-delay".into()),
            reasons: vec!["not_helped".into(), "repeated".into()],
            ..Reply::default()
        })
    }

    fn report(&mut self, _: &Script, _: usize, outcome: Outcome) -> Result<Reply, String> {
        self.strikes = if outcome == Outcome::Resolved { 0 } else { self.strikes + 1 };
        Ok(Reply { strikes: Some(self.strikes), ..Reply::default() })
    }

    fn close(&mut self, _: &Script, _: bool) -> Result<Reply, String> {
        Ok(Reply::default())
    }
}

fn run_lines(lines: &[&str]) -> ConversationReport {
    run(&ScriptSet::parse("talks", &lines.join("\n")).unwrap(), &mut Fake::default(), false)
}

#[test]
fn a_script_that_goes_as_written_passes() {
    let script = r#"{"id":"a","steps":[
        {"say":"x","expect":{"action":["clarify","answer"],"strikes":0}},
        {"report":"unresolved","turn":1,"expect":{"strikes":1}},
        {"say":"y"},
        {"report":"unresolved","turn":2},
        {"say":"z","expect":{"action":"transfer","intent":"shipping.delay","reasons_include":["repeated"]}},
        {"close":false}]}"#;
    let report = run_lines(&[&script.replace('\n', "")]);
    assert_eq!((report.n, report.n_passed, report.passed, report.n_steps), (1, 1, 1.0, 6));
    assert!(report.passed_ci95[0] < 0.3, "one script proves little: {:?}", report.passed_ci95);
}

#[test]
fn each_step_shows_its_first_mismatch() {
    let cases = [
        (r#"{"action":"transfer","strikes":9}"#, "action", "transfer", "answer"),
        (r#"{"action":"answer","strikes":9}"#, "strikes", "9", "0"),
        (r#"{"intent":["a","b"]}"#, "intent", "a | b", "shipping.delay"),
        (r#"{"article":"lost-parcel"}"#, "article", "lost-parcel", "logistics-delay"),
        (r#"{"article":"logistics-delay","follow_up":true}"#, "follow_up", "true", "false"),
        (r#"{"skill_group":"logistics"}"#, "skill_group", "logistics", "nothing"),
        (
            r#"{"reasons_include":["repeated","kb_miss"]}"#,
            "reasons_include",
            "kb_miss",
            "[not_helped, repeated]",
        ),
    ];
    for (expect, field, expected, got) in cases {
        let script =
            format!(r#"{{"id":"a","steps":[{{"say":"x"}},{{"say":"x","expect":{expect}}}]}}"#);
        let report = run_lines(&[&script]);
        let mismatch =
            Mismatch { step: 2, field: field.into(), expected: expected.into(), got: got.into() };
        assert_eq!(report.scripts[0].mismatches, [mismatch]);
        assert_eq!((report.n_steps, report.n_steps_passed), (2, 1));
    }
}

#[test]
fn a_failing_call_fails_its_step_and_the_run_goes_on() {
    let report = run_lines(&[
        r#"{"id":"a","steps":[{"say":"boom"},{"say":"x","expect":{"action":"answer"}}]}"#,
        r#"{"id":"b","steps":[{"say":"x"}]}"#,
    ]);
    assert_eq!((report.n_passed, report.passed), (1, 0.5));
    assert_eq!(report.scripts[0].mismatches.len(), 1);
    assert_eq!(report.scripts[0].mismatches[0].got, "a failed");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(serde_json::from_value::<ConversationReport>(json).unwrap(), report);
}
