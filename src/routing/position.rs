//! From byte offsets to the line and column a person can jump to.

/// Start of every line of a text, so that offsets become positions by binary search.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// Offset in the file of byte `inner` of a string's value, given the span of its literal.
    ///
    /// A value and its literal differ by quotes, escapes and a line break trimmed at the start.
    pub(crate) fn offset_in_string(&self, span: std::ops::Range<usize>, inner: usize) -> usize {
        let literal = self.text.get(span.clone()).unwrap_or_default();
        span.start + literal_offset(literal, inner)
    }
}

fn literal_offset(literal: &str, inner: usize) -> usize {
    let (quote_len, escapes) = match literal.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, true),
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'"', ..] => (1, true),
        [b'\'', ..] => (1, false),
        _ => return inner,
    };
    let mut at = quote_len;
    if quote_len == 3 {
        let body = &literal[at..];
        at += if body.starts_with("\r\n") { 2 } else { usize::from(body.starts_with('\n')) };
    }
    if !escapes {
        return at + inner;
    }
    let mut decoded = 0;
    while at < literal.len() {
        let (raw_len, value_len) = step(&literal[at..]);
        if decoded >= inner && value_len > 0 {
            break;
        }
        at += raw_len;
        decoded += value_len;
    }
    at
}

/// Bytes that the next character of a basic string takes in the file and in the value.
fn step(rest: &str) -> (usize, usize) {
    let Some(escape) = rest.strip_prefix('\\') else {
        let len = rest.chars().next().map_or(1, char::len_utf8);
        return (len, len);
    };
    let hex_len = match escape.as_bytes().first() {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        // A backslash at the end of a line swallows all white space after it.
        Some(b'\n' | b'\r' | b' ' | b'\t') => {
            return (1 + escape.len() - escape.trim_start().len(), 0);
        }
        Some(_) => return (2, 1),
        None => return (1, 1),
    };
    let code = escape.get(1..=hex_len).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    (2 + hex_len, code.and_then(char::from_u32).map_or(1, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::new("名 = \"退款\"\nb = 1\n");
        let check = |offset, expected| assert_eq!(lines.position(offset), expected, "{offset}");
        check(0, (1, 1));
        check(3, (1, 2));
        check(6, (1, 5));
        check(14, (1, 9));
        check(15, (2, 1));
        check(19, (2, 5));
        check(999, (3, 1));
    }

    #[test]
    fn offsets_inside_strings_follow_the_literal() {
        let check = |literal: &str, inner, expected: &str| {
            let at = literal_offset(literal, inner);
            assert!(literal[at..].starts_with(expected), "{literal}: {}", &literal[at..]);
        };
        check("'a == b'", 5, "b'");
        check("\"a == b\"", 5, "b\"");
        check(r#""a == \"退\" && b""#, 11, "&& b");
        check(r#""\u9000 == b""#, 7, "b");
        check("'''\na == b'''", 5, "b'");
        check("\"\"\"\r\na == b\"\"\"", 5, "b\"");
        check("\"\"\"a \\\n   == b\"\"\"", 2, "== b");
        check("'''''退'''", 2, "退");
    }
}
