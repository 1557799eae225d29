//! Deciding by rules: the shipped rule set and a generated one of 1,000 rows.
//!
//! Measured: one call on one thread, over 256 seeded sets of facts in turn, so that rows at the
//! beginning and at the end of a section match; compiling, which a reload costs once. Left out:
//! gathering the facts, swapping a set in.
//!
//! The generated set has the shape of the shipped one with ten times the rows: half of them route,
//! eight in ten name an intent, one a family of intents, one none; one condition in ten is left to
//! the CEL interpreter.

mod support;

use anyhow::{Context, ensure};
use fenzhen::config::Config;
use fenzhen::model::Bundle;
use fenzhen::routing::{CompileOptions, Facts, RuleSet};
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt::Write;
use std::hint::black_box;
use support::{Bench, measure};

const SEED: u64 = 20_261_121;
/// Sets of facts decided on in turn.
const N_FACTS: usize = 256;
/// A Saturday at ten in the morning in China: every group but one works.
const NOW: &str = "2026-11-21T10:00:00+08:00";

/// Rows of the generated set, default rows included, with what each of a section says.
const SECTIONS: [(&str, usize, &str); 7] = [
    ("route", 500, "skill_group = \"group-{}\""),
    ("handoff", 50, "handoff = true"),
    ("impact", 75, "score = 3"),
    ("urgency", 100, "score = 4"),
    ("value", 75, "score = 2"),
    ("sla", 75, "first_reply = \"30s\"\nresolve = \"2h\""),
    ("reply", 125, "tags = [\"tag\"]\nreply_hints = [\"先安抚再处理。\"]"),
];
const N_GROUPS: usize = 12;
const REGIONS: [&str; 6] = ["新疆", "西藏", "浙江", "广东", "四川", "北京"];
const TAGS: [&str; 6] = ["vip", "高价值用户", "投诉敏感用户", "新品关注者", "elderly", "young"];
const CHANNELS: [&str; 5] = ["app", "web", "phone", "email", "mini_program"];
const SENTIMENTS: [&str; 3] = ["negative", "neutral", "positive"];
const EMOTIONS: [&str; 5] = ["angry", "anxious", "disappointed", "pleased", "calm"];

fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let bundle = Bundle::load(&config.model.intent)?;
    let intents: Vec<String> = bundle.labels().names().iter().map(ToString::to_string).collect();
    let now: Timestamp = NOW.parse()?;
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(SEED));
    let generated = generated(&intents, &mut draw)?;
    let fact_sets: Vec<Facts> = (0..N_FACTS).map(|_| facts(&intents, &mut draw)).collect();
    let shipped = std::fs::read_to_string(&config.rules.file).context("the rule file")?;
    let options = CompileOptions { known_intents: Some(&intents) };

    let mut bench = Bench::from_args();
    for (name, text) in [("shipped", shipped), ("generated", generated)] {
        let rule_set = RuleSet::parse(&text, &options)?;
        let n_rows = rule_set.rows().len();
        check(name, &rule_set, &fact_sets, now)?;
        let mut fact_sets = fact_sets.iter().cycle();
        let mut next = || fact_sets.next().expect("a cycle has no end");
        measure(&mut bench, &format!("decide, {name}, {n_rows} rows"), || {
            rule_set.decide(black_box(next()), now)
        });
        measure(&mut bench, &format!("explain, {name}, {n_rows} rows"), || {
            rule_set.explain(black_box(next()), now)
        });
        measure(&mut bench, &format!("compile, {name}, {n_rows} rows"), || {
            RuleSet::parse(black_box(&text), &options)
        });
    }
    bench.finish();
    Ok(())
}

/// Both ways agree on all facts, and the sets are what their names say.
fn check(
    name: &str,
    rule_set: &RuleSet,
    fact_sets: &[Facts],
    now: Timestamp,
) -> anyhow::Result<()> {
    for facts in fact_sets {
        let (explained, _) = rule_set.explain(facts, now);
        ensure!(rule_set.decide(facts, now) == explained, "{facts:?}");
    }
    if name == "generated" {
        ensure!(rule_set.rows().len() == 1_000);
        let mut routes: Vec<_> = fact_sets
            .iter()
            .map(|facts| rule_set.decide(facts, now).matched.swap_remove(0))
            .collect();
        routes.sort_unstable();
        routes.dedup();
        ensure!(routes.len() > 50, "only {} rows of 500 ever route", routes.len());
    } else {
        let facts = Facts { intent: "shipping.delay".into(), ..Facts::default() };
        ensure!(rule_set.decide(&facts, now).skill_group.id == "logistics");
    }
    Ok(())
}

