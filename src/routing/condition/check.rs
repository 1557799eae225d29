//! Types of conditions: what the facts cannot answer is refused at load, not found out at night.

use super::Flaw;
use super::types::Type;
use crate::routing::fault::RuleFaultCode;
use crate::routing::hint::did_you_mean;
use crate::routing::schema::{BuiltIn, FREE_FACTS, Fact, Schema, built_in_facts};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::{IdedExpr, Program};

/// The facts a condition looks at, in the order of the text, or all its flaws.
pub(super) fn check(program: &Program, schema: &Schema<'_>) -> Result<Vec<Fact>, Vec<Flaw>> {
    let mut checker = Checker { schema, program, scope: vec![], facts: vec![], flaws: vec![] };
    let root = program.expression();
    let found = checker.type_of(root);
    checker.expect(&found, &Type::Bool, root, "a condition");
    if checker.flaws.is_empty() {
        return Ok(checker.facts);
    }
    checker.flaws.sort_by_key(|flaw| flaw.offset);
    Err(checker.flaws)
}

struct Checker<'a> {
    schema: &'a Schema<'a>,
    program: &'a Program,
    /// Loop variables, innermost last.
    scope: Vec<(&'a str, Type)>,
    facts: Vec<Fact>,
    flaws: Vec<Flaw>,
}

