//! Types of the parts of a condition.

use crate::routing::schema::FactType;
use std::fmt;

/// Type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// True or false.
    Bool,
    /// Whole number.
    Int,
    /// Number with a fraction.
    Double,
    /// Text.
    String,
    /// Items of one type.
    List(Box<Type>),
    /// Of something already reported, or of the items of an empty list.
    Any,
}

impl Type {
    /// Whether it is a number.
    pub(super) fn is_numeric(&self) -> bool {
        matches!(self, Type::Int | Type::Double | Type::Any)
    }

    /// Whether a value of this type can stand where `wanted` is.
    pub(super) fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(items), Type::List(wanted)) => items.fits(wanted),
            _ => self == wanted,
        }
    }

    /// Whether both can be equal; CEL compares whole numbers with fractions by value.
    pub(super) fn comparable(&self, other: &Type) -> bool {
        self.fits(other) || (self.is_numeric() && other.is_numeric())
    }
}

impl From<FactType> for Type {
    fn from(fact_type: FactType) -> Self {
        match fact_type {
            FactType::String => Type::String,
            FactType::Int => Type::Int,
            FactType::Double => Type::Double,
            FactType::Bool => Type::Bool,
            FactType::List => Type::List(Box::new(Type::String)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Double => f.write_str("double"),
            Type::String => f.write_str("string"),
            Type::List(items) => write!(f, "list of {items}"),
            Type::Any => f.write_str("anything"),
        }
    }
}
