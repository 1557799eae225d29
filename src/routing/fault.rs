//! What can be wrong with a rule file: faults refuse it, warnings let it pass.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a rule file was refused; the set that served before goes on serving.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Every fault found in the file, ordered by position.
    #[error("{}", list(.0))]
    Faulty(Vec<RuleFault>),
}

impl RuleError {
    /// The faults, ordered by position.
    #[must_use]
    pub fn faults(&self) -> &[RuleFault] {
        match self {
            RuleError::Faulty(faults) => faults,
        }
    }
}

/// One thing that makes a rule file unusable, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RuleFault {
    /// Line in the file, from 1.
    #[schema(example = 42)]
    pub line: usize,
    /// Column in characters, from 1: a Chinese character counts once.
    #[schema(example = 9)]
    pub column: usize,
    /// Id of the row or skill group concerned, where it has one.
    #[schema(example = "shipping-delay")]
    pub row: Option<String>,
    /// Kind of the fault, for programs.
    pub code: RuleFaultCode,
    /// What is wrong and, where it can be said, what would be right.
    #[schema(example = "unknown skill group `logistic`; did you mean `logistics`?")]
    pub message: String,
}

/// Kinds of faults. A name is never reused for another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleFaultCode {
    /// Not TOML, or a condition that is not CEL.
    Syntax,
    /// A key that the table does not have.
    UnknownKey,
    /// A key that the table must have.
    MissingKey,
    /// A condition names a fact that is neither built in nor declared under `[facts]`.
    UnknownFact,
    /// A condition calls a function that rules do not have.
    UnknownFunction,
    /// A row, fallback or alternative names a skill group that is not in the file.
    UnknownGroup,
    /// An intent pattern or literal that none of the known intents fits.
    UnknownIntent,
    /// A value or an operand of the wrong type, or a condition that is not a bool.
    TypeMismatch,
    /// An id used twice.
    DuplicateId,
    /// A section without a default row at its end.
    MissingDefault,
    /// A row behind the default row of its section.
    UnreachableRow,
    /// A value of the right type that makes no sense, such as a score of 7 of 5.
    BadValue,
    /// Fallbacks that lead back to where they began.
    FallbackCycle,
    /// Working hours that cannot be read, overlap, or never open.
    BadHours,
}

/// A doubt about a rule file that does not keep it from serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RuleWarning {
    /// Line in the file, from 1.
    #[schema(example = 57)]
    pub line: usize,
    /// Column in characters, from 1.
    #[schema(example = 1)]
    pub column: usize,
    /// Id of the row or skill group concerned.
    #[schema(example = "refund-slow")]
    pub row: Option<String>,
    /// Kind of the warning, for programs.
    pub code: RuleWarningCode,
    /// What looks wrong.
    #[schema(example = "never matches: row `refund-any` before it takes everything it would")]
    pub message: String,
}

/// Kinds of warnings. A name is never reused for another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleWarningCode {
    /// A row that an earlier one always beats.
    ShadowedRow,
    /// A skill group that no row, fallback or alternative leads to.
    UnusedGroup,
    /// A row that promises the solution before the first reply.
    SlaInverted,
    /// A fallback chain that can be closed as a whole.
    ChainCanClose,
    /// Known intents that no row of `[[route]]` names.
    UncoveredIntents,
}

impl fmt::Display for RuleFaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        snake_case(self, f)
    }
}

impl fmt::Display for RuleWarningCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        snake_case(self, f)
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        placed(f, (self.line, self.column), &self.code, self.row.as_deref(), &self.message)
    }
}

impl fmt::Display for RuleWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        placed(f, (self.line, self.column), &self.code, self.row.as_deref(), &self.message)
    }
}

fn placed(
    f: &mut fmt::Formatter<'_>,
    (line, column): (usize, usize),
    code: &dyn fmt::Display,
    row: Option<&str>,
    message: &str,
) -> fmt::Result {
    match row {
        Some(row) => write!(f, "{line}:{column}: {code}: `{row}`: {message}"),
        None => write!(f, "{line}:{column}: {code}: {message}"),
    }
}

/// Serde names unit variants as the JSON shows them; one table of names is enough.
fn snake_case<T: Serialize>(code: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => f.pad(&name),
        _ => Err(fmt::Error),
    }
}

fn list(faults: &[RuleFault]) -> String {
    let plural = if faults.len() == 1 { "fault" } else { "faults" };
    let mut text = format!("{} {plural} in the rule file", faults.len());
    for fault in faults {
        text.push_str("\n  ");
        text.push_str(&fault.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_lists_every_fault_with_its_place() {
        let fault = |line, row: Option<&str>, code, message: &str| RuleFault {
            line,
            column: 9,
            row: row.map(str::to_owned),
            code,
            message: message.into(),
        };
        let error = RuleError::Faulty(vec![
            fault(3, None, RuleFaultCode::UnknownKey, "unknown key `nmae`"),
            fault(7, Some("vip"), RuleFaultCode::UnknownGroup, "unknown skill group `vp`"),
        ]);
        assert_eq!(
            error.to_string(),
            "2 faults in the rule file\n  \
             3:9: unknown_key: unknown key `nmae`\n  \
             7:9: unknown_group: `vip`: unknown skill group `vp`"
        );
    }
}
