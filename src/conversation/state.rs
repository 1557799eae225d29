//! The state machine of a conversation: pure functions from a state and what was heard to the next.
//!
//! Strikes are counted as API.md says ("How strikes are counted").

use super::{Action, HandoffReason, StrikeReason, TurnOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Matters remembered to notice a repeated question; older ones no longer count as repeated.
const MAX_MATTERS: usize = 16;

/// Words kept of what a next message may follow; the first ones name the matter.
const MAX_CONTEXT_WORDS: usize = 16;

/// Share of the longer question's words from which two questions of one intent are the same: in
/// eval-data, rewordings share 0.6 and more, other questions of an intent at most a half
/// (2026-11-21).
const REWORDED_FROM: f64 = 0.6;

/// Who has the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The bot answers.
    Bot,
    /// A person has it; the bot is silent.
    HandedOff,
    /// Ended; the next turn opens a new episode.
    Closed,
}

/// What must be known of a conversation to judge its next turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Who has it.
    pub phase: Phase,
    /// Counts from 1; a new one starts after closing and after a return to the bot. At most one
    /// hand-off an episode.
    pub episode: u32,
    /// Why each of the bot's failed turns in a row counts as failed; as many as strikes.
    pub reasons: Vec<StrikeReason>,
    /// Turns so far, over all episodes; the next turn's `seq`.
    pub n_turns: u32,
    /// The last reply to a matter asked back between in-scope choices.
    clarified: bool,
    /// The last turn got an answer, and nothing has been said of it yet.
    answer_open: bool,
    /// The latest turn known as solved: earlier turns no longer count as failed.
    resolved_seq: Option<u32>,
    /// Answers given since the count last started.
    answered: Vec<Answered>,
    /// The last answer of the episode, solved or not: what a follow-up is about.
    #[serde(default)]
    last: Option<Answered>,
    /// The hand-off has been told to the bot in a reply.
    announced: bool,
}

/// An answered question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Its intent label.
    pub intent: String,
    /// The article that answered it.
    pub article_id: String,
    /// The words that carry it, each once; of a follow-up also those of what it follows.
    pub words: Vec<String>,
}

/// What one turn says, strongest reading first where several would fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Asks for a person.
    HumanRequested,
    /// Says that the matter is solved.
    Solved,
    /// Greets, thanks, confirms or chats: neither adds nor resets.
    Courtesy,
    /// Says that the last answer did not help.
    DidNotHelp,
    /// Outside what the shop does.
    OutOfScope,
    /// Not understood.
    Unsure,
    /// Between several in-scope intents.
    Ambiguous,
    /// Understood.
    Matter {
        /// Its intent label.
        intent: &'a str,
        /// The article that would answer it.
        article_id: Option<&'a str>,
        /// The words that carry the question, each once.
        words: &'a [String],
        /// Whether it was understood from the answer before: the same article may answer it again.
        follows: bool,
    },
}

/// The settings the state machine needs.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Failed bot turns in a row that hand off, at least 1.
    pub max_strikes: u8,
    /// An answered turn without any sign counts as solved.
    pub silence_resolves: bool,
}

/// The next state and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The state to store.
    pub state: State,
    /// What the bot does.
    pub action: Action,
    /// The strike this turn added.
    pub strike: Option<StrikeReason>,
    /// Set where this step hands the conversation over: exactly once an episode.
    pub handoff: Option<HandoffReason>,
}

/// A turn as reports about it see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number in the conversation.
    pub seq: u32,
    /// Its episode.
    pub episode: u32,
    /// Why it counts as failed.
    pub strike: Option<StrikeReason>,
    /// What was reported before.
    pub outcome: Option<TurnOutcome>,
}

/// What a report changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The state to store.
    pub state: State,
    /// The turn's new mark.
    pub mark: Mark,
    /// Set where the report brought the count to the limit.
    pub handoff: Option<HandoffReason>,
}

