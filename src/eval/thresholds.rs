//! Choosing when to act, when to ask and when to reject, by what each mistake costs.
//!
//! A threshold is a business decision: a desk with idle people and one with a queue of an hour want
//! different ones from the same model. [`CostTable`] says what mistakes cost; every setting of its
//! grid is tried on labelled rows, the cheapest is chosen. The rates are those of the rows it was
//! chosen on and so a little too good; [`ThresholdReport::held_out_cost`] is not.

use super::{
    DataInfo, EvalError, Interval,
    bootstrap::{Bootstrap, wilson},
    metrics::{mean, ratio},
};
use crate::model::{Outcome, Thresholds};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// Labels of complaints begin with this (taxonomy of the project).
pub const COMPLAINT_PREFIX: &str = "complaint.";
/// Parts that are left out in turn; five as is usual, each still with some 200 rows.
const N_FOLDS: usize = 5;

/// `config/costs.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// What mistakes cost.
    pub costs: Costs,
    /// Which settings are tried.
    pub search: Search,
}

/// Cost of one message, in wrong routes; none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// In scope, acted on with another intent than meant.
    pub wrong_route: f64,
    /// Out of scope and acted on.
    pub out_of_scope_answered: f64,
    /// Asked back, but the first guess was right, or the intent meant was not among those offered.
    pub needless_question: f64,
    /// In scope and rejected.
    pub needless_transfer: f64,
    /// A complaint acted on as something else or rejected, instead of the other two costs.
    pub missed_complaint: f64,
}

/// Values tried of each threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Of the lowest score acted on.
    pub accept: Grid,
    /// Of the lowest score asked about.
    pub clarify: Grid,
    /// Of the out-of-scope score above which is rejected.
    pub reject_above: Grid,
}

/// `min`, `min + step`, … up to `max`, all in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The first value.
    pub min: f64,
    /// No value is higher.
    pub max: f64,
    /// Above 0.
    pub step: f64,
}

impl CostTable {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`EvalError::Read`], or [`EvalError::CostTable`] with what is wrong.
    pub fn load(path: &Path) -> Result<Self, EvalError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
        let fault = |fault| EvalError::CostTable { path: path.to_owned(), fault };
        let table: Self = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        table.check().map_err(fault)?;
        Ok(table)
    }

    fn check(&self) -> Result<(), String> {
        let Costs {
            wrong_route,
            out_of_scope_answered,
            needless_question,
            needless_transfer,
            missed_complaint,
        } = self.costs;
        let costs = [
            wrong_route,
            out_of_scope_answered,
            needless_question,
            needless_transfer,
            missed_complaint,
        ];
        if !costs.iter().all(|cost| cost.is_finite() && *cost >= 0.0) {
            return Err("a cost is negative or no number".to_owned());
        }
        let Search { accept, clarify, reject_above } = self.search;
        for (name, Grid { min, max, step }) in
            [("accept", accept), ("clarify", clarify), ("reject_above", reject_above)]
        {
            // A step below a thousandth is a slip of the pen and would search for hours.
            if !(0.0 <= min && min <= max && max <= 1.0 && step >= 0.001) {
                return Err(format!(
                    "search.{name}: 0 <= min <= max <= 1 and step >= 0.001 must hold"
                ));
            }
        }
        if self.search.clarify.min > self.search.accept.max {
            return Err("search: no clarify is as low as an accept".to_owned());
        }
        Ok(())
    }
}

impl Grid {
    /// Rounded to six places, so that 0.15 + 0.05 is 0.2.
    fn values(self) -> impl Iterator<Item = f32> {
        // Half a millionth: the last step may miss `max` by a rounding.
        let n = ((self.max - self.min + 5e-7) / self.step).floor() as usize;
        (0..=n).map(move |i| (((self.min + i as f64 * self.step) * 1e6).round() / 1e6) as f32)
    }
}

