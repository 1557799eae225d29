//! What every [`Store`] must do, run on each implementation.

pub(super) mod articles;
pub(super) mod backup;
pub(super) mod learning;
pub(super) mod model;

use super::{Store, StoreError};
use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::state::{Heard, Limits, State, hear};
use crate::conversation::{ClientId, ConversationId, StrikeReason, TurnOutcome};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::task::JoinSet;

pub(super) fn id(id: &str) -> ClientId {
    ClientId::try_from(id.to_owned()).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn turn(seq: u32, turn_id: &str) -> TurnRecord {
    TurnRecord {
        turn_id: id(turn_id),
        seq,
        episode: 1,
        at: at(i64::from(seq)),
        text: "我的快递138****8000".to_owned(),
        strike: None,
        outcome: None,
        outcome_reason: None,
        reply: r#"{"action":"answer"}"#.to_owned(),
    }
}

pub(super) fn first_turn(conversation_id: &ConversationId) -> Change {
    let limits = Limits { max_strikes: 3, silence_resolves: false };
    let conversation = ConversationRecord {
        id: conversation_id.clone(),
        version: 0,
        state: hear(&State::new(), Heard::Courtesy, limits).state,
        customer: r#"{"tags":["vip"]}"#.to_owned(),
        channel: "app".to_owned(),
        resolved: None,
        rating: None,
        created_at: at(0),
        updated_at: at(0),
    };
    Change { conversation, turn: Some(turn(0, "t1")), handoff: None }
}

/// Panics where `store` breaks the contract; `store` must be empty.
pub(super) async fn check(store: Arc<dyn Store>) {
    store.ready().await.unwrap();
    let c1 = id("c1");
    assert!(store.conversation(&c1).await.unwrap().is_none());
    assert!(store.turns(&c1).await.unwrap().is_empty());
    assert!(store.last_handoff(&c1).await.unwrap().is_none());

    // A first change creates; the same again is refused as a whole.
    store.commit(first_turn(&c1)).await.unwrap();
    let again = store.commit(first_turn(&c1)).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    let stored = store.conversation(&c1).await.unwrap().unwrap();
    assert_eq!(stored, ConversationRecord { version: 1, ..first_turn(&c1).conversation });
    assert_eq!(store.turns(&c1).await.unwrap(), vec![turn(0, "t1")]);

    // A change of something that does not exist is refused.
    let mut nowhere = first_turn(&id("c2"));
    nowhere.conversation.version = 7;
    assert!(matches!(store.commit(nowhere).await, Err(StoreError::Conflict)));
    assert!(store.conversation(&id("c2")).await.unwrap().is_none());

    // A report updates the turn it is about and nothing else of it.
    let reported = TurnRecord {
        strike: Some(StrikeReason::BotReported),
        outcome: Some(TurnOutcome::Unresolved),
        outcome_reason: Some("点了没帮到".to_owned()),
        ..turn(0, "t1")
    };
    let change = Change {
        conversation: stored.clone(),
        turn: Some(reported.clone()),
        handoff: Some(HandoffRecord { episode: 1, packet: "{}".to_owned() }),
    };
    store.commit(change.clone()).await.unwrap();
    assert_eq!(store.turn(&c1, &id("t1")).await.unwrap(), Some(reported.clone()));
    assert_eq!(store.last_handoff(&c1).await.unwrap().unwrap().episode, 1);

    // A second hand-off in the episode is refused, and with it the whole change.
    let stored = store.conversation(&c1).await.unwrap().unwrap();
    assert_eq!(stored.version, 2);
    let second = Change { conversation: stored.clone(), turn: Some(turn(1, "t2")), ..change };
    assert!(matches!(store.commit(second).await, Err(StoreError::Conflict)));
    assert_eq!(store.turns(&c1).await.unwrap(), vec![reported]);

    // A turn id exists once.
    let same_id = Change { conversation: stored.clone(), turn: Some(turn(1, "t1")), handoff: None };
    assert!(matches!(store.commit(same_id).await, Err(StoreError::Conflict)));

    // Of many changes made from one version at once one is stored.
    let mut commits = JoinSet::new();
    for i in 0..8 {
        let (store, conversation) = (store.clone(), stored.clone());
        let turn = Some(turn(1, &format!("p{i}")));
        commits
            .spawn(async move { store.commit(Change { conversation, turn, handoff: None }).await });
    }
    assert_eq!(n_stored(commits).await, 1);
    assert_eq!(store.conversation(&c1).await.unwrap().unwrap().version, 3);

    // Any text that a customer can send is kept; one database has no U+0000.
    let mut odd = first_turn(&id("c3"));
    odd.turn = Some(TurnRecord { text: "a\0'%😀".to_owned(), ..turn(0, "t1") });
    store.commit(odd).await.unwrap();
    assert_eq!(store.turns(&id("c3")).await.unwrap()[0].text, "a\u{fffd}'%😀");
}

/// How many of these were stored; the others must have been refused as coming second.
pub(super) async fn n_stored<T: Send + 'static>(commits: JoinSet<Result<T, StoreError>>) -> usize {
    let results = commits.join_all().await;
    for result in &results {
        assert!(matches!(result, Ok(_) | Err(StoreError::Conflict)), "{:?}", result.as_ref().err());
    }
    results.iter().filter(|result| result.is_ok()).count()
}