/// Seeded choices.
struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        // The bias of the remainder is far below what a bench could show.
        self.0.next_u32() as usize % n
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn intent<'a>(&mut self, intents: &'a [String]) -> &'a str {
        &intents[self.below(intents.len())]
    }
}

/// The text of the generated rule file.
fn generated(intents: &[String], draw: &mut Draw) -> anyhow::Result<String> {
    let mut text = String::from(
        "name = \"bench\"\nversion = \"1\"\ntimezone = \"Asia/Shanghai\"\n\
         [facts]\nregion = \"string\"\nannual_spend = \"double\"\n",
    );
    for group in 0..N_GROUPS {
        writeln!(text, "[[skill_group]]\nid = \"group-{group}\"\nname = \"第{group}组\"")?;
        writeln!(text, "description = \"A group\"\nhours = \"always\"")?;
        if group > 0 {
            writeln!(text, "fallback = \"group-0\"")?;
        }
    }
    for (section, n_rows, outputs) in SECTIONS {
        for row in 1..=n_rows {
            writeln!(text, "[[{section}]]\nid = \"{section}-{row}\"\ndescription = \"A row\"")?;
            let is_default = row == n_rows && section != "reply";
            if !is_default {
                text.push_str(&conditions(intents, draw));
            }
            let outputs = match (section, is_default) {
                ("handoff", true) => "handoff = false".to_owned(),
                _ => outputs.replace("{}", &draw.below(N_GROUPS).to_string()),
            };
            writeln!(text, "{outputs}")?;
        }
    }
    Ok(text)
}

/// The intent column, and the more conditions the wider it is: a row early in the file that fits
/// most turns would leave the rest without work.
fn conditions(intents: &[String], draw: &mut Draw) -> String {
    let intent = draw.intent(intents);
    let (column, n_conditions) = match (draw.below(10), intent.split_once('.')) {
        (0, _) => (String::new(), 3),
        (1, Some((family, _))) => (format!("intent = [\"{family}.*\"]\n"), 2),
        _ => (format!("intent = [\"{intent}\"]\n"), 1 + draw.below(2)),
    };
    let conditions: Vec<String> = (0..n_conditions).map(|_| condition(draw)).collect();
    format!("{column}when = ['{}']\n", conditions.join("', '"))
}

fn condition(draw: &mut Draw) -> String {
    let level = 1 + draw.below(3);
    match draw.below(10) {
        0 => format!("vip_level >= {level}"),
        1 => format!("customer.region == \"{}\"", draw.of(&REGIONS)),
        2 => format!("customer.annual_spend >= {level}000.0"),
        3 => format!("sentiment == \"negative\" && sentiment_score >= 0.{}", 5 + level),
        4 => format!("emotion in [\"{}\", \"{}\"]", draw.of(&EMOTIONS), draw.of(&EMOTIONS)),
        5 => format!("urgency >= {level} || strikes >= 2"),
        6 => format!("channel == \"{}\"", draw.of(&CHANNELS)),
        7 => format!("\"{}\" in tags", draw.of(&TAGS)),
        8 => format!("hour >= {} && weekday <= 5", 6 + level),
        _ => format!("tags.exists(tag, tag.startsWith(\"{}\"))", draw.of(&TAGS)),
    }
}

/// A customer and a message.
fn facts(intents: &[String], draw: &mut Draw) -> Facts {
    let spend = draw.below(30) as f64 * 1000.0;
    let mut customer = serde_json::Map::new();
    customer.insert("region".to_owned(), draw.of(&REGIONS).into());
    customer.insert("annual_spend".to_owned(), spend.into());
    Facts {
        intent: draw.intent(intents).to_owned(),
        intent_score: 0.9,
        sentiment: draw.of(&SENTIMENTS).to_owned(),
        sentiment_score: draw.below(100) as f64 / 100.0,
        emotion: draw.of(&EMOTIONS).to_owned(),
        urgency: draw.below(4) as i64,
        complexity: draw.of(&["standard", "human", "expert"]).to_owned(),
        tags: (0..draw.below(3)).map(|_| draw.of(&TAGS).to_owned()).collect(),
        vip_level: draw.below(4) as i64,
        channel: draw.of(&CHANNELS).to_owned(),
        strikes: draw.below(3) as i64,
        customer,
        ..Facts::default()
    }
}
