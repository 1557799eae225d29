//! Groups texts of similar length, so that little of a batch is padding.

use std::ops::Range;

/// What one run of a model may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunLimits {
    /// Most tokens of a run, padding included: `padded_len * n_turns`. One text always fits.
    pub(super) token_budget: usize,
    /// Most texts of a run.
    pub(super) n_turns: usize,
}

/// Sorts `order` (positions of texts) by the texts' lengths in tokens and cuts it into runs within
/// the limits. Every position is in exactly one of the returned ranges of `order`.
pub(super) fn plan(
    len_of: impl Fn(usize) -> usize,
    order: &mut [usize],
    limits: RunLimits,
) -> Vec<Range<usize>> {
    order.sort_by_key(|&text_idx| len_of(text_idx));
    let mut runs = Vec::new();
    let mut start = 0;
    for end in 1..=order.len() {
        // In ascending order the next text is the longest of the run it would join.
        let n_with_next = end + 1 - start;
        let joins = order.get(end).is_some_and(|&next| {
            n_with_next <= limits.n_turns && n_with_next * len_of(next) <= limits.token_budget
        });
        if !joins {
            runs.push(start..end);
            start = end;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn similar_lengths_run_together() {
        let lens = [30, 3, 31, 4];
        let mut order = [0, 1, 2, 3];
        let runs = plan(|idx| lens[idx], &mut order, RunLimits { token_budget: 64, n_turns: 8 });
        assert_eq!(order, [1, 3, 0, 2]);
        assert_eq!(runs, [0..2, 2..4]);
    }

    proptest! {
        #[test]
        fn runs_cover_all_texts_within_the_limits(
            lens in prop::collection::vec(1usize..200, 0..60),
            token_budget in 1usize..1000,
            n_turns in 1usize..20,
        ) {
            let mut order: Vec<usize> = (0..lens.len()).collect();
            let runs = plan(|idx| lens[idx], &mut order, RunLimits { token_budget, n_turns });
            let mut next = 0;
            for run in runs {
                prop_assert_eq!(run.start, next);
                prop_assert!(!run.is_empty() && run.len() <= n_turns);
                let longest = order[run.clone()].iter().map(|&idx| lens[idx]).max().unwrap();
                prop_assert!(run.len() == 1 || run.len() * longest <= token_budget);
                next = run.end;
            }
            prop_assert_eq!(next, lens.len());
            order.sort_unstable();
            prop_assert_eq!(order, (0..lens.len()).collect::<Vec<_>>());
        }
    }
}
