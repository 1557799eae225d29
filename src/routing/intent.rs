//! The intent column of a row, and the index over it.

use std::collections::{BTreeSet, HashMap};

/// One entry of an intent column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// One label.
    Exact(Box<str>),
    /// All labels that begin so; the dot is included.
    Prefix(Box<str>),
}

impl Pattern {
    /// Reads `shipping.delay` or `shipping.*`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let label = text.strip_suffix(".*").unwrap_or(text);
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        if !label.split('.').all(is_part) {
            return None;
        }
        Some(if label.len() < text.len() {
            Pattern::Prefix(text[..=label.len()].into())
        } else {
            Pattern::Exact(text.into())
        })
    }

    /// Whether a label fits.
    pub(crate) fn admits(&self, intent: &str) -> bool {
        match self {
            Pattern::Exact(label) => **label == *intent,
            Pattern::Prefix(prefix) => intent.starts_with(&**prefix),
        }
    }

    /// Whether every label that fits `other` fits this one.
    fn covers(&self, other: &Pattern) -> bool {
        match (self, other) {
            (_, Pattern::Exact(label)) => self.admits(label),
            (Pattern::Prefix(wide), Pattern::Prefix(narrow)) => narrow.starts_with(&**wide),
            (Pattern::Exact(_), Pattern::Prefix(_)) => false,
        }
    }
}

/// The intent column: any intent where it has no patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intents(pub(crate) Box<[Pattern]>);

impl Intents {
    /// Whether the column is empty.
    pub(crate) fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a label fits.
    pub(crate) fn admits(&self, intent: &str) -> bool {
        self.is_any() || self.0.iter().any(|pattern| pattern.admits(intent))
    }

    /// Whether every label that fits `other` fits this column.
    pub(crate) fn covers(&self, other: &Intents) -> bool {
        self.is_any()
            || (!other.is_any()
                && other.0.iter().all(|narrow| self.0.iter().any(|wide| wide.covers(narrow))))
    }

    /// The column as a condition, for people.
    pub(crate) fn condition(&self) -> String {
        let quoted = self.0.iter().map(|pattern| match pattern {
            Pattern::Exact(label) => format!("\"{label}\""),
            Pattern::Prefix(prefix) => format!("\"{prefix}*\""),
        });
        format!("intent in [{}]", quoted.collect::<Vec<_>>().join(", "))
    }
}

/// Finds the rows whose intent column admits an intent, without looking at the others.
#[derive(Debug, Default)]
pub(crate) struct IntentIndex {
    by_intent: HashMap<Box<str>, Box<[u32]>>,
    /// Rows that may admit labels nobody named at load: any intent, or a prefix.
    open: Box<[u32]>,
}

impl IntentIndex {
    /// Indexes columns by their place; `known` are labels worth an entry of their own.
    pub(crate) fn build<'c>(
        columns: impl Iterator<Item = &'c Intents> + Clone,
        known: &[String],
    ) -> Self {
        let mut labels: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        for pattern in columns.clone().flat_map(|column| &column.0) {
            if let Pattern::Exact(label) = pattern {
                labels.insert(label);
            }
        }
        let places = |wanted: &dyn Fn(&Intents) -> bool| -> Box<[u32]> {
            let numbered = (0u32..).zip(columns.clone());
            numbered.filter(|(_, column)| wanted(column)).map(|(place, _)| place).collect()
        };
        let by_intent = labels
            .into_iter()
            .map(|label| (label.into(), places(&|column| column.admits(label))))
            .collect();
        let is_open = |column: &Intents| {
            column.is_any() || column.0.iter().any(|p| matches!(p, Pattern::Prefix(_)))
        };
        Self { by_intent, open: places(&is_open) }
    }

    /// Places to look at for an intent, in order, and whether their columns are known to admit it.
    pub(crate) fn candidates(&self, intent: &str) -> (&[u32], bool) {
        match self.by_intent.get(intent) {
            Some(places) => (places, true),
            None => (&self.open, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(patterns: &[&str]) -> Intents {
        Intents(patterns.iter().map(|text| Pattern::parse(text).expect(text)).collect())
    }

    #[test]
    fn patterns_admit_labels() {
        let check = |pattern: &str, intent, expected| {
            assert_eq!(column(&[pattern]).admits(intent), expected, "{pattern} {intent}");
        };
        check("shipping.*", "shipping.delay", true);
        check("shipping.*", "shipping", false);
        check("shipping.*", "shippings.delay", false);
        check("invoice", "invoice", true);
        check("invoice", "invoice.change", false);
        for wrong in ["*", "shipping.", ".*", "Shipping.delay", "", "a b", "shipping.*.x", "退货"]
        {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn columns_cover_narrower_ones() {
        let check = |wide: &[&str], narrow: &[&str], expected| {
            assert_eq!(column(wide).covers(&column(narrow)), expected, "{wide:?} {narrow:?}");
        };
        check(&[], &["invoice"], true);
        check(&["invoice"], &[], false);
        check(&["a.*", "b"], &["a.x", "b"], true);
        check(&["a.*"], &["a.b.*"], true);
        check(&["a.x"], &["a.*"], false);
    }

    #[test]
    fn the_index_finds_what_a_scan_finds() {
        let columns = [
            column(&["shipping.delay"]),
            column(&["shipping.*", "invoice"]),
            column(&[]),
            column(&["refund.status"]),
        ];
        let index = IntentIndex::build(columns.iter(), &["chat.human".into()]);
        let check = |intent: &str, expected: &[u32], sure| {
            assert_eq!(index.candidates(intent), (expected, sure), "{intent}");
        };
        check("shipping.delay", &[0, 1, 2], true);
        check("refund.status", &[2, 3], true);
        check("chat.human", &[2], true);
        check("shipping.new", &[1, 2], false);
    }
}
