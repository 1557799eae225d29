use super::*;
use crate::routing::Facts;
use crate::routing::schema::FactType;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn schema() -> Schema<'static> {
    let free = [
        ("region", FactType::String),
        ("spend", FactType::Double),
        ("orders", FactType::Int),
        ("blocked", FactType::Bool),
        ("hobbies", FactType::List),
    ];
    let free = free.map(|(name, fact_type)| (name.to_owned(), fact_type));
    Schema { free: BTreeMap::from(free), known_intents: None }
}

fn facts() -> Facts {
    Facts {
        intent: "shipping.delay".into(),
        intent_score: 0.9,
        sentiment: "negative".into(),
        tags: vec!["vip".into(), "投诉敏感用户".into()],
        vip_level: 3,
        customer: [("region".to_owned(), "新疆".into()), ("orders".to_owned(), 4.into())]
            .into_iter()
            .collect(),
        ..Facts::default()
    }
}

fn evaluate(condition: &Condition, facts: &Facts) -> Result<bool, EvalError> {
    let (env, free) = (Arc::new(cel::Env::stdlib()), schema().free);
    // Wednesday, a quarter past nine.
    let view = View::new(facts, &free, date(2026, 11, 18).at(9, 15, 0, 0));
    condition.holds(&Evaluator::new(&view, &env))
}

