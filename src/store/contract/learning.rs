//! The half of the contract about what the knowledge base learns from.

use super::n_stored;
use crate::kb::editorial::testing::{actor, at};
use crate::store::learning::{
    EvalCase, Feedback, Lexicon, LexiconDraft, LexiconName, ReviewRequest, Span, Unanswered,
    Verdict,
};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Panics where `store` breaks the contract; `store` must be empty.
pub(in crate::store) async fn check(store: Arc<dyn Store>) {
    feedback_and_questions_come_by_time(&*store).await;
    a_turn_is_told_of_once(&*store).await;
    requests_of_reviews_come_by_time(&*store).await;
    word_lists_are_appended(&store).await;
    cases_have_ids(&*store).await;
}

async fn feedback_and_questions_come_by_time(store: &dyn Store) {
    let feedback = |second: u64, verdict: Verdict| Feedback {
        article_id: "a".to_owned(),
        version: 2,
        generation: 7,
        conversation_id: (second < 20).then(|| "c1".to_owned()),
        reference: Some(format!("t{second}")),
        query: "多久到账".to_owned(),
        verdict,
        at: at(second),
    };
    let all = [
        feedback(10, Verdict::Helped),
        feedback(20, Verdict::NotHelped),
        feedback(21, Verdict::Clicked),
    ];
    for i in [2, 0, 1] {
        store.add_feedback(all[i].clone()).await.unwrap();
    }
    let span = |from: u64, until: u64| Span { from: at(from), until: at(until) };
    assert_eq!(store.feedback(span(0, 100)).await.unwrap(), all);
    assert_eq!(store.feedback(span(20, 21)).await.unwrap(), all[1..2]);

    let question = |second: u64, score: Option<f64>| Unanswered {
        conversation_id: Some("c1".to_owned()),
        reference: Some(format!("t{}", score.is_some())),
        query: "能开\0发票吗".to_owned(),
        intent: score.map(|_| "invoice.how_to".to_owned()),
        top_article: score.map(|_| "a".to_owned()),
        score,
        at: at(second),
    };
    for score in [Some(0.125), None] {
        store.add_unanswered(question(5, score)).await.unwrap();
    }
    let kept =
        |score| Unanswered { query: "能开\u{fffd}发票吗".to_owned(), ..question(5, score) };
    let expected = [kept(Some(0.125)), kept(None)];
    assert_eq!(store.unanswered(span(5, 6)).await.unwrap(), expected);
    assert_eq!(store.unanswered(span(6, 7)).await.unwrap(), []);
}

async fn a_turn_is_told_of_once(store: &dyn Store) {
    let span = Span { from: at(200), until: at(300) };
    let feedback = |second: u64, turn: &str, verdict: Verdict| Feedback {
        article_id: "a".to_owned(),
        version: 2,
        generation: 7,
        conversation_id: Some("c2".to_owned()),
        reference: Some(turn.to_owned()),
        query: "多久到账".to_owned(),
        verdict,
        at: at(second),
    };
    let told = [
        feedback(200, "t1", Verdict::NotHelped),
        feedback(201, "t1", Verdict::Clicked),
        feedback(202, "t1", Verdict::Clicked),
        feedback(203, "t2", Verdict::Helped),
        feedback(204, "t1", Verdict::Helped),
        feedback(204, "t1", Verdict::Helped),
    ];
    for feedback in &told {
        store.add_feedback(feedback.clone()).await.unwrap();
    }
    assert_eq!(store.feedback(span).await.unwrap(), told[1..5]);

    let question = |turn: Option<&str>| Unanswered {
        conversation_id: turn.map(|_| "c2".to_owned()),
        reference: turn.map(str::to_owned),
        query: "能开发票吗".to_owned(),
        intent: None,
        top_article: None,
        score: None,
        at: at(200),
    };
    let told = [Some("t1"), Some("t2"), Some("t1"), None, None].map(question);
    for question in &told {
        store.add_unanswered(question.clone()).await.unwrap();
    }
    let kept = [Some("t1"), Some("t2"), None, None].map(question);
    assert_eq!(store.unanswered(span).await.unwrap(), kept, "what has no turn is never the same");
}

async fn requests_of_reviews_come_by_time(store: &dyn Store) {
    let request = |second: u64, article_id: &str| ReviewRequest {
        article_id: article_id.to_owned(),
        changed: "policy:return-7d".to_owned(),
        note: "改为 15 天".to_owned(),
        actor: actor("编辑甲"),
        at: at(second),
    };
    let all = [request(5, "b"), request(5, "a"), request(9, "a")];
    store.request_reviews(all[2..].to_vec()).await.unwrap();
    store.request_reviews(all[..2].to_vec()).await.unwrap();
    store.request_reviews(Vec::new()).await.unwrap();
    let span = |from: u64, until: u64| Span { from: at(from), until: at(until) };
    assert_eq!(store.review_requests(span(0, 100)).await.unwrap(), all);
    assert_eq!(store.review_requests(span(6, 100)).await.unwrap(), all[2..]);
}

async fn word_lists_are_appended(store: &Arc<dyn Store>) {
    let name = LexiconName::Synonyms;
    assert_eq!(store.lexicon(name).await.unwrap(), None);
    let draft = |text: &str| LexiconDraft {
        name,
        text: text.to_owned(),
        actor: actor("编辑甲"),
        at: at(1),
    };
    let first = store.save_lexicon(0, draft("退款 退钱")).await.unwrap();
    let second = store.save_lexicon(1, draft("退款 退钱 返钱")).await.unwrap();
    assert_eq!(store.publications().await.unwrap().latest, second.published_in);
    assert_eq!(second.published_in, first.published_in + 1);
    assert!(store.needs_rebuild(first.published_in, second.published_in).await.unwrap());
    assert!(!store.needs_rebuild(second.published_in, second.published_in).await.unwrap());
    let refused = store.save_lexicon(1, draft("丢失")).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(store.publications().await.unwrap().latest, second.published_in);
    let mut saves = JoinSet::new();
    for i in 0..4 {
        let (store, draft) = (store.clone(), draft(&format!("第 {i} 份")));
        saves.spawn(async move { store.save_lexicon(2, draft).await });
    }
    assert_eq!(n_stored(saves).await, 1);
    let history = store.lexicon_history(name).await.unwrap();
    let versions: Vec<_> = history.iter().map(|lexicon| lexicon.version).collect();
    assert_eq!(versions, [3, 2, 1]);
    assert_eq!(store.lexicon(name).await.unwrap().as_ref(), history.first());
    let at = async |publication| -> Option<Lexicon> {
        store.lexicon_at(name, publication).await.unwrap()
    };
    assert_eq!(at(first.published_in - 1).await, None);
    assert_eq!(at(first.published_in).await, Some(first));
    assert_eq!(at(second.published_in).await, Some(second));
    assert_eq!(store.lexicon(LexiconName::Dictionary).await.unwrap(), None);
}

async fn cases_have_ids(store: &dyn Store) {
    let case = |id: &str| EvalCase {
        id: id.to_owned(),
        query: "怎么退".to_owned(),
        relevant: r#"{"a":3}"#.to_owned(),
        actor: actor("编辑甲"),
        at: at(1),
    };
    store.add_eval_case(case("b")).await.unwrap();
    store.add_eval_case(case("a")).await.unwrap();
    assert!(matches!(store.add_eval_case(case("a")).await, Err(StoreError::Conflict)));
    assert_eq!(store.eval_cases().await.unwrap(), [case("b"), case("a")]);
}
