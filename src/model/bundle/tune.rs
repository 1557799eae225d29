//! Storing fitted thresholds in `fenzhen.toml`, whose comments and other keys stay as they are.

use std::{fs, io, sync::Arc};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{Bundle, manifest};
use crate::model::{error::ModelError, intent::Thresholds};

/// Thresholds and what to expect of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// When to act and when to ask.
    pub thresholds: Thresholds,
    /// The bound on the bundle's out-of-scope score; absent for a bundle without one.
    pub reject_above: Option<f32>,
    /// File name and rows they were fitted on.
    pub data: (String, usize),
    /// Rates on those rows, by name.
    pub expected: Vec<(String, f64)>,
}

impl Bundle {
    /// Writes `[thresholds]`, `[expected]` and `reject_above` of `[out_of_scope]`; for the accurate
    /// bundle of a cascade (`in_cascade`) all of them below `[cascade]`. The file is replaced as a
    /// whole or not at all; this bundle keeps what it was loaded with.
    ///
    /// # Errors
    /// [`ModelError::MissingFile`] for a folder without `fenzhen.toml`, [`ModelError::Unreadable`]
    /// where it cannot be read or written, [`ModelError::BadConfig`] where it is no table any more.
    pub fn store_tuned(&self, tuned: &Tuned, in_cascade: bool) -> Result<(), ModelError> {
        let path = self.dir.join(manifest::FILE);
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ModelError::MissingFile { path: path.clone() },
            _ => ModelError::Unreadable { path: path.clone(), source: Arc::new(error) },
        };
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let edited = edited(&text, tuned, in_cascade)
            .map_err(|message| ModelError::BadConfig { path: path.clone(), message })?;
        // Beside it, so that the rename stays on one file system.
        let new = path.with_extension("toml.new");
        fs::write(&new, edited).and_then(|()| fs::rename(&new, &path)).map_err(unreadable)
    }
}

fn edited(text: &str, tuned: &Tuned, in_cascade: bool) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let root: &mut dyn TableLike = document.as_table_mut();
    let root = if in_cascade { table(root, "cascade")? } else { root };

    let thresholds = table(root, "thresholds")?;
    set(thresholds, "accept", decimal(tuned.thresholds.accept).into());
    set(thresholds, "clarify", decimal(tuned.thresholds.clarify).into());
    if let Some(reject_above) = tuned.reject_above {
        let value = decimal(reject_above).into();
        if in_cascade {
            set(root, "reject_above", value);
        } else {
            set(table(root, "out_of_scope")?, "reject_above", value);
        }
    }
    let expected = table(root, "expected")?;
    // What is there is about other thresholds.
    expected.clear();
    let (name, n_rows) = &tuned.data;
    set(expected, "data", name.as_str().into());
    set(expected, "rows", i64::try_from(*n_rows).unwrap_or(i64::MAX).into());
    for (name, rate) in &tuned.expected {
        set(expected, name, (*rate).into());
    }
    Ok(document.to_string())
}

/// The table `name` of `parent`, written as a section or inline; a new section where there is none.
fn table<'a>(parent: &'a mut dyn TableLike, name: &str) -> Result<&'a mut dyn TableLike, String> {
    let section = || {
        let mut table = Table::new();
        // A section that only holds sections needs no heading of its own.
        table.set_implicit(true);
        Item::Table(table)
    };
    let item = parent.entry(name).or_insert_with(section);
    item.as_table_like_mut().ok_or_else(|| format!("{name} is no table"))
}

/// Sets a value; spaces and a comment around the old one stay.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// 0.35 as 0.35, not as the 0.3499999940395355 that widening gives.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuned(reject_above: Option<f32>) -> Tuned {
        Tuned {
            thresholds: Thresholds { accept: 0.35, clarify: 0.2 },
            reject_above,
            data: ("dev.jsonl".to_owned(), 1059),
            expected: vec![("accepted".to_owned(), 0.912)],
        }
    }

    #[test]
    fn comments_and_other_keys_stay() {
        let text = "# Ours.\nname = \"a\"  # short\n\n[thresholds]\n# The lowest.\naccept = 0.50 # by hand\nclarify = 0.15\n\n[out_of_scope]\nmethod = \"logistic\"\noos = 3.00\n\n[sha256]\n\"model.onnx\" = \"00\"\n\n[expected]\nold = 1\n";
        let expected = "# Ours.\nname = \"a\"  # short\n\n[thresholds]\n# The lowest.\naccept = 0.35 # by hand\nclarify = 0.2\n\n[out_of_scope]\nmethod = \"logistic\"\noos = 3.00\nreject_above = 0.7\n\n[sha256]\n\"model.onnx\" = \"00\"\n\n[expected]\ndata = \"dev.jsonl\"\nrows = 1059\naccepted = 0.912\n";
        assert_eq!(edited(text, &tuned(Some(0.7)), false).unwrap(), expected);
    }

    #[test]
    fn a_cascade_has_tables_of_its_own() {
        let text = "name = \"a\"\n[thresholds]\naccept = 0.5\nclarify = 0.15\n";
        let expected = "name = \"a\"\n[thresholds]\naccept = 0.5\nclarify = 0.15\n\n[cascade.thresholds]\naccept = 0.35\nclarify = 0.2\n\n[cascade.expected]\ndata = \"dev.jsonl\"\nrows = 1059\naccepted = 0.912\n";
        assert_eq!(edited(text, &tuned(None), true).unwrap(), expected);
        let with_bound = edited(text, &tuned(Some(0.7)), true).unwrap();
        assert!(with_bound.contains("[cascade]\nreject_above = 0.7\n"), "{with_bound}");
    }

    #[test]
    fn inline_tables_and_wrong_shapes() {
        let text = "name = \"a\"\nthresholds = { accept = 0.5, clarify = 0.15 }\n";
        let found = edited(text, &tuned(None), false).unwrap();
        assert!(found.contains("thresholds = { accept = 0.35, clarify = 0.2 }"), "{found}");
        assert_eq!(
            edited("thresholds = 3", &tuned(None), false).unwrap_err(),
            "thresholds is no table"
        );
    }
}
