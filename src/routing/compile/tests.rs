use super::*;
use crate::routing::fault::RuleWarningCode;

const MINIMAL: &str = include_str!("../../../tests/fixtures/rules/minimal.toml");
const FAULTY: &str = include_str!("../../../tests/fixtures/rules/faulty.toml");

fn known() -> Vec<String> {
    ["shipping.delay", "shipping.track", "invoice"].map(str::to_owned).into()
}

/// Faults of the minimal file after replacing `from` by `to`, as `line:column code`.
fn faults_of(from: &str, to: &str) -> Vec<String> {
    assert!(MINIMAL.contains(from), "{from}");
    let known = known();
    let options = CompileOptions { known_intents: Some(&known) };
    match compile(&MINIMAL.replacen(from, to, 1), &options) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .faults()
            .iter()
            .map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.code))
            .collect(),
    }
}

fn check(from: &str, to: &str, expected: &[&str]) {
    assert_eq!(faults_of(from, to), expected, "{to}");
}

#[test]
fn all_faults_of_a_file_are_listed_with_their_place() {
    let known = known();
    let options = CompileOptions { known_intents: Some(&known) };
    let error = compile(FAULTY, &options).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    37 faults in the rule file
      2:8: bad_value: `name` may have neither `@` nor blanks
      4:12: bad_value: unknown time zone `Asia/Shanhai`, or no zone database on this host
      5:1: unknown_key: unknown key `nmae`; did you mean `name`?
      8:10: bad_value: unknown type `text`; the types: string, int, double, bool, list
      9:1: bad_value: `intent` is built in; write it without `customer.`
      14:6: bad_value: `p2` is a sum of three scores: 3 to 15, or 16 for never
      17:11: bad_hours: `2026-10-07..2026-10-01` ends before it begins
      17:37: bad_hours: `十月一日` is no date; write `2026-10-01` or `2026-10-01..2026-10-07`
      23:12: fallback_cycle: `general`: fallbacks run in a circle: general → logistics → general
      29:30: bad_hours: `logistics`: `8:00` is no time; write it like `08:30`, midnight as `24:00`
      30:12: bad_hours: `logistics`: `fir` is no day; write `mon` … `sun`, `mon-fri` or `daily`
      31:51: bad_hours: `logistics`: overlaps another shift of the same day
      34:24: unknown_group: `logistics`: unknown skill group `generl`; did you mean `general`?
      36:1: missing_key: `logistics`: `name` is missing
      37:6: duplicate_id: `logistics`: skill group `logistics` is in line 25 already
      38:9: bad_hours: `logistics`: the group never opens
      42:11: unknown_intent: `late`: no known intent fits `shipping.dely`; did you mean `shipping.delay`?
      42:28: bad_value: `late`: `Shipping` is no intent; write `a.b` or `a.*`
      44:31: unknown_fact: `late`: unknown fact `vip_levle`; did you mean `vip_level`?
      47:23: bad_value: `late`: `sentiment` is never "坏"; its values: positive, neutral, negative
      49:22: type_mismatch: `late`: int cannot be ordered against string
      50:4: type_mismatch: `late`: the text searched must be string, not list of string
      50:28: unknown_function: `late`: unknown function `lower`
      50:69: syntax: `late`: the condition ends too early
      52:15: unknown_group: `late`: unknown skill group `logistic`; did you mean `logistics`?
      53:11: type_mismatch: `late`: expected true or false, found string
      56:6: duplicate_id: `late`: `late` is the id of the row in line 41 already
      57:10: type_mismatch: `late`: expected a string or an array of strings, found integer
      64:1: unreachable_row: `never`: never reached: the default row of [[route]] stands before it
      69:1: missing_default: [[impact]] needs a last row without `intent` and `when`: its default
      72:9: bad_value: `impact-one`: a score is 1 to 5
      75:6: bad_value: `Urgency default`: ids are words of small letters and digits joined by `-`
      78:1: missing_key: `value-default`: `score` is missing
      81:1: missing_key: `sla-default`: the default row of [[sla]] gives both `first_reply` and `resolve`
      83:15: bad_value: `sla-default`: `30 parsecs` is no time; write "30s", "2h 30m"
      84:9: bad_value: `sla-default`: `clock` is "always" or "hours", not "office"
      86:1: missing_key: `reply-empty`: the row gives neither `tags` nor `reply_hints`
    "#);
}

#[test]
fn the_minimal_file_is_sound() {
    check("minimal", "minimal", &[]);
}

#[test]
fn broken_toml_is_placed() {
    check("version = \"1\"", "version = \"1", &["2:13 syntax"]);
    check("[[route]]", "[[route]", &["20:9 syntax"]);
    check("score = 1", "score = 1\nscore = 2", &["32:1 syntax"]);
}

