//! The part of the contract about backups: what goes out of one database comes into the other.

use crate::kb::editorial::testing::{actor, at};
use crate::store::articles::{ArticleFilter, Page};
use crate::store::backup::DumpRow;
use crate::store::learning::{
    EvalCase, Feedback, LexiconDraft, LexiconName, Span, Unanswered, Verdict,
};
use crate::store::{Store, StoreError};
use jiff::Timestamp;

async fn dump(store: &dyn Store) -> Vec<DumpRow> {
    let mut rows = Vec::new();
    let mut take = |row| {
        rows.push(row);
        Ok(())
    };
    store.dump(&mut take).await.unwrap();
    rows
}

/// Gives `store` something of each kind besides the articles it has.
pub(in crate::store) async fn learn(store: &dyn Store) {
    for (verdict, reference) in [(Verdict::Helped, None), (Verdict::NotHelped, Some("t1".into()))] {
        let feedback = Feedback {
            article_id: "a".to_owned(),
            version: 1,
            generation: 3,
            conversation_id: None,
            reference,
            query: "多久到账".to_owned(),
            verdict,
            at: at(5),
        };
        store.add_feedback(feedback).await.unwrap();
    }
    for score in [None, Some(1.0), Some(0.1 + 0.2)] {
        let (query, intent) = ("能便宜点吗".to_owned(), Some("price".to_owned()));
        let question = Unanswered {
            conversation_id: None,
            reference: None,
            query,
            intent,
            top_article: None,
            score,
            at: at(6),
        };
        store.add_unanswered(question).await.unwrap();
    }
    for (base, name) in
        [(0, LexiconName::Synonyms), (1, LexiconName::Synonyms), (0, LexiconName::Dictionary)]
    {
        let text = format!("快递 物流 {base}\n");
        let draft = LexiconDraft { name, text, actor: actor("编辑乙"), at: at(7) };
        store.save_lexicon(base, draft).await.unwrap();
    }
    for id in ["z", "y"] {
        let (query, relevant) = ("怎么退".to_owned(), r#"{"a":2}"#.to_owned());
        let case = EvalCase { id: id.to_owned(), query, relevant, actor: actor("乙"), at: at(8) };
        store.add_eval_case(case).await.unwrap();
    }
}

/// Brings what is in `from` to `to`, which must be empty; panics where anything reads otherwise.
pub(in crate::store) async fn check(from: &dyn Store, to: &dyn Store) {
    let rows = dump(from).await;
    let mut broken = rows.iter().cloned().map(Ok).chain([Err("the file ended".into())]);
    let refused = to.load(&mut broken).await;
    assert!(matches!(refused, Err(StoreError::Transfer(_))), "{refused:?}");
    assert_eq!(dump(to).await, [], "all or nothing");

    to.load(&mut rows.iter().cloned().map(Ok)).await.unwrap();
    assert_eq!(dump(to).await, rows);
    same(from, to).await;
    let refused = to.load(&mut rows.iter().cloned().map(Ok)).await;
    let is_empty = rows.is_empty();
    assert!(is_empty || matches!(refused, Err(StoreError::NotEmpty)), "{refused:?}");
}

async fn same(from: &dyn Store, to: &dyn Store) {
    macro_rules! same {
        ($($method:ident($($argument:expr),*);)*) => {
            $(assert_eq!(from.$method($($argument),*).await.unwrap(), to.$method($($argument),*).await.unwrap());)*
        };
    }
    let ever = Span { from: Timestamp::MIN, until: Timestamp::MAX };
    let (filter, page) = (ArticleFilter::default(), Page { after: None, limit: 1000 });
    same! {
        publications();
        publication_log(u64::MAX, 1000);
        list(&filter, &page);
        versions_after(None, 1000);
        feedback(ever);
        unanswered(ever);
        lexicon_history(LexiconName::Synonyms);
        lexicon_history(LexiconName::Dictionary);
        eval_cases();
    }
    for summary in from.list(&filter, &page).await.unwrap().articles {
        let id = &summary.id;
        same! {
            article(id);
            versions(id);
            events(id);
        }
    }
    let latest = from.publications().await.unwrap().latest;
    for publication in 0..=latest {
        same! {
            served_at(publication, None, 1000);
            needs_rebuild(0, publication);
            changed_between(publication, latest);
            lexicon_at(LexiconName::Synonyms, publication);
        }
    }
    // Both go on from the same number.
    let number = to.bump_publication(&actor("编辑甲"), at(9)).await.unwrap();
    assert_eq!(number, latest + 1);
}
