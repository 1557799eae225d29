//! How hard a matter is (requirement U6), and why. Pure.
//!
//! The intent gives a base level (`config/intents.toml`); wording, amounts and what the conversation
//! knows raise it, never lower it. That the model is unsure raises nothing: not knowing what is
//! wanted is a reason to ask, not one to call an expert.

use super::catalogue::Complexity;
use crate::text::entity::{Entity, EntityKind};
use crate::text::lexicon::{Reading, Trouble};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Failed bot turns in a row from which a person is needed: one may be a slip of the bot.
const STRIKES_FOR_PERSON: u8 = 2;
/// Matters in one message that no single answer settles; two are often one and its detail (退货 and
/// 运费).
const SEVERAL_MATTERS: usize = 3;
/// Technicians' words that make a fault one for experts; a single one is also in plain questions.
const FAULTS_FOR_EXPERT: usize = 2;

/// Why a matter is no standard question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComplexityReason {
    /// The intent by itself.
    Intent,
    /// Tried, promised or refused before (第三次了, 还是不行, 上次说).
    RepeatedFailure,
    /// A quarrel about facts, conduct or money (虚假宣传, 不认账).
    Dispute,
    /// Law, authorities, expert opinions (律师, 12315).
    Legal,
    /// Danger or injury (漏电, 过敏, 住院).
    Danger,
    /// Account, money or identity stolen.
    Theft,
    /// Damage, loss, a wrong item, a fault.
    Damage,
    /// A fault described as technicians do (报错, 固件).
    TechnicalFault,
    /// An amount above the shop's limit.
    LargeAmount,
    /// Several matters in one message.
    SeveralMatters,
    /// The bot failed before.
    Strikes,
    /// The conversation was handed over before.
    EarlierHandoff,
}

/// What the conversation knows beside the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Failed bot turns in a row.
    pub strikes: u8,
    /// Earlier hand-overs to a person.
    pub handoffs: u32,
}

/// A level and the reasons for it, each once, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// How hard.
    pub level: Complexity,
    /// Why; empty for a standard question.
    pub reasons: Vec<ComplexityReason>,
}

/// Judges one message; `base` is its intent's level, `large_amount` the shop's limit in yuan.
#[must_use]
pub fn assess(
    base: Complexity,
    words: &Reading,
    entities: &[Entity],
    large_amount: f64,
) -> Assessment {
    let mut found = Assessment::default();
    found.raise(base, ComplexityReason::Intent);
    let has = |trouble| words.troubles.contains(&trouble);
    for trouble in &words.troubles {
        match trouble {
            Trouble::RepeatedFailure => {
                found.raise(Complexity::Human, ComplexityReason::RepeatedFailure);
            }
            Trouble::Dispute => found.raise(Complexity::Human, ComplexityReason::Dispute),
            Trouble::Damage => found.raise(Complexity::Human, ComplexityReason::Damage),
            Trouble::Legal => found.raise(Complexity::Expert, ComplexityReason::Legal),
            Trouble::Danger => found.raise(Complexity::Expert, ComplexityReason::Danger),
            Trouble::Theft => found.raise(Complexity::Expert, ComplexityReason::Theft),
            Trouble::Fault => {}
        }
    }
    let n_faults = words.troubles.iter().filter(|trouble| **trouble == Trouble::Fault).count();
    if n_faults >= FAULTS_FOR_EXPERT || (n_faults > 0 && has(Trouble::Damage)) {
        found.raise(Complexity::Expert, ComplexityReason::TechnicalFault);
    }
    if entities.iter().any(|entity| amount(entity) >= large_amount) {
        let claimed = has(Trouble::Dispute) || has(Trouble::Legal) || has(Trouble::Danger);
        let level = if claimed { Complexity::Expert } else { Complexity::Human };
        found.raise(level, ComplexityReason::LargeAmount);
    }
    if words.n_matters >= SEVERAL_MATTERS {
        found.raise(Complexity::Human, ComplexityReason::SeveralMatters);
    }
    found
}

impl Assessment {
    /// Adds what the conversation knows.
    pub fn consider(&mut self, history: History) {
        if history.strikes >= STRIKES_FOR_PERSON {
            self.raise(Complexity::Human, ComplexityReason::Strikes);
        }
        if history.handoffs > 0 {
            self.raise(Complexity::Human, ComplexityReason::EarlierHandoff);
        }
    }

    fn raise(&mut self, level: Complexity, reason: ComplexityReason) {
        if level > Complexity::Standard && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
            self.level = self.level.max(level);
        }
    }
}

/// The amount in yuan; 0 for other entities.
fn amount(entity: &Entity) -> f64 {
    match entity.kind {
        EntityKind::Amount => entity.value.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::entity::{EntityFinder, Products};
    use crate::text::lexicon::Lexicon;
    use crate::text::normalize::Normalizer;
    use ComplexityReason::*;
    use std::sync::LazyLock;

    fn judge(base: Complexity, text: &str) -> Assessment {
        static TOOLS: LazyLock<(Lexicon, Normalizer, EntityFinder)> = LazyLock::new(|| {
            (Lexicon::new(), Normalizer::new(), EntityFinder::new(Products::none()))
        });
        let (lexicon, normalizer, finder) = &*TOOLS;
        let normalized = normalizer.normalize(text);
        let entities =
            finder.find(text, &normalized, jiff::civil::date(2026, 11, 21).at(9, 0, 0, 0));
        assess(base, &lexicon.read(text, &normalized), &entities, 1000.0)
    }

    #[test]
    fn wording_raises_the_level_and_names_its_reasons() {
        use Complexity::*;
        let table = [
            ("怎么开发票", Standard, &[][..]),
            ("第三次了还是不行", Human, &[RepeatedFailure]),
            ("虚假宣传，你们不认账", Human, &[Dispute]),
            ("再不退我就打12315", Expert, &[Legal]),
            ("插座漏电了", Expert, &[Danger]),
            ("账号被盗，钱被人转走", Expert, &[Theft]),
            ("杯子碎了", Human, &[Damage]),
            ("空调报错，断电重启也没用", Expert, &[TechnicalFault]),
            ("退款1500元什么时候到", Human, &[LargeAmount]),
            ("要赔我3000元", Expert, &[Dispute, LargeAmount]),
            ("退款，发票重开，积分也没到", Human, &[SeveralMatters]),
            ("漏电保护器多少钱", Standard, &[]),
        ];
        for (text, level, reasons) in table {
            let expected = Assessment { level, reasons: reasons.to_vec() };
            assert_eq!(judge(Standard, text), expected, "{text}");
        }
        let by_intent = judge(Complexity::Human, "我要修手机");
        assert_eq!((by_intent.level, &by_intent.reasons[..]), (Human, &[Intent][..]));
    }

    #[test]
    fn the_conversation_raises_the_level_and_never_lowers_it() {
        let considered = |text, strikes, handoffs| {
            let mut found = judge(Complexity::Standard, text);
            found.consider(History { strikes, handoffs });
            found
        };
        assert_eq!(considered("怎么改地址", 1, 0), Assessment::default());
        assert_eq!(considered("怎么改地址", 2, 0).reasons, [Strikes]);
        assert_eq!(considered("怎么改地址", 0, 1).reasons, [EarlierHandoff]);
        let worse = considered("漏电了", 3, 1);
        assert_eq!(worse.level, Complexity::Expert);
        assert_eq!(worse.reasons, [Danger, Strikes, EarlierHandoff]);
    }
}
