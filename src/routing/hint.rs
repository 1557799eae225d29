//! Suggestions for misspelt names.

/// `; did you mean `x`?` for the candidate nearest to `name`, or nothing where none is near.
pub(crate) fn did_you_mean<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    // Two slips in a word of six letters is about what people still recognise.
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let near = candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min();
    near.map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

/// Number of characters to insert, drop, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        let check = |name, expected: &str| {
            let candidates = ["logistics", "aftersale", "vip", "presale"];
            assert_eq!(did_you_mean(name, candidates.into_iter()), expected, "{name}");
        };
        check("logistic", "; did you mean `logistics`?");
        check("pressale", "; did you mean `presale`?");
        check("vpi", "; did you mean `vip`?");
        check("billing", "");
    }
}