impl State {
    /// A conversation before its first turn.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Phase::Bot,
            episode: 1,
            reasons: Vec::new(),
            n_turns: 0,
            clarified: false,
            answer_open: false,
            resolved_seq: None,
            answered: Vec::new(),
            last: None,
            announced: false,
        }
    }

    /// Failed bot turns in a row, 0 to the limit.
    #[must_use]
    pub fn strikes(&self) -> u8 {
        u8::try_from(self.reasons.len()).unwrap_or(u8::MAX)
    }

    /// Intent of the question answered last, since the count last started.
    #[must_use]
    pub fn last_answered_intent(&self) -> Option<&str> {
        self.answered.last().map(|answered| answered.intent.as_str())
    }

    /// The question answered last in this episode, solved or not; none once it is closed.
    #[must_use]
    pub fn last_answer(&self) -> Option<&Answered> {
        self.last.as_ref().filter(|_| self.phase != Phase::Closed)
    }

    /// The same conversation with the bot again and nothing counted.
    fn next_episode(&self) -> Self {
        Self { episode: self.episode + 1, n_turns: self.n_turns, ..Self::new() }
    }

    fn start_count_again(&mut self) {
        self.reasons.clear();
        self.clarified = false;
        self.answer_open = false;
        self.answered.clear();
    }

    /// Whether the question was answered before: by the same article unless it follows that, or for
    /// the same intent and in much the same words, whatever article fits now.
    fn has_answered(
        &self,
        intent: &str,
        article_id: &str,
        words: &[String],
        follows: bool,
    ) -> bool {
        self.answered.iter().any(|answered| {
            (!follows && answered.article_id == article_id)
                || (answered.intent == intent && is_reworded(&answered.words, words))
        })
    }

    fn remember(&mut self, intent: &str, article_id: &str, words: &[String]) {
        if self.answered.len() == MAX_MATTERS {
            self.answered.remove(0);
        }
        self.answered.push(Answered::new(intent, article_id, words));
    }

    /// What a next message may follow. A follow-up keeps the words of what it follows: "那要多久"
    /// says nothing of the matter.
    fn refer_to(&mut self, intent: &str, article_id: &str, words: &[String], follows: bool) {
        let mut last = Answered::new(intent, article_id, &[]);
        if let Some(before) = self.last.take().filter(|_| follows) {
            last.words = before.words;
        }
        for word in words {
            if last.words.len() < MAX_CONTEXT_WORDS && !last.words.contains(word) {
                last.words.push(word.clone());
            }
        }
        self.last = Some(last);
    }
}

