//! Rules: from facts to a decision.

mod condition;
mod fact;
mod fault;
mod hint;
mod position;
mod schema;

pub use fact::Facts;
pub use fault::{RuleError, RuleFault, RuleFaultCode, RuleWarning, RuleWarningCode};
pub use schema::{FactDef, FactType, built_in_facts};
