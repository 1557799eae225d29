//! Plain comparisons as a small tree: tens of nanoseconds where the interpreter takes hundreds.

use super::{EvalError, Evaluator};
use crate::routing::fact::FactValue;
use crate::routing::schema::{BuiltIn, FREE_FACTS, Fact, FactType, Schema};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use std::cmp::Ordering;

/// A condition or part of one.
#[derive(Debug)]
pub(super) enum Node {
    /// A literal.
    Const(bool),
    /// All of them.
    And(Box<[Node]>),
    /// One of them at least.
    Or(Box<[Node]>),
    /// Not it.
    Not(Box<Node>),
    /// A bool fact.
    Truth(Fact),
    /// Whether a free fact is given.
    Given(Fact),
    /// A text fact against one text.
    Text(Fact, TextTest),
    /// A text fact against several, sorted.
    OneOf(Fact, Box<[Box<str>]>),
    /// A number fact against a number.
    Number(Fact, Comparison, Literal),
    /// A text among those of a list fact.
    Has(Fact, Box<str>),
    /// Left to the interpreter, with the facts it looks at.
    Cel(Box<IdedExpr>, Box<[Fact]>),
}

/// What is asked of a text.
#[derive(Debug)]
pub(super) enum TextTest {
    /// Ordering against the text, by code point.
    Is(Comparison, Box<str>),
    /// The text occurs in it.
    Contains(Box<str>),
    /// It begins with the text.
    StartsWith(Box<str>),
    /// It ends with the text.
    EndsWith(Box<str>),
    /// The expression occurs in it.
    Matches(Box<regex::Regex>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `==`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A number in a condition.
#[derive(Debug, Clone, Copy)]
pub(super) enum Literal {
    /// Whole.
    Int(i64),
    /// With a fraction.
    Double(f64),
}

/// Turns a checked expression into a tree.
pub(super) fn compile(e: &IdedExpr, schema: &Schema<'_>) -> Node {
    Compiler { schema }.node(e)
}

struct Compiler<'a> {
    schema: &'a Schema<'a>,
}

impl Compiler<'_> {
    fn node(&self, e: &IdedExpr) -> Node {
        self.plain(e).unwrap_or_else(|| {
            let mut facts = Vec::new();
            self.facts_of(e, &mut facts);
            Node::Cel(Box::new(e.clone()), facts.into())
        })
    }

    fn plain(&self, e: &IdedExpr) -> Option<Node> {
        match &e.expr {
            Expr::Literal(LiteralValue::Boolean(truth)) => Some(Node::Const(*truth.inner())),
            Expr::Ident(_) => self.fact(e).map(Node::Truth),
            Expr::Select(select) if select.test => self.schema.free(&select.field).map(Node::Given),
            Expr::Select(_) => self.fact(e).map(Node::Truth),
            Expr::Call(call) => self.call(call),
            _ => None,
        }
    }