impl<'a> Checker<'a> {
    fn type_of(&mut self, e: &'a IdedExpr) -> Type {
        match &e.expr {
            Expr::Literal(literal) => self.literal(e, literal),
            Expr::Ident(name) => self.name(e, name),
            Expr::Select(select) => self.select(e, select),
            Expr::Call(call) => self.call(e, call),
            Expr::List(list) => {
                let types: Vec<_> = list.elements.iter().map(|item| self.type_of(item)).collect();
                self.common(&types, &list.elements.iter().collect::<Vec<_>>())
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(_) | Expr::Struct(_) => {
                self.flaw(e, RuleFaultCode::TypeMismatch, "conditions have no maps or messages")
            }
            Expr::Unspecified => Type::Any,
        }
    }

    fn literal(&mut self, e: &IdedExpr, literal: &LiteralValue) -> Type {
        let unsupported = match literal {
            LiteralValue::Boolean(_) => return Type::Bool,
            LiteralValue::Int(_) => return Type::Int,
            LiteralValue::Double(_) => return Type::Double,
            LiteralValue::String(_) => return Type::String,
            LiteralValue::UInt(_) => "write whole numbers without `u`",
            LiteralValue::Bytes(_) => "conditions have no bytes",
            LiteralValue::Null => "no fact is null; `has(customer.x)` asks whether one is given",
        };
        self.flaw(e, RuleFaultCode::TypeMismatch, unsupported)
    }

    fn name(&mut self, e: &IdedExpr, name: &str) -> Type {
        if let Some((_, bound)) = self.scope.iter().rev().find(|(bound, _)| *bound == name) {
            return bound.clone();
        }
        if let Some(built_in) = BuiltIn::named(name) {
            return self.fact(Fact::BuiltIn(built_in));
        }
        let message = if name == FREE_FACTS {
            format!("`{FREE_FACTS}` holds the free facts: write `{FREE_FACTS}.x`")
        } else if self.schema.free.contains_key(name) {
            format!("unknown fact `{name}`; the free fact is `{FREE_FACTS}.{name}`")
        } else {
            let names = built_in_facts().map(|def| def.name);
            format!("unknown fact `{name}`{}", did_you_mean(name, names))
        };
        self.flaw(e, RuleFaultCode::UnknownFact, message)
    }

    fn select(&mut self, e: &'a IdedExpr, select: &'a SelectExpr) -> Type {
        let is_free = matches!(&select.operand.expr, Expr::Ident(root) if root == FREE_FACTS);
        if !is_free {
            let operand = self.type_of(&select.operand);
            if operand == Type::Any {
                return Type::Any;
            }
            let message = format!("{operand} has no field `{}`", select.field);
            return self.flaw(e, RuleFaultCode::TypeMismatch, message);
        }
        let Some(fact) = self.schema.free(&select.field) else {
            let declared = self.schema.free.keys().map(String::as_str);
            let hint = did_you_mean(&select.field, declared);
            let message = format!(
                "unknown fact `{FREE_FACTS}.{0}`{hint}; declare it under [facts] as `{0} = \"string\"`",
                select.field
            );
            return self.flaw(e, RuleFaultCode::UnknownFact, message);
        };
        let found = self.fact(fact);
        if select.test { Type::Bool } else { found }
    }

    fn fact(&mut self, fact: Fact) -> Type {
        let fact_type = fact.fact_type();
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
        fact_type.into()
    }

    fn call(&mut self, e: &'a IdedExpr, call: &'a CallExpr) -> Type {
        let parts: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let types: Vec<Type> = parts.iter().map(|part| self.type_of(part)).collect();
        match (call.func_name.as_str(), &types[..], &parts[..]) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, ..)
            | (operators::NOT_STRICTLY_FALSE, ..) => {
                for (found, part) in types.iter().zip(&parts) {
                    self.expect(found, &Type::Bool, part, "an operand of `&&`, `||` and `!`");
                }
                Type::Bool
            }
            (operators::CONDITIONAL, [_, then, other], [question, ..]) => {
                self.expect(&types[0], &Type::Bool, question, "what stands before `?`");
                self.same(e, "? :", then, other)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right], [l, r]) => {
                if !left.comparable(right) {
                    let message = format!("{left} is never equal to {right}");
                    return self.mismatch(e, message, Type::Bool);
                }
                self.literals_of(l, r);
                self.literals_of(r, l);
                Type::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
                [l, r],
            ) => {
                let ordered = |t: &Type| t.is_numeric() || *t == Type::String;
                if !(left.comparable(right) && ordered(left) && ordered(right)) {
                    let message = format!("{left} cannot be ordered against {right}");
                    return self.mismatch(e, message, Type::Bool);
                }
                self.literals_of(l, r);
                self.literals_of(r, l);
                Type::Bool
            }
            (operators::IN, [item, container], [l, r]) => {
                self.membership(e, (item, l), (container, r))
            }
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [left, right],
                _,
            ) => self.arithmetic(e, &call.func_name, left, right),
            (operators::NEGATE, [operand], _) => {
                if operand.is_numeric() {
                    return operand.clone();
                }
                self.mismatch(e, format!("{operand} cannot be negated"), Type::Any)
            }
            (operators::INDEX, [list, index], [l, r]) => {
                self.expect(index, &Type::Int, r, "an index");
                match list {
                    Type::List(items) => (**items).clone(),
                    Type::Any => Type::Any,
                    _ => self.mismatch(l, format!("{list} has no items"), Type::Any),
                }
            }
            (name, types, parts) => self.function(e, name, types, parts),
        }
    }

    fn function(&mut self, e: &IdedExpr, name: &str, types: &[Type], parts: &[&IdedExpr]) -> Type {
        match (name, types) {
            ("size", [Type::String | Type::List(_) | Type::Any])
            | ("int", [Type::String | Type::Int | Type::Double | Type::Any]) => Type::Int,
            ("double", [Type::String | Type::Int | Type::Double | Type::Any]) => Type::Double,
            ("string", [Type::List(_)]) => {
                self.mismatch(e, "a list has no text form".into(), Type::String)
            }
            ("string", [_]) => Type::String,
            ("contains" | "startsWith" | "endsWith" | "matches", [text, wanted]) => {
                self.expect(text, &Type::String, parts[0], "the text searched");
                self.expect(wanted, &Type::String, parts[1], "the text sought");
                if let ("matches", Some(pattern)) = (name, text_literal(parts[1])) {
                    self.regex(parts[1], pattern);
                }
                Type::Bool
            }
            (known, _) if FUNCTIONS.contains(&known) => {
                let types = types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
                self.mismatch(e, format!("`{known}` does not take ({types})"), Type::Any)
            }
            _ => {
                let hint = did_you_mean(name, FUNCTIONS.iter().copied());
                let message = format!("unknown function `{name}`{hint}");
                self.flaw(e, RuleFaultCode::UnknownFunction, message)
            }
        }
    }

    fn membership(
        &mut self,
        e: &IdedExpr,
        (item, item_expr): (&Type, &IdedExpr),
        (container, container_expr): (&Type, &IdedExpr),
    ) -> Type {
        match container {
            Type::Any => {}
            Type::List(items) if item.comparable(items) => {
                if let Expr::List(list) = &container_expr.expr {
                    for literal in &list.elements {
                        self.literals_of(item_expr, literal);
                    }
                }
            }
            Type::List(items) => {
                let message = format!("{item} is never in a list of {items}");
                return self.mismatch(e, message, Type::Bool);
            }
            _ => {
                let message = format!("`in` needs a list at its right, not {container}");
                return self.mismatch(container_expr, message, Type::Bool);
            }
        }
        Type::Bool
    }

    fn arithmetic(&mut self, e: &IdedExpr, operator: &str, left: &Type, right: &Type) -> Type {
        let joins = operator == operators::ADD
            && matches!(left, Type::String | Type::List(_))
            && left.fits(right);
        let whole = operator != operators::MODULO || (*left != Type::Double);
        if joins || (left.is_numeric() && right.is_numeric() && left.fits(right) && whole) {
            let unknown = matches!(left, Type::Any)
                || matches!(left, Type::List(items) if **items == Type::Any);
            return if unknown { right.clone() } else { left.clone() };
        }
        let sign = operator.trim_matches('_');
        let message = format!("`{sign}` does not take {left} and {right}; see int() and double()");
        self.mismatch(e, message, Type::Any)
    }

    /// Loops (`exists`, `all`, `map`, `filter`) after the parser spelt them out.
    fn comprehension(&mut self, comprehension: &'a ComprehensionExpr) -> Type {
        let items = match self.type_of(&comprehension.iter_range) {
            Type::List(items) => *items,
            Type::Any => Type::Any,
            other => {
                let message = format!("{other} has no items to look through");
                self.mismatch(&comprehension.iter_range, message, Type::Any)
            }
        };
        let variable = comprehension.iter_var.as_str();
        if BuiltIn::named(variable).is_some() || variable == FREE_FACTS {
            let message = format!("`{variable}` is the name of a fact; call the item otherwise");
            return self.mismatch(&comprehension.iter_range, message, Type::Any);
        }
        let n_outer = self.scope.len();
        let start = self.type_of(&comprehension.accu_init);
        self.scope.push((variable, items));
        self.scope.push((&comprehension.accu_var, start));
        self.type_of(&comprehension.loop_cond);
        let step = self.type_of(&comprehension.loop_step);
        self.scope.truncate(n_outer);
        self.scope.push((&comprehension.accu_var, step));
        let result = self.type_of(&comprehension.result);
        self.scope.truncate(n_outer);
        result
    }

    /// Checks a literal compared with a fact that has a closed set of values.
    fn literals_of(&mut self, fact: &IdedExpr, literal: &IdedExpr) {
        let (Expr::Ident(name), Some(value)) = (&fact.expr, text_literal(literal)) else { return };
        let Some(built_in) = BuiltIn::named(name) else { return };
        let values = built_in.def().values;
        if !values.is_empty() && !values.contains(&value) {
            let hint = did_you_mean(value, values.iter().copied());
            let message =
                format!("`{name}` is never \"{value}\"{hint}; its values: {}", values.join(", "));
            self.flaw(literal, RuleFaultCode::BadValue, message);
        }
        if built_in == BuiltIn::Intent && !self.schema.knows_intent(value) {
            let known = self.schema.known_intents.unwrap_or_default().iter().map(String::as_str);
            let hint = did_you_mean(value, known);
            let message = format!("unknown intent `{value}`{hint}");
            self.flaw(literal, RuleFaultCode::UnknownIntent, message);
        }
        if built_in == BuiltIn::Date && value.parse::<jiff::civil::Date>().is_err() {
            let message = format!("\"{value}\" is no date; write it like \"2026-11-11\"");
            self.flaw(literal, RuleFaultCode::BadValue, message);
        }
    }

    fn regex(&mut self, e: &IdedExpr, pattern: &str) {
        if let Err(error) = regex::Regex::new(pattern) {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("not a regular expression: {reason}");
            self.flaw(e, RuleFaultCode::BadValue, message);
        }
    }

    /// The one type of the items of a list.
    fn common(&mut self, types: &[Type], parts: &[&IdedExpr]) -> Type {
        let mut items = Type::Any;
        for (found, part) in types.iter().zip(parts) {
            if items == Type::Any {
                items = found.clone();
            } else if !found.comparable(&items) {
                let message = format!("{found} in a list of {items}");
                self.mismatch(part, message, Type::Any);
            }
        }
        Type::List(Box::new(items))
    }

    fn same(&mut self, e: &IdedExpr, operator: &str, left: &Type, right: &Type) -> Type {
        if left.fits(right) {
            return if *left == Type::Any { right.clone() } else { left.clone() };
        }
        let message = format!("both sides of `{operator}` must agree, not {left} and {right}");
        self.mismatch(e, message, Type::Any)
    }

    fn expect(&mut self, found: &Type, wanted: &Type, e: &IdedExpr, what: &str) {
        if !found.fits(wanted) {
            self.mismatch(e, format!("{what} must be {wanted}, not {found}"), Type::Any);
        }
    }

    fn mismatch(&mut self, e: &IdedExpr, message: String, then: Type) -> Type {
        self.flaw(e, RuleFaultCode::TypeMismatch, message);
        then
    }

    fn flaw(&mut self, e: &IdedExpr, code: RuleFaultCode, message: impl Into<String>) -> Type {
        let offset = self.start_of(e).unwrap_or(0);
        let flaw = Flaw { offset, code, message: message.into() };
        // A loop's body can be visited on several paths; one report of a place is enough.
        if !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
        Type::Any
    }

    /// Where an expression begins: its own offset is that of its operator.
    fn start_of(&self, e: &IdedExpr) -> Option<usize> {
        let own = self.program.source_info().offset_for(e.id).map(|(start, _)| start as usize);
        let parts: Vec<&IdedExpr> = match &e.expr {
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
            Expr::Select(select) => vec![&select.operand],
            Expr::Comprehension(comprehension) => vec![&comprehension.iter_range],
            _ => vec![],
        };
        parts.into_iter().filter_map(|part| self.start_of(part)).chain(own).min()
    }
}

/// Functions of conditions, besides the loops `exists`, `exists_one`, `all`, `map`, `filter`.
const FUNCTIONS: &[&str] =
    &["size", "contains", "startsWith", "endsWith", "matches", "int", "double", "string"];

fn text_literal(e: &IdedExpr) -> Option<&str> {
    match &e.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