/// One labelled message, as far as costs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// It is none of the intents.
    pub is_out_of_scope: bool,
    /// It is a complaint.
    pub is_complaint: bool,
    /// The best label is the right one.
    pub is_right: bool,
    /// The best label is that of a complaint.
    pub is_taken_for_complaint: bool,
    /// The right label is among those a question would offer.
    pub is_offered: bool,
}

/// One point of the search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The lowest score acted on.
    pub accept: f32,
    /// The lowest score asked about.
    pub clarify: f32,
    /// The out-of-scope score above which is rejected, 1: never; absent for a model without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_above: Option<f32>,
}

impl Setting {
    /// Without the bound on the out-of-scope score.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { accept: self.accept, clarify: self.clarify }
    }
}

/// A share of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Rows counted.
    pub n: usize,
    /// Rows that could have been.
    pub of: usize,
    /// `n / of`, 0 of none.
    pub rate: f64,
    /// Wilson.
    pub ci95: Interval,
}

impl Rate {
    fn new(n: usize, of: usize) -> Self {
        Self { n, of, rate: ratio(n, of), ci95: wilson(n, of) }
    }
}

/// What a setting does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The setting.
    pub setting: Setting,
    /// Mean cost of a message, in wrong routes.
    pub cost: f64,
    /// BCa bootstrap.
    pub cost_ci95: Interval,
    /// Of all rows: acted on.
    pub accepted: Rate,
    /// Of all rows: asked about.
    pub clarified: Rate,
    /// Of all rows: rejected.
    pub rejected: Rate,
    /// Of those acted on: with the right intent.
    pub right_of_accepted: Rate,
    /// Of those in scope: rejected.
    pub in_scope_rejected: Rate,
    /// Of those out of scope: acted on.
    pub oos_accepted: Rate,
    /// Of the complaints: acted on as something else, or rejected.
    pub complaints_missed: Rate,
}

impl Effect {
    /// The rates by name, as they are printed and stored.
    #[must_use]
    pub fn rates(&self) -> [(&'static str, Rate); 7] {
        [
            ("accepted", self.accepted),
            ("clarified", self.clarified),
            ("rejected", self.rejected),
            ("right_of_accepted", self.right_of_accepted),
            ("in_scope_rejected", self.in_scope_rejected),
            ("oos_accepted", self.oos_accepted),
            ("complaints_missed", self.complaints_missed),
        ]
    }
}

/// The cost along one threshold, the others as chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The threshold.
    pub value: f32,
    /// Mean cost of a message.
    pub cost: f64,
    /// Share of the rows acted on.
    pub accepted: f64,
    /// Share of these with the right intent.
    pub right_of_accepted: f64,
    /// Share of the rows rejected.
    pub rejected: f64,
}

/// The choice and what surrounds it. Field names are part of the interface
/// (`fenzhen eval thresholds --json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdReport {
    /// What was measured, as the caller names it.
    pub model: Option<String>,
    /// On which rows.
    pub data: DataInfo,
    /// Seed of the intervals.
    pub seed: u64,
    /// What was searched and at which costs.
    pub table: CostTable,
    /// The cheapest setting; of equal ones the lowest accept, which asks the customer least.
    pub chosen: Effect,
    /// What the model does as it is.
    pub current: Effect,
    /// Thresholds that lie at an end of their grid: another grid might give a cheaper one.
    pub at_bound: Vec<String>,
    /// Mean cost of rows that the setting was not chosen on: each fifth of the rows under the
    /// cheapest setting of the other four.
    pub held_out_cost: f64,
    /// By threshold.
    pub curves: BTreeMap<String, Vec<CurvePoint>>,
}

/// What is measured: labelled rows, and what a setting makes of each.
pub struct Sample<'a, D> {
    /// At least one.
    pub rows: &'a [Row],
    /// The outcome of a row, by its number, under a setting.
    pub decide: D,
}