    fn call(&self, call: &CallExpr) -> Option<Node> {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), &call.args[..]) {
            (operators::LOGICAL_AND, ..) => Some(Node::And(self.terms(call))),
            (operators::LOGICAL_OR, ..) => Some(Node::Or(self.terms(call))),
            (operators::LOGICAL_NOT, _, [operand]) => Some(not(self.node(operand))),
            (operators::NOT_EQUALS, _, [left, right]) => {
                self.comparison(Comparison::Equal, left, right).map(not)
            }
            (operators::IN, _, [item, container]) => self.membership(item, container),
            (_, None, [left, right]) => self.comparison(Comparison::of(name)?, left, right),
            (_, Some(target), [wanted]) => self.text_test(name, target, text(wanted)?),
            _ => None,
        }
    }

    /// The operands of a chain of one operator, which the parser nests.
    fn terms(&self, call: &CallExpr) -> Box<[Node]> {
        let mut terms = Vec::new();
        for operand in &call.args {
            match &operand.expr {
                Expr::Call(inner) if inner.func_name == call.func_name => {
                    terms.extend(self.terms(inner));
                }
                _ => terms.push(self.node(operand)),
            }
        }
        terms.into()
    }

    fn comparison(&self, how: Comparison, left: &IdedExpr, right: &IdedExpr) -> Option<Node> {
        let (fact, how, literal) = match self.fact(left) {
            Some(fact) => (fact, how, right),
            None => (self.fact(right)?, how.mirrored(), left),
        };
        match (fact.fact_type(), &literal.expr) {
            (FactType::String, _) => {
                Some(Node::Text(fact, TextTest::Is(how, text(literal)?.into())))
            }
            (FactType::Int | FactType::Double, _) => {
                Some(Node::Number(fact, how, number(literal)?))
            }
            (FactType::Bool, Expr::Literal(LiteralValue::Boolean(truth)))
                if how == Comparison::Equal =>
            {
                let is = Node::Truth(fact);
                Some(if *truth.inner() { is } else { not(is) })
            }
            _ => None,
        }
    }

    fn membership(&self, item: &IdedExpr, container: &IdedExpr) -> Option<Node> {
        if let Some(list) = self.fact(container) {
            return Some(Node::Has(list, text(item)?.into()));
        }
        let (fact, Expr::List(list)) = (self.fact(item)?, &container.expr) else { return None };
        match fact.fact_type() {
            FactType::String => {
                let mut texts = list
                    .elements
                    .iter()
                    .map(|element| text(element).map(Box::from))
                    .collect::<Option<Vec<Box<str>>>>()?;
                texts.sort_unstable();
                Some(Node::OneOf(fact, texts.into()))
            }
            FactType::Int | FactType::Double => {
                let equal =
                    |element| Some(Node::Number(fact.clone(), Comparison::Equal, number(element)?));
                let nodes = list.elements.iter().map(equal).collect::<Option<Vec<_>>>()?;
                Some(Node::Or(nodes.into()))
            }
            _ => None,
        }
    }

    fn text_test(&self, name: &str, target: &IdedExpr, wanted: &str) -> Option<Node> {
        let fact = self.fact(target)?;
        let test = match name {
            "contains" => TextTest::Contains(wanted.into()),
            "startsWith" => TextTest::StartsWith(wanted.into()),
            "endsWith" => TextTest::EndsWith(wanted.into()),
            "matches" => TextTest::Matches(Box::new(regex::Regex::new(wanted).ok()?)),
            _ => return None,
        };
        (fact.fact_type() == FactType::String).then_some(Node::Text(fact, test))
    }

    fn fact(&self, e: &IdedExpr) -> Option<Fact> {
        match &e.expr {
            Expr::Ident(name) => BuiltIn::named(name).map(Fact::BuiltIn),
            Expr::Select(select) if !select.test => match &select.operand.expr {
                Expr::Ident(root) if root == FREE_FACTS => self.schema.free(&select.field),
                _ => None,
            },
            _ => None,
        }
    }

    fn facts_of(&self, e: &IdedExpr, facts: &mut Vec<Fact>) {
        if let Some(fact) = self.fact(e) {
            facts.push(fact);
            return;
        }
        match &e.expr {
            Expr::Call(call) => {
                call.target.as_deref().into_iter().chain(&call.args).for_each(|part| {
                    self.facts_of(part, facts);
                });
            }
            Expr::List(list) => list.elements.iter().for_each(|item| self.facts_of(item, facts)),
            Expr::Comprehension(comprehension) => {
                self.facts_of(&comprehension.iter_range, facts);
                self.facts_of(&comprehension.loop_step, facts);
            }
            _ => {}
        }
    }
}