impl Answered {
    fn new(intent: &str, article_id: &str, words: &[String]) -> Self {
        Self { intent: intent.to_owned(), article_id: article_id.to_owned(), words: words.to_vec() }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// Hears one turn.
#[must_use]
pub fn hear(state: &State, heard: Heard<'_>, limits: Limits) -> Step {
    let mut next = if state.phase == Phase::Closed { state.next_episode() } else { state.clone() };
    let seq = next.n_turns;
    next.n_turns += 1;
    if next.phase == Phase::HandedOff {
        let action = if next.announced { Action::Silent } else { Action::Transfer };
        next.announced = true;
        return Step { state: next, action, strike: None, handoff: None };
    }
    if limits.silence_resolves && next.answer_open && !is_about_last_answer(&next, heard) {
        next.start_count_again();
    }
    let strike = strike_of(&next, heard);
    if let Heard::Matter { intent, article_id: Some(article_id), words, follows } = heard {
        next.refer_to(intent, article_id, words, follows);
    }
    match heard {
        Heard::HumanRequested => return hand_over(next, HandoffReason::Requested, None),
        Heard::Solved => {
            next.start_count_again();
            next.resolved_seq = Some(seq);
        }
        Heard::Courtesy => {}
        Heard::Matter { intent, article_id: Some(article_id), words, .. } if strike.is_none() => {
            next.remember(intent, article_id, words);
            next.clarified = false;
            next.answer_open = true;
        }
        Heard::Ambiguous => {
            next.clarified = true;
            next.answer_open = false;
        }
        _ => {
            next.clarified = false;
            next.answer_open = false;
        }
    }
    next.reasons.extend(strike);
    if next.strikes() >= limits.max_strikes {
        return hand_over(next, HandoffReason::ThreeStrikes, strike);
    }
    Step { state: next, action: action_of(heard), strike, handoff: None }
}

/// Hands over because a rule says so; `step` is what [`hear`] answered for the same turn.
#[must_use]
pub fn hand_over_by_rule(step: Step) -> Step {
    match step.state.phase {
        Phase::Bot => hand_over(step.state, HandoffReason::Rule, step.strike),
        Phase::HandedOff | Phase::Closed => step,
    }
}

/// Takes a report about an earlier turn.
///
/// The same report again changes nothing. `Resolved` sets the count to 0. `Unresolved` adds a
/// strike if the turn has not counted already and no later turn is known as solved.
#[must_use]
pub fn report(state: &State, mark: Mark, outcome: TurnOutcome, limits: Limits) -> Reported {
    let mut next = state.clone();
    let mut marked = Mark { outcome: Some(outcome), ..mark };
    let unchanged = |state| Reported { state, mark: marked, handoff: None };
    if mark.outcome == Some(outcome) || mark.episode != state.episode || state.phase != Phase::Bot {
        return unchanged(next);
    }
    match outcome {
        TurnOutcome::Resolved => {
            marked.strike = None;
            next.start_count_again();
            next.resolved_seq = next.resolved_seq.max(Some(mark.seq));
            Reported { state: next, mark: marked, handoff: None }
        }
        TurnOutcome::Unresolved
            if mark.strike.is_some() || next.resolved_seq.is_some_and(|seq| mark.seq < seq) =>
        {
            unchanged(next)
        }
        TurnOutcome::Unresolved => {
            marked.strike = Some(StrikeReason::BotReported);
            next.answer_open = false;
            next.reasons.push(StrikeReason::BotReported);
            let handoff = (next.strikes() >= limits.max_strikes).then(|| {
                next.phase = Phase::HandedOff;
                HandoffReason::ThreeStrikes
            });
            Reported { state: next, mark: marked, handoff }
        }
    }
}

/// Ends the conversation; the next turn opens a new episode.
#[must_use]
pub fn close(state: &State) -> State {
    State { phase: Phase::Closed, ..state.clone() }
}

/// Gives a handed-off or closed conversation back to the bot, nothing counted.
#[must_use]
pub fn return_to_bot(state: &State) -> State {
    if state.phase == Phase::Bot { state.clone() } else { state.next_episode() }
}

fn hand_over(mut state: State, reason: HandoffReason, strike: Option<StrikeReason>) -> Step {
    state.phase = Phase::HandedOff;
    state.announced = true;
    Step { state, action: Action::Transfer, strike, handoff: Some(reason) }
}

fn strike_of(state: &State, heard: Heard<'_>) -> Option<StrikeReason> {
    match heard {
        Heard::HumanRequested | Heard::Solved | Heard::Courtesy => None,
        Heard::DidNotHelp => Some(StrikeReason::DidNotHelp),
        Heard::OutOfScope => Some(StrikeReason::OutOfScope),
        Heard::Unsure => Some(StrikeReason::Unsure),
        Heard::Ambiguous => state.clarified.then_some(StrikeReason::Unsure),
        Heard::Matter { article_id: None, .. } => Some(StrikeReason::NoAnswer),
        Heard::Matter { intent, article_id: Some(article_id), words, follows } => state
            .has_answered(intent, article_id, words, follows)
            .then_some(StrikeReason::SameMatter),
    }
}

/// Whether two questions share most words of the longer one.
fn is_reworded(earlier: &[String], words: &[String]) -> bool {
    let shared = words.iter().filter(|word| earlier.contains(word)).count();
    // An empty question shares nothing.
    #[expect(clippy::cast_precision_loss, reason = "a message has at most 2000 words")]
    let share = shared as f64 / earlier.len().max(words.len()).max(1) as f64;
    share >= REWORDED_FROM
}

/// Whether the turn itself says how the last answer was.
fn is_about_last_answer(state: &State, heard: Heard<'_>) -> bool {
    matches!(strike_of(state, heard), Some(StrikeReason::DidNotHelp | StrikeReason::SameMatter))
}

fn action_of(heard: Heard<'_>) -> Action {
    match heard {
        Heard::Solved | Heard::Courtesy | Heard::Matter { article_id: Some(_), .. } => {
            Action::Answer
        }
        Heard::HumanRequested => Action::Transfer,
        Heard::DidNotHelp
        | Heard::OutOfScope
        | Heard::Unsure
        | Heard::Ambiguous
        | Heard::Matter { article_id: None, .. } => Action::Clarify,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Heard::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { max_strikes: 3, silence_resolves: false };

    fn matter(article_id: &'static str) -> Heard<'static> {
        Matter {
            intent: "aftersale.return",
            article_id: Some(article_id),
            words: &[],
            follows: false,
        }
    }

    const NO_ANSWER: Heard<'static> =
        Matter { intent: "product.info", article_id: None, words: &[], follows: false };

    /// Hears one turn after the other; expects strikes and action after each.
    fn check(limits: Limits, turns: &[(Heard<'_>, u8, Action)]) -> State {
        let mut state = State::new();
        for (i, &(heard, strikes, action)) in turns.iter().enumerate() {
            let step = hear(&state, heard, limits);
            assert_eq!(
                (step.state.strikes(), step.action),
                (strikes, action),
                "turn {i} {heard:?}"
            );
            state = step.state;
        }
        state
    }

    #[test]
    fn three_failed_turns_hand_off_once() {
        let state = check(
            LIMITS,
            &[
                (NO_ANSWER, 1, Action::Clarify),
                (OutOfScope, 2, Action::Clarify),
                (DidNotHelp, 3, Action::Transfer),
                (DidNotHelp, 3, Action::Silent),
                (matter("a"), 3, Action::Silent),
            ],
        );
        assert_eq!(state.phase, Phase::HandedOff);
    }

    #[test]
    fn courtesies_neither_add_nor_reset() {
        check(
            LIMITS,
            &[
                (Courtesy, 0, Action::Answer),
                (Unsure, 1, Action::Clarify),
                (Courtesy, 1, Action::Answer),
                (Unsure, 2, Action::Clarify),
                (Courtesy, 2, Action::Answer),
                (NO_ANSWER, 3, Action::Transfer),
            ],
        );
    }

    #[test]
    fn solved_starts_the_count_again() {
        check(
            LIMITS,
            &[
                (Unsure, 1, Action::Clarify),
                (DidNotHelp, 2, Action::Clarify),
                (Solved, 0, Action::Answer),
                (Unsure, 1, Action::Clarify),
            ],
        );
    }

    #[test]
    fn the_same_matter_again_is_a_strike_unless_solved_between() {
        check(
            LIMITS,
            &[
                (matter("a"), 0, Action::Answer),
                (matter("b"), 0, Action::Answer),
                (matter("a"), 1, Action::Answer),
                (Solved, 0, Action::Answer),
                (matter("a"), 0, Action::Answer),
            ],
        );
    }

    #[test]
    fn a_follow_up_may_get_the_same_article_and_keeps_the_matter() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (first, then) = (words("改 地址"), words("多久 生效"));
        let asked = |words, follows| Matter {
            intent: "order.modify",
            article_id: Some("a"),
            words,
            follows,
        };
        let state = check(
            LIMITS,
            &[
                (asked(&first, false), 0, Action::Answer),
                (asked(&then, true), 0, Action::Answer),
                (asked(&then, true), 1, Action::Answer),
            ],
        );
        let last = state.last_answer().unwrap();
        assert_eq!((last.article_id.as_str(), &last.words), ("a", &words("改 地址 多久 生效")));
        let solved = hear(&state, Solved, LIMITS).state;
        assert_eq!(solved.last_answer(), Some(last), "solved, and still what may be followed");
        let again = hear(&close(&solved), Courtesy, LIMITS).state;
        assert_eq!(again.last_answer(), None);
        let mut stored = serde_json::to_value(&state).unwrap();
        stored.as_object_mut().unwrap().remove("last");
        assert!(serde_json::from_value::<State>(stored).is_ok(), "written by an earlier version");
    }

    #[test]
    fn the_same_words_for_the_same_intent_are_the_same_matter() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let first = words("收货 地址 改");
        let asked =
            Matter { intent: "order.modify", article_id: Some("a"), words: &first, follows: false };
        let state = hear(&State::new(), asked, LIMITS).state;
        let strikes = |intent: &str, text: &str| {
            let words = words(text);
            let asked = Matter { intent, article_id: Some("b"), words: &words, follows: false };
            hear(&state, asked, LIMITS).state.strikes()
        };
        assert_eq!(strikes("order.modify", "收货 地址 改 啦"), 1);
        assert_eq!(strikes("order.modify", "收货 电话 改 一个"), 0);
        assert_eq!(strikes("order.modify", "地址"), 0, "a part is not the whole");
        assert_eq!(strikes("shipping.track", "收货 地址 改"), 0);
    }

    #[test]
    fn the_second_question_back_in_a_row_is_a_strike() {
        check(
            LIMITS,
            &[
                (Ambiguous, 0, Action::Clarify),
                (Ambiguous, 1, Action::Clarify),
                (matter("a"), 1, Action::Answer),
                (Ambiguous, 1, Action::Clarify),
                (Courtesy, 1, Action::Answer),
                (Ambiguous, 2, Action::Clarify),
            ],
        );
    }

    #[test]
    fn a_request_for_a_person_hands_off_at_once() {
        let state = check(LIMITS, &[(HumanRequested, 0, Action::Transfer)]);
        let back = return_to_bot(&state);
        assert_eq!((back.phase, back.episode, back.strikes()), (Phase::Bot, 2, 0));
        let step = hear(&close(&state), Unsure, LIMITS);
        assert_eq!((step.state.episode, step.state.strikes()), (2, 1));
    }

    #[test]
    fn silence_can_mean_solved() {
        let limits = Limits { silence_resolves: true, ..LIMITS };
        check(
            limits,
            &[
                (Unsure, 1, Action::Clarify),
                (matter("a"), 1, Action::Answer),
                (matter("b"), 0, Action::Answer),
                (DidNotHelp, 1, Action::Clarify),
            ],
        );
    }

    fn mark(seq: u32) -> Mark {
        Mark { seq, episode: 1, strike: None, outcome: None }
    }

    #[test]
    fn reports_count_once_and_never_twice() {
        let state = check(LIMITS, &[(matter("a"), 0, Action::Answer)]);
        let first = report(&state, mark(0), TurnOutcome::Unresolved, LIMITS);
        assert_eq!(first.state.strikes(), 1);
        assert_eq!(first.mark.strike, Some(StrikeReason::BotReported));
        let again = report(&first.state, first.mark, TurnOutcome::Unresolved, LIMITS);
        assert_eq!(again.state, first.state);
        let solved = report(&first.state, first.mark, TurnOutcome::Resolved, LIMITS);
        assert_eq!((solved.state.strikes(), solved.mark.strike), (0, None));
        let late = report(
            &hear(&solved.state, matter("b"), LIMITS).state,
            Mark { seq: 0, ..solved.mark },
            TurnOutcome::Unresolved,
            LIMITS,
        );
        assert_eq!(late.state.strikes(), 1, "the turn itself is no longer solved");
    }

    #[test]
    fn a_turn_that_failed_by_its_own_words_is_not_counted_again() {
        let step = hear(&State::new(), OutOfScope, LIMITS);
        let failed = Mark { strike: step.strike, ..mark(0) };
        let reported = report(&step.state, failed, TurnOutcome::Unresolved, LIMITS);
        assert_eq!(reported.state.strikes(), 1);
    }

    #[test]
    fn turns_before_a_solved_one_no_longer_count() {
        let state =
            check(LIMITS, &[(matter("a"), 0, Action::Answer), (matter("b"), 0, Action::Answer)]);
        let solved = report(&state, mark(1), TurnOutcome::Resolved, LIMITS);
        let late = report(&solved.state, mark(0), TurnOutcome::Unresolved, LIMITS);
        assert_eq!(late.state.strikes(), 0);
    }

    #[test]
    fn the_third_report_hands_off_and_the_next_turn_says_so_once() {
        let mut state = check(
            LIMITS,
            &[
                (matter("a"), 0, Action::Answer),
                (matter("b"), 0, Action::Answer),
                (matter("c"), 0, Action::Answer),
            ],
        );
        for (seq, handoff) in [(0, None), (1, None), (2, Some(HandoffReason::ThreeStrikes))] {
            let reported = report(&state, mark(seq), TurnOutcome::Unresolved, LIMITS);
            assert_eq!(reported.handoff, handoff);
            state = reported.state;
        }
        let told = hear(&state, matter("d"), LIMITS);
        assert_eq!((told.action, told.handoff), (Action::Transfer, None));
        assert_eq!(hear(&told.state, matter("d"), LIMITS).action, Action::Silent);
    }

    fn any_heard() -> impl Strategy<Value = Heard<'static>> {
        prop_oneof![
            Just(HumanRequested),
            Just(Solved),
            Just(Courtesy),
            Just(DidNotHelp),
            Just(OutOfScope),
            Just(Unsure),
            Just(Ambiguous),
            Just(NO_ANSWER),
            Just(matter("a")),
            Just(matter("b")),
        ]
    }

    proptest! {
        #[test]
        fn strikes_stay_in_bounds_and_one_handoff_an_episode(
            turns in prop::collection::vec(any_heard(), 0..30),
            max_strikes in 1_u8..=10,
            silence_resolves: bool,
        ) {
            let limits = Limits { max_strikes, silence_resolves };
            let mut state = State::new();
            let (mut handoffs, mut transfers) = (0, 0);
            for heard in turns {
                let step = hear(&state, heard, limits);
                prop_assert!(step.state.strikes() <= max_strikes);
                prop_assert!(step.state.strikes() <= state.strikes() + 1);
                prop_assert!(step.strike.is_some() || step.state.strikes() <= state.strikes());
                handoffs += usize::from(step.handoff.is_some());
                transfers += usize::from(step.action == Action::Transfer);
                state = step.state;
            }
            prop_assert!(handoffs <= 1 && transfers <= 1);
            prop_assert_eq!(handoffs == 1, state.phase == Phase::HandedOff);
        }
    }
}