/// `way` says who evaluates it: `n` natively, `c` the interpreter.
fn check(way: char, source: &str, expected: Result<bool, &str>) {
    let condition = Condition::compile(source, &schema()).expect(source);
    assert_eq!(condition.is_interpreted(), way == 'c', "{source}");
    let found = evaluate(&condition, &facts()).map_err(|error| error.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{source}");
}

#[test]
fn comparisons_hold_or_not() {
    check('n', r#"sentiment == "negative""#, Ok(true));
    check('n', r#""negative" != sentiment"#, Ok(false));
    check('n', r#"intent in ["shipping.delay", "shipping.track"]"#, Ok(true));
    check('n', r#"!(intent in ["shipping.track"])"#, Ok(true));
    check('n', r#""投诉敏感用户" in tags"#, Ok(true));
    check('n', r#""elderly" in tags"#, Ok(false));
    check('n', "vip_level >= 3 && intent_score > 0.85", Ok(true));
    check('n', "3 < vip_level || 1 > intent_score", Ok(true));
    check('n', "vip_level in [1, 3]", Ok(true));
    check('n', "urgency == 0.0", Ok(true));
    check('n', "!human_requested", Ok(true));
    check('n', "human_requested == false", Ok(true));
    check('n', r#"intent.startsWith("shipping.")"#, Ok(true));
    check('n', r#"intent.matches("^ship.*lay$")"#, Ok(true));
    check('n', r#"date >= "2026-11-01" && date < "2026-11-12""#, Ok(false));
    check('n', "hour == 9 && weekday == 3", Ok(true));
    check('n', "true", Ok(true));
    check('c', "size(tags) > 1", Ok(true));
    check('c', r#"tags.exists(t, t.contains("投诉"))"#, Ok(true));
    check('c', r#"tags.filter(t, t != "vip").size() == 1"#, Ok(true));
    check('c', "vip_level + urgency >= 3", Ok(true));
    check('c', r#"(vip_level > 2 ? "a" : "b") == "a""#, Ok(true));
    check('c', r#"human_requested || size(tags) == 2"#, Ok(true));
    check('c', r#"customer.region + "省" == "新疆省""#, Ok(true));
    check('c', "intent_score * 2.0 > 1.7 && customer.orders % 2 == 0", Ok(true));
}

#[test]
fn a_missing_free_fact_leaves_its_part_undecided() {
    let missing = Err("customer.spend is not given");
    check('n', "customer.spend > 100.0", missing);
    check('n', "!(customer.spend > 100.0)", missing);
    check('n', "customer.spend != 1.0", missing);
    check('n', "customer.spend > 100.0 || vip_level == 3", Ok(true));
    check('n', "customer.spend > 100.0 && vip_level == 1", Ok(false));
    check('n', "has(customer.spend) && customer.spend > 1.0", Ok(false));
    check('n', "has(customer.region)", Ok(true));
    check('n', "customer.blocked", Err("customer.blocked is not given"));
    check('c', "customer.spend * 2.0 > 1.0", missing);
    check('c', "(has(customer.region) ? 1 : 2) == 1", Ok(true));
    check('c', "size(customer.hobbies) == 0", Err("customer.hobbies is not given"));
}

#[test]
fn a_failing_operation_is_an_error_not_a_panic() {
    check('c', "vip_level / urgency > 1", Err("Division by zero of Int(3)"));
    check('c', r#"tags[7] == "vip""#, Err("Index out of bounds: Int(7)"));
}

fn check_flaws(source: &str, expected: &[(&str, RuleFaultCode, &str)]) {
    let known = ["invoice".to_owned(), "order.place".to_owned()];
    let schema = Schema { known_intents: Some(&known), ..schema() };
    let flaws = Condition::compile(source, &schema).expect_err(source);
    let found: Vec<_> =
        flaws.iter().map(|f| (&source[f.offset..], f.code, f.message.as_str())).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn flaws_are_found_with_their_place() {
    use RuleFaultCode::*;
    check_flaws(
        "\"退款\" == intnt && vip_level > \"3\"",
        &[
            (
                "intnt && vip_level > \"3\"",
                UnknownFact,
                "unknown fact `intnt`; did you mean `intent`?",
            ),
            ("vip_level > \"3\"", TypeMismatch, "int cannot be ordered against string"),
        ],
    );
    check_flaws("vip_level", &[("vip_level", TypeMismatch, "a condition must be bool, not int")]);
    check_flaws(
        "1 == 1 && urgency",
        &[("urgency", TypeMismatch, "an operand of `&&`, `||` and `!` must be bool, not int")],
    );
    check_flaws(
        "sentiment == \"negativ\"",
        &[(
            "\"negativ\"",
            BadValue,
            "`sentiment` is never \"negativ\"; did you mean `negative`?; \
             its values: positive, neutral, negative",
        )],
    );
    check_flaws(
        "channel in [\"app\", \"fax\"]",
        &[(
            "\"fax\"]",
            BadValue,
            "`channel` is never \"fax\"; its values: web, app, mini_program, \
             phone, official_account, social, community, email, marketplace, video, unknown",
        )],
    );
    check_flaws(
        "intent == \"invoices\"",
        &[("\"invoices\"", UnknownIntent, "unknown intent `invoices`; did you mean `invoice`?")],
    );
    check_flaws(
        "date >= \"11-11\"",
        &[("\"11-11\"", BadValue, "\"11-11\" is no date; write it like \"2026-11-11\"")],
    );
    check_flaws(
        "customer.regoin == \"新疆\"",
        &[(
            "customer.regoin == \"新疆\"",
            UnknownFact,
            "unknown fact `customer.regoin`; did you mean `region`?; \
             declare it under [facts] as `regoin = \"string\"`",
        )],
    );
    check_flaws(
        "region == \"新疆\"",
        &[(
            "region == \"新疆\"",
            UnknownFact,
            "unknown fact `region`; the free fact is `customer.region`",
        )],
    );
    check_flaws(
        "tags == \"vip\"",
        &[("tags == \"vip\"", TypeMismatch, "list of string is never equal to string")],
    );
    check_flaws(
        "sentiment in tags[0]",
        &[("tags[0]", TypeMismatch, "`in` needs a list at its right, not string")],
    );
    check_flaws(
        "intent.lower() == \"x\"",
        &[("intent.lower() == \"x\"", UnknownFunction, "unknown function `lower`")],
    );
    check_flaws(
        "intent.matches(\"(a\")",
        &[("\"(a\")", BadValue, "not a regular expression: unclosed group")],
    );
    check_flaws(
        "tags.exists(t, t > 3)",
        &[("t > 3)", TypeMismatch, "string cannot be ordered against int")],
    );
    check_flaws(
        "urgency + 0.5 > 1.0",
        &[(
            "urgency + 0.5 > 1.0",
            TypeMismatch,
            "`+` does not take int and double; see int() and double()",
        )],
    );
    check_flaws("\"退\" == intent &&", &[("", Syntax, "the condition ends too early")]);
    check_flaws(
        "intent = 1",
        &[("= 1", Syntax, "unexpected `= `"), ("1", Syntax, "unexpected `1`")],
    );
    check_flaws("urgency 1", &[("1", Syntax, "unexpected `1`")]);
    check_flaws(
        "null == intent",
        &[(
            "null == intent",
            TypeMismatch,
            "no fact is null; `has(customer.x)` asks whether one is given",
        )],
    );
}

#[test]
fn a_condition_may_not_be_endless() {
    let long = vec!["vip_level > 1"; 200].join(" || ");
    assert_eq!(Condition::compile(&long, &schema()).unwrap_err()[0].code, RuleFaultCode::BadValue);
    for nested in ["(".repeat(900), "!".repeat(900) + "x", "[".repeat(900), "-".repeat(900)] {
        assert!(Condition::compile(&nested, &schema()).is_err());
    }
}

/// Leaves that the native tree knows, and a few that it leaves to the interpreter.
fn leaf() -> impl Strategy<Value = String> {
    let ordering = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let number = prop::sample::select(vec![
        "vip_level",
        "urgency",
        "intent_score",
        "strikes",
        "hour",
        "customer.spend",
        "customer.orders",
    ]);
    let text = prop::sample::select(vec!["language", "customer.region", "lifecycle"]);
    let word = prop::sample::select(vec!["new", "active", "新疆", "", "churned"]);
    let fixed = prop::sample::select(vec![
        "human_requested",
        "customer.blocked == true",
        "has(customer.region)",
        "true",
        "vip_level in [1, 2.0, 3]",
        "\"vip\" in tags",
        "\"a\" in customer.hobbies",
        "size(tags) > 1",
        "tags.exists(t, t == \"vip\")",
        "customer.hobbies.all(h, h != \"b\")",
        "vip_level / urgency > 1",
    ]);
    prop_oneof![
        (number, ordering.clone(), -1..4i32).prop_map(|(n, o, v)| format!("{n} {o} {v}")),
        (text.clone(), ordering, word.clone())
            .prop_filter("not a value", |(t, _, w)| *t != "lifecycle"
                || ["new", "active"].contains(w))
            .prop_map(|(t, o, w)| format!("{t} {o} \"{w}\"")),
        (word.clone(), word).prop_map(|(a, b)| format!("customer.region in [\"{a}\", \"{b}\"]")),
        (text, Just("w")).prop_map(|(t, w)| format!("{t}.contains(\"{w}\")")),
        fixed.prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let customer = prop::collection::btree_map(
        prop::sample::select(vec!["region", "spend", "orders", "blocked", "hobbies"]),
        prop_oneof![
            Just(serde_json::json!("新疆")),
            Just(serde_json::json!(2)),
            Just(serde_json::json!(1.5)),
            Just(serde_json::json!(true)),
            Just(serde_json::json!(["a", "b"])),
            Just(serde_json::Value::Null),
        ],
        0..5,
    );
    let tags = prop::collection::vec(prop::sample::select(vec!["vip", "elderly"]), 0..3);
    let lifecycle = prop::sample::select(vec!["new", "active", "churned"]);
    (customer, tags, lifecycle, 0..4i64, 0..4i64, 0..5i64, 0.0..1.0f64, any::<bool>()).prop_map(
        |(customer, tags, lifecycle, vip_level, urgency, strikes, intent_score, asked)| Facts {
            customer: customer.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            lifecycle: lifecycle.into(),
            vip_level,
            urgency,
            strikes,
            intent_score,
            human_requested: asked,
            ..Facts::default()
        },
    )
}

proptest! {
    #[test]
    fn native_and_interpreted_agree(source in expression(), facts in any_facts()) {
        let schema = schema();
        let condition = Condition::compile(&source, &schema).expect(&source);
        let program = cel::Program::compile(&source).unwrap();
        let interpreted = Condition {
            source: condition.source.clone(),
            facts: condition.facts.clone(),
            node: Node::Cel(Box::new(program.expression().clone()), condition.facts.clone()),
        };
        let native = evaluate(&condition, &facts).ok();
        prop_assert_eq!(native, evaluate(&interpreted, &facts).ok(), "{}", source);
    }

    #[test]
    fn compiling_never_panics(source in "[a-z(){}\\[\\]!&|<>=+*/%?:.,\"' 0-9\\\\退]{0,60}") {
        let _ = Condition::compile(&source, &schema());
    }

    #[test]
    fn compiling_words_never_panics(words in prop::collection::vec(prop::sample::select(vec![
        "tags", "intent", "customer", ".", "x", "(", ")", "[", "]", "&&", "||", "!", "==", "<",
        "in", "exists", "map", "has", ",", "\"退\"", "1", "1.5", "?", ":", "+", "-", "{", "}",
        "true", "null", "size", "r\"", "b'a'", "1u", "exists_one", "all", "filter",
    ]), 0..14)) {
        let _ = Condition::compile(&words.join(" "), &schema());
        let _ = Condition::compile(&words.concat(), &schema());
    }
}