impl Node {
    /// Whether it holds; `&&` and `||` absorb undecided parts as CEL does.
    pub(super) fn eval(&self, evaluator: &Evaluator<'_>) -> Result<bool, EvalError> {
        let view = evaluator.view();
        match self {
            Node::Const(truth) => Ok(*truth),
            Node::And(nodes) => absorb(nodes, evaluator, false),
            Node::Or(nodes) => absorb(nodes, evaluator, true),
            Node::Not(node) => node.eval(evaluator).map(|truth| !truth),
            Node::Given(fact) => Ok(view.get(fact).is_ok()),
            Node::Truth(fact) => Ok(view.get(fact)? == FactValue::Bool(true)),
            Node::Text(fact, test) => match view.get(fact)? {
                FactValue::Str(text) => Ok(test.passes(text)),
                _ => Ok(false),
            },
            Node::OneOf(fact, texts) => match view.get(fact)? {
                FactValue::Str(text) => Ok(texts.binary_search_by(|own| (**own).cmp(text)).is_ok()),
                _ => Ok(false),
            },
            Node::Number(fact, how, literal) => {
                let ordering = literal.compare_to(view.get(fact)?);
                Ok(ordering.is_some_and(|ordering| how.accepts(ordering)))
            }
            Node::Has(fact, text) => match view.get(fact)? {
                FactValue::List(texts) => Ok(texts.contains(text)),
                _ => Ok(false),
            },
            Node::Cel(expression, facts) => evaluator.interpret(expression, facts),
        }
    }

    #[cfg(test)]
    pub(super) fn is_interpreted(&self) -> bool {
        match self {
            Node::Cel(..) => true,
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().any(Node::is_interpreted),
            Node::Not(node) => node.is_interpreted(),
            _ => false,
        }
    }
}

/// `absorbing` decides the whole at once; without it, one undecided part leaves all undecided.
fn absorb(nodes: &[Node], evaluator: &Evaluator<'_>, absorbing: bool) -> Result<bool, EvalError> {
    let mut undecided = None;
    for node in nodes {
        match node.eval(evaluator) {
            Ok(truth) if truth == absorbing => return Ok(absorbing),
            Ok(_) => {}
            Err(error) => undecided = undecided.or(Some(error)),
        }
    }
    undecided.map_or(Ok(!absorbing), Err)
}

impl TextTest {
    fn passes(&self, text: &str) -> bool {
        match self {
            TextTest::Is(how, wanted) => how.accepts(text.cmp(wanted)),
            TextTest::Contains(wanted) => text.contains(&**wanted),
            TextTest::StartsWith(wanted) => text.starts_with(&**wanted),
            TextTest::EndsWith(wanted) => text.ends_with(&**wanted),
            TextTest::Matches(regex) => regex.is_match(text),
        }
    }
}

impl Comparison {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            operators::EQUALS => Comparison::Equal,
            operators::LESS => Comparison::Less,
            operators::LESS_EQUALS => Comparison::LessOrEqual,
            operators::GREATER => Comparison::Greater,
            operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The same comparison with its sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Comparison::Equal => Comparison::Equal,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }

    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Literal {
    /// Ordering of a fact against the literal; `None` for what is no number.
    #[expect(clippy::cast_precision_loss, reason = "CEL compares int with double this way")]
    fn compare_to(self, value: FactValue<'_>) -> Option<Ordering> {
        match (value, self) {
            (FactValue::Int(fact), Literal::Int(literal)) => Some(fact.cmp(&literal)),
            (FactValue::Int(fact), Literal::Double(literal)) => (fact as f64).partial_cmp(&literal),
            (FactValue::Double(fact), Literal::Int(literal)) => fact.partial_cmp(&(literal as f64)),
            (FactValue::Double(fact), Literal::Double(literal)) => fact.partial_cmp(&literal),
            _ => None,
        }
    }
}

fn not(node: Node) -> Node {
    match node {
        Node::Not(inner) => *inner,
        Node::Const(truth) => Node::Const(!truth),
        other => Node::Not(Box::new(other)),
    }
}

fn text(e: &IdedExpr) -> Option<&str> {
    match &e.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn number(e: &IdedExpr) -> Option<Literal> {
    match &e.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(Literal::Int(*number.inner())),
        Expr::Literal(LiteralValue::Double(number)) => Some(Literal::Double(*number.inner())),
        _ => None,
    }
}
