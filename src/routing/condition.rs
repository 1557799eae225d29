//! Conditions: CEL text, checked at load, evaluated as plain comparisons where it is one.
//!
//! A condition passes three steps at load: the `cel` crate parses it, [`check`] gives every part a
//! type and refuses what the facts cannot answer, [`native`] turns comparisons, negations, `&&`
//! and `||` into a small tree. What remains is kept as CEL and interpreted.
//!
//! Invariant: both ways of evaluating agree (`native_and_interpreted_agree` checks it); a missing
//! fact or a failing operation makes its part undecided, which `false &&` and `true ||` absorb
//! as in CEL, and an undecided condition does not hold.

mod check;
mod native;
mod types;

use super::fact::{FactError, FactValue, View};
use super::fault::RuleFaultCode;
use super::schema::{Fact, Schema};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use native::Node;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Longer conditions are refused: they belong into several rows, and a parser recurses.
const MAX_LEN_CHARS: usize = 1_000;

/// One condition of a row, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Condition {
    source: Box<str>,
    facts: Box<[Fact]>,
    node: Node,
}

/// What is wrong with a condition, at a byte offset of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Bytes from the start of the condition.
    pub(crate) offset: usize,
    /// Kind of the fault.
    pub(crate) code: RuleFaultCode,
    /// What is wrong.
    pub(crate) message: String,
}

impl Condition {
    /// Parses, checks and compiles a condition.
    ///
    /// # Errors
    /// All flaws found, in the order of the text.
    pub(crate) fn compile(source: &str, schema: &Schema<'_>) -> Result<Self, Vec<Flaw>> {
        if source.chars().count() > MAX_LEN_CHARS {
            let message = format!("a condition may have {MAX_LEN_CHARS} characters at most");
            return Err(vec![Flaw { offset: 0, code: RuleFaultCode::BadValue, message }]);
        }
        let program =
            cel::Program::compile(source).map_err(|errors| syntax_flaws(source, &errors))?;
        let facts = check::check(&program, schema)?;
        let node = native::compile(program.expression(), schema);
        Ok(Self { source: source.into(), facts: facts.into(), node })
    }

    /// The condition as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The facts it looks at, each once, in the order of the text.
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether it holds; an error means that it does not, and why.
    pub(crate) fn holds(&self, evaluator: &Evaluator<'_>) -> Result<bool, EvalError> {
        self.node.eval(evaluator)
    }

    /// Whether it is a constant truth, so that a row with it alone is no different from a default.
    pub(crate) fn is_always_true(&self) -> bool {
        matches!(self.node, Node::Const(true))
    }

    /// Whether some of it is left to the CEL interpreter, which costs about a microsecond.
    #[cfg(test)]
    pub(crate) fn is_interpreted(&self) -> bool {
        self.node.is_interpreted()
    }
}

/// Why a condition could not be decided.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum EvalError {
    /// A free fact has no usable value.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// The interpreter gave up, such as on a division by zero.
    #[error("{message}")]
    Cel {
        /// The interpreter's words.
        message: String,
    },
}

/// Evaluates conditions on the facts of one turn; the CEL context is made when first needed.
pub(crate) struct Evaluator<'v> {
    view: &'v View<'v>,
    env: &'v Arc<cel::Env>,
    context: OnceCell<cel::Context<'v, 'v>>,
}

impl<'v> Evaluator<'v> {
    pub(crate) fn new(view: &'v View<'v>, env: &'v Arc<cel::Env>) -> Self {
        Self { view, env, context: OnceCell::new() }
    }

    pub(crate) fn view(&self) -> &'v View<'v> {
        self.view
    }

    fn context(&self) -> &cel::Context<'v, 'v> {
        self.context.get_or_init(|| {
            let mut context = cel::Context::with_env(Arc::clone(self.env));
            context.set_variable_resolver(self.view);
            context
        })
    }

    /// Interprets an expression whose type was checked to be bool.
    fn interpret(&self, expression: &cel::IdedExpr, facts: &[Fact]) -> Result<bool, EvalError> {
        let message = match cel::Value::resolve(expression, self.context()) {
            Ok(cel::Value::Bool(truth)) => return Ok(truth),
            Ok(other) => format!("{other:?} is not a bool"),
            Err(error) => error.to_string(),
        };
        // The interpreter calls a missing fact an undeclared reference; the caller knows better.
        match facts.iter().find_map(|fact| self.view.get(fact).err()) {
            Some(error) => Err(error.into()),
            None => Err(EvalError::Cel { message }),
        }
    }
}

/// Gives the interpreter the value of one fact at a time, so that no map of all facts is built.
///
/// The interpreter asks for the longest name first: `customer.region` before `customer`.
impl VariableResolver for View<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        use super::schema::{BuiltIn, FREE_FACTS};
        if let Some(built_in) = BuiltIn::named(variable) {
            return Some(to_cel(self.built_in(built_in)));
        }
        let path = variable.strip_prefix(FREE_FACTS)?;
        if path.is_empty() {
            let entry = |(name, value): (&'b str, _)| (CelMapKey::from(name), boxed(value));
            let map: HashMap<CelMapKey<'b>, Box<dyn Val + 'b>> = self.given().map(entry).collect();
            return Some(CowVal::owned(CelMap::from(map)));
        }
        let name = path.strip_prefix('.')?;
        self.given().find(|(given, _)| *given == name).map(|(_, value)| to_cel(value))
    }
}

fn boxed<'b>(value: FactValue<'b>) -> Box<dyn Val + 'b> {
    to_cel(value).into_owned()
}

fn to_cel(value: FactValue<'_>) -> CowVal<'_, '_> {
    match value {
        FactValue::Str(text) => CowVal::owned(CelString::from(text)),
        FactValue::Int(number) => CowVal::owned(CelInt::from(number)),
        FactValue::Double(number) => CowVal::owned(CelDouble::from(number)),
        FactValue::Bool(truth) => CowVal::owned(CelBool::from(truth)),
        FactValue::List(texts) => {
            let items = texts.iter().map(|text| boxed(FactValue::Str(text))).collect::<Vec<_>>();
            CowVal::owned(CelList::from(items))
        }
    }
}

/// The parser's messages with their line and column turned into an offset.
fn syntax_flaws(source: &str, errors: &cel::ParseErrors) -> Vec<Flaw> {
    let flaw = |error: &cel::ParseError| {
        let (line, column) = error.pos;
        let line_start: usize = source
            .split_inclusive('\n')
            .take(usize::try_from(line - 1).unwrap_or(0))
            .map(str::len)
            .sum();
        let n_chars = usize::try_from(column - 1).unwrap_or(0);
        let in_line = source[line_start..].chars().take(n_chars).map(char::len_utf8).sum::<usize>();
        let message = in_plain_words(&error.msg);
        Flaw { offset: line_start + in_line, code: RuleFaultCode::Syntax, message }
    };
    errors.errors.iter().map(flaw).collect()
}

/// The generated parser lists the tokens it would have liked; rule authors are not helped by that.
fn in_plain_words(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    if message.ends_with("'<EOF>'") {
        return "the condition ends too early".to_owned();
    }
    let openings = [
        "mismatched input ",
        "extraneous input ",
        "no viable alternative at input ",
        "token recognition error at: ",
    ];
    match openings.iter().find_map(|opening| message.strip_prefix(opening)) {
        Some(token) => format!("unexpected {}", token.replace('\'', "`")),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
