//! Rules: from facts to a decision.
//!
//! [`RuleSet::parse`] compiles a declarative TOML file: ordered rows whose conditions are CEL over
//! the typed [`Facts`]. [`RuleSet::decide`] names skill group, priority, deadlines, tags and reply
//! hints of one turn; [`RuleSet::explain`] says the same and why. [`case`] runs rule cases that
//! people write beside the file.
//!
//! # Evaluation
//! The sections are evaluated one after the other, independently: `route`, `handoff`, `impact`,
//! `urgency`, `value`, `sla`, `reply`. In each the first matching row counts; `sla` takes each
//! deadline from the first row that gives it, `reply` collects all matching rows. Every section
//! but `reply` ends with a default row, so there is always a decision.
//!
//! # Invariants
//! No I/O but reading the zone database at load, no clock, no threads: time is an argument. The
//! module imports no other module of the crate. Rules call no model and no function with effects.

mod calendar;
pub mod case;
mod compile;
mod condition;
mod decision;
mod document;
mod evaluate;
mod fact;
mod fault;
mod group;
mod hint;
mod intent;
mod lint;
mod position;
mod rule;
mod rule_set;
mod schema;
mod trace;

pub use compile::CompileOptions;
pub use decision::{Alternative, Decision, Due, GroupRef, Priority, PriorityScore, Sla};
pub use fact::Facts;
pub use fault::{RuleError, RuleFault, RuleFaultCode, RuleWarning, RuleWarningCode};
pub use group::SkillGroup;
pub use rule_set::{RowInfo, RuleSet};
pub use schema::{FactDef, FactType, built_in_facts};
pub use trace::{
    FailedCondition, GroupStep, HitPolicy, RowResult, RowTrace, SectionKind, SectionTrace, Trace,
};