#[test]
fn sections_need_their_default_rows() {
    check(
        "id = \"value-default\"",
        "id = \"value-default\"\nwhen = ['true']",
        &["47:1 missing_default"],
    );
    check("[[impact]]\nid = \"impact-default\"\nscore = 1", "", &["1:1 missing_default"]);
    check("when = [\"urgency >= 2\"]", "", &["38:1 unreachable_row"]);
    check("resolve = \"5m\"", "", &["62:1 missing_key"]);
    check(
        "[[reply]]",
        "[[handoff]]\nid = \"h\"\nwhen = ['true']\nhandoff = true\n[[reply]]",
        &["67:1 missing_default"],
    );
}

#[test]
fn groups_must_hold_together() {
    let fallback = "fallback = \"general\"";
    check(fallback, "fallback = \"genral\"", &["17:12 unknown_group"]);
    check(fallback, "fallback = \"logistics\"", &["17:12 fallback_cycle"]);
    check(
        "hours = \"always\"",
        "hours = \"always\"\nfallback = \"logistics\"",
        &["12:12 fallback_cycle"],
    );
    check("hours = \"always\"", "hours = \"daily\"", &["11:9 bad_hours"]);
    check("to = \"12:00\"", "to = \"13:30\"", &["16:62 bad_hours"]);
    check("after_seconds = 60", "after_seconds = -1", &["18:51 bad_value"]);
    check("skill_group = \"logistics\"", "skill_group = \"logistic\"", &["23:15 unknown_group"]);
}

#[test]
fn intents_are_checked_where_they_are_known() {
    check("shipping.*", "shiping.*", &["22:11 unknown_intent"]);
    check("\"shipping.*\"", "\"invoice\", \"refund.status\"", &["22:22 unknown_intent"]);
    let unknown = MINIMAL.replace("shipping.*", "shiping.*");
    assert!(compile(&unknown, &CompileOptions::default()).is_ok());
}

#[test]
fn free_facts_are_declared_once_and_typed() {
    check("region = \"string\"", "region = \"int\"", &["44:10 type_mismatch"]);
    check("region = \"string\"", "", &["44:10 unknown_fact"]);
    check("region = \"string\"", "Region = \"string\"", &["6:1 bad_value", "44:10 unknown_fact"]);
}

#[test]
fn doubtful_files_serve_with_warnings() {
    let check = |from: &str, to: &str, expected: &[(usize, RuleWarningCode)]| {
        assert!(MINIMAL.contains(from), "{from}");
        let text = MINIMAL.replacen(from, to, 1);
        let rule_set = compile(&text, &CompileOptions::default()).expect(to);
        let found: Vec<_> = rule_set.warnings().iter().map(|w| (w.line, w.code)).collect();
        assert_eq!(found, expected, "{to}");
    };
    check("minimal", "minimal", &[]);
    check(
        "[[route]]\nid = \"route-default\"",
        "[[route]]\nid = \"late\"\nintent = [\"shipping.delay\"]\nwhen = ['urgency > 1']\n\
         skill_group = \"general\"\n[[route]]\nid = \"route-default\"",
        &[(25, RuleWarningCode::ShadowedRow)],
    );
    check(
        "[[sla]]\nid = \"sla-default\"",
        "[[sla]]\nid = \"sla-x\"\nwhen = ['channel == \"phone\"', 'urgency > 1']\n\
         first_reply = \"10s\"\nresolve = \"5s\"\n[[sla]]\nid = \"sla-default\"",
        &[(62, RuleWarningCode::SlaInverted)],
    );
    check(
        "skill_group = \"logistics\"",
        "skill_group = \"general\"",
        &[(13, RuleWarningCode::UnusedGroup)],
    );
    check("fallback = \"general\"", "", &[(13, RuleWarningCode::ChainCanClose)]);
}

#[test]
fn intents_left_to_the_default_row_are_pointed_out() {
    let known = known();
    let options = CompileOptions { known_intents: Some(&known) };
    let rule_set = compile(MINIMAL, &options).unwrap();
    let warnings: Vec<_> = rule_set.warnings().iter().map(ToString::to_string).collect();
    let expected = "25:1: uncovered_intents: `route-default`: takes intents that no row names: \
                    invoice";
    assert_eq!(warnings, [expected]);
}

proptest::proptest! {
    #[test]
    fn any_text_compiles_or_faults(
        cut in 0..MINIMAL.len(), len in 0..80usize, insert in "[\\[\\]{}=\"'a-z0-9退\n.,]{0,8}",
    ) {
        let cut = MINIMAL.floor_char_boundary(cut);
        let end = MINIMAL.floor_char_boundary((cut + len).min(MINIMAL.len()));
        let text = format!("{}{insert}{}", &MINIMAL[..cut], &MINIMAL[end..]);
        if let Err(error) = compile(&text, &CompileOptions::default()) {
            assert!(!error.faults().is_empty());
            let n_lines = text.split('\n').count();
            assert!(error.faults().iter().all(|f| (1..=n_lines).contains(&f.line) && f.column > 0));
        }
    }
}