impl<D: Fn(usize, &Setting) -> Outcome + Sync> Sample<'_, D> {
    /// Tries every setting of the grid; bounds on the out-of-scope score only where the model has one.
    pub fn choose(
        &self,
        data: DataInfo,
        table: &CostTable,
        current: Setting,
        has_score: bool,
        bootstrap: &Bootstrap,
    ) -> ThresholdReport {
        let settings = table.search.settings(has_score);
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let chosen = self.cheapest(&settings, &table.costs, &all);
        ThresholdReport {
            model: None,
            data,
            seed: bootstrap.seed,
            table: table.clone(),
            chosen: self.effect(chosen, &table.costs, bootstrap),
            current: self.effect(current, &table.costs, bootstrap),
            at_bound: table.search.at_bound(&chosen),
            held_out_cost: self.held_out_cost(&settings, &table.costs),
            curves: self.curves(&chosen, table, has_score),
        }
    }

    /// Settings come in order of preference: the first of equally cheap ones is taken.
    fn cheapest(&self, settings: &[Setting], costs: &Costs, rows: &[usize]) -> Setting {
        let cost = |setting: &Setting| self.cost(setting, costs, rows);
        *settings
            .iter()
            .map(|setting| (setting, cost(setting)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("a checked table has a setting")
            .0
    }

    fn cost(&self, setting: &Setting, costs: &Costs, rows: &[usize]) -> f64 {
        mean(rows.iter().map(|row| costs.of(&self.rows[*row], (self.decide)(*row, setting))))
    }

    fn held_out_cost(&self, settings: &[Setting], costs: &Costs) -> f64 {
        let n = self.rows.len();
        let sum: f64 = (0..N_FOLDS.min(n))
            .map(|fold| {
                let (held_out, others): (Vec<usize>, Vec<usize>) =
                    (0..n).partition(|row| row % N_FOLDS == fold);
                let setting = self.cheapest(settings, costs, &others);
                self.cost(&setting, costs, &held_out) * held_out.len() as f64
            })
            .sum();
        sum / n as f64
    }

    fn effect(&self, setting: Setting, costs: &Costs, bootstrap: &Bootstrap) -> Effect {
        let outcomes: Vec<Outcome> =
            (0..self.rows.len()).map(|row| (self.decide)(row, &setting)).collect();
        let cost_of: Vec<f64> =
            self.rows.iter().zip(&outcomes).map(|(row, outcome)| costs.of(row, *outcome)).collect();
        let pairs = || self.rows.iter().zip(outcomes.iter().copied());
        let share = |part: fn(&Row, Outcome) -> bool, whole: fn(&Row, Outcome) -> bool| {
            let of = pairs().filter(|(row, outcome)| whole(row, *outcome)).count();
            let both =
                |(row, outcome): &(&Row, Outcome)| part(row, *outcome) && whole(row, *outcome);
            Rate::new(pairs().filter(both).count(), of)
        };
        let cost_mean = |rows: &[usize]| mean(rows.iter().map(|row| cost_of[*row]));
        Effect {
            setting,
            cost: mean(cost_of.iter().copied()),
            cost_ci95: bootstrap.bca(cost_of.len(), cost_mean),
            accepted: share(|_, o| o == Outcome::Accept, |_, _| true),
            clarified: share(|_, o| o == Outcome::Clarify, |_, _| true),
            rejected: share(|_, o| o == Outcome::Reject, |_, _| true),
            right_of_accepted: share(|row, _| row.is_right, |_, o| o == Outcome::Accept),
            in_scope_rejected: share(|_, o| o == Outcome::Reject, |row, _| !row.is_out_of_scope),
            oos_accepted: share(|_, o| o == Outcome::Accept, |row, _| row.is_out_of_scope),
            complaints_missed: share(Row::is_missed, |row, _| row.is_complaint),
        }
    }

    fn curves(
        &self,
        chosen: &Setting,
        table: &CostTable,
        has_score: bool,
    ) -> BTreeMap<String, Vec<CurvePoint>> {
        let Search { accept, clarify, .. } = table.search;
        let curve = |values: Vec<f32>, set: fn(&mut Setting, f32)| -> Vec<CurvePoint> {
            let settings = values.into_iter().map(|value| {
                let mut setting = *chosen;
                set(&mut setting, value);
                (value, setting)
            });
            let ordered = settings.filter(|(_, setting)| setting.clarify <= setting.accept);
            ordered.map(|(value, setting)| self.point(value, &setting, &table.costs)).collect()
        };
        let mut curves = BTreeMap::from([
            ("accept".to_owned(), curve(accept.values().collect(), |s, v| s.accept = v)),
            ("clarify".to_owned(), curve(clarify.values().collect(), |s, v| s.clarify = v)),
        ]);
        if has_score {
            let bounds = curve(table.search.bounds(), |s, v| s.reject_above = Some(v));
            curves.insert("reject_above".to_owned(), bounds);
        }
        curves
    }

    fn point(&self, value: f32, setting: &Setting, costs: &Costs) -> CurvePoint {
        let (mut cost, mut accepted, mut right, mut rejected) = (0.0, 0, 0, 0);
        for (idx, row) in self.rows.iter().enumerate() {
            let outcome = (self.decide)(idx, setting);
            cost += costs.of(row, outcome);
            accepted += usize::from(outcome == Outcome::Accept);
            right += usize::from(outcome == Outcome::Accept && row.is_right);
            rejected += usize::from(outcome == Outcome::Reject);
        }
        let n = self.rows.len();
        CurvePoint {
            value,
            cost: cost / n as f64,
            accepted: ratio(accepted, n),
            right_of_accepted: ratio(right, accepted),
            rejected: ratio(rejected, n),
        }
    }
}

impl Row {
    fn is_missed(&self, outcome: Outcome) -> bool {
        self.is_complaint
            && match outcome {
                Outcome::Accept => !self.is_taken_for_complaint,
                Outcome::Clarify => false,
                Outcome::Reject => true,
            }
    }
}

impl Costs {
    fn of(&self, row: &Row, outcome: Outcome) -> f64 {
        match outcome {
            _ if row.is_missed(outcome) => self.missed_complaint,
            Outcome::Accept if row.is_out_of_scope => self.out_of_scope_answered,
            Outcome::Accept if !row.is_right => self.wrong_route,
            // A question is worth its price only where it leads from a wrong intent to the right one.
            Outcome::Clarify if row.is_right || row.is_out_of_scope || !row.is_offered => {
                self.needless_question
            }
            Outcome::Reject if !row.is_out_of_scope => self.needless_transfer,
            _ => 0.0,
        }
    }
}

impl Search {
    /// Every setting, in order of preference among equally cheap ones: low accept, low clarify, and
    /// as little rejecting as possible.
    fn settings(&self, has_score: bool) -> Vec<Setting> {
        let bounds: Vec<Option<f32>> = match has_score {
            true => self.bounds().into_iter().map(Some).collect(),
            false => vec![None],
        };
        let mut settings = Vec::new();
        for accept in self.accept.values() {
            for clarify in self.clarify.values().filter(|clarify| *clarify <= accept) {
                let of = |reject_above: &Option<f32>| Setting {
                    accept,
                    clarify,
                    reject_above: *reject_above,
                };
                settings.extend(bounds.iter().map(of));
            }
        }
        settings
    }

    /// 1, which no score exceeds, then the grid from its highest value.
    fn bounds(&self) -> Vec<f32> {
        let mut bounds: Vec<f32> = self.reject_above.values().filter(|v| *v < 1.0).collect();
        bounds.push(1.0);
        bounds.reverse();
        bounds
    }

    fn at_bound(&self, chosen: &Setting) -> Vec<String> {
        let thresholds = [
            ("accept", self.accept, Some(chosen.accept)),
            ("clarify", self.clarify, Some(chosen.clarify)),
            ("reject_above", self.reject_above, chosen.reject_above),
        ];
        let is_end = |grid: Grid, value: f32| {
            let values: Vec<f32> = grid.values().collect();
            values.len() > 1 && (values.first() == Some(&value) || values.last() == Some(&value))
        };
        thresholds
            .into_iter()
            .filter(|(_, grid, value)| value.is_some_and(|value| is_end(*grid, value)))
            .map(|(name, ..)| name.to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests;
