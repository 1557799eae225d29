//! Conversations.

use super::row::{bad_row, json, number, optional_number, stored, stored_text, time, to_json};
use super::{SqlStore, settle};
use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::{ClientId, ConversationId, TurnId};
use crate::store::{Store, StoreError, StoreFuture};
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};

impl Store for SqlStore {
    fn conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> StoreFuture<'a, Option<ConversationRecord>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM conversations WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            row.map(|row| conversation_of(id, &row)).transpose()
        })
    }

    fn turn<'a>(
        &'a self,
        id: &'a ConversationId,
        turn_id: &'a TurnId,
    ) -> StoreFuture<'a, Option<TurnRecord>> {
        Box::pin(async move {
            let row =
                sqlx::query("SELECT * FROM turns WHERE conversation_id = $1 AND turn_id = $2")
                    .bind(id.as_str())
                    .bind(turn_id.as_str())
                    .fetch_optional(&self.readers)
                    .await?;
            row.as_ref().map(turn_of).transpose()
        })
    }

    fn turns<'a>(&'a self, id: &'a ConversationId) -> StoreFuture<'a, Vec<TurnRecord>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM turns WHERE conversation_id = $1 ORDER BY seq")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(turn_of).collect()
        })
    }

    fn last_handoff<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> StoreFuture<'a, Option<HandoffRecord>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT * FROM handoffs WHERE conversation_id = $1 ORDER BY episode DESC LIMIT 1",
            )
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
            row.map(|row| {
                Ok(HandoffRecord {
                    episode: number(&row, "episode")?,
                    packet: row.try_get("packet")?,
                })
            })
            .transpose()
        })
    }

    fn commit(&self, change: Change) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut connection = self.writer.acquire().await?;
            let written = write(&mut connection, self.dialect.begin, &change).await;
            settle(connection, written).await
        })
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            sqlx::query("SELECT 1 FROM conversations LIMIT 1").execute(&self.readers).await?;
            Ok(())
        })
    }
}

/// Writes a change in one transaction, which a dropped future rolls back.
async fn write(
    connection: &mut AnyConnection,
    begin: &'static str,
    change: &Change,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with(begin).await?;
    let conversation = &change.conversation;
    let id = conversation.id.as_str();
    let result = sqlx::query(
        "INSERT INTO conversations \
         (id, version, state, customer, channel, resolved, rating, created_ms, updated_ms) \
         SELECT $1, 1, $3, $4, $5, $6, $7, $8, $9 WHERE $2 = 0 OR \
         EXISTS (SELECT 1 FROM conversations WHERE id = $1) \
         ON CONFLICT (id) DO UPDATE SET version = conversations.version + 1, state = $3, \
         customer = $4, channel = $5, resolved = $6, rating = $7, updated_ms = $9 \
         WHERE conversations.version = $2",
    )
    .bind(id)
    .bind(stored(conversation.version))
    .bind(to_json(&conversation.state))
    .bind(&conversation.customer)
    .bind(stored_text(&conversation.channel))
    .bind(conversation.resolved.map(i64::from))
    .bind(conversation.rating.map(i64::from))
    .bind(conversation.created_at.as_millisecond())
    .bind(conversation.updated_at.as_millisecond())
    .execute(&mut *transaction)
    .await?;
    if result.rows_affected() != 1 {
        return Err(StoreError::Conflict);
    }
    if let Some(turn) = &change.turn {
        sqlx::query(
            "INSERT INTO turns (conversation_id, seq, turn_id, episode, at_ms, text, \
             strike, outcome, outcome_reason, reply) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (conversation_id, seq) DO UPDATE SET strike = excluded.strike, \
             outcome = excluded.outcome, outcome_reason = excluded.outcome_reason \
             WHERE turns.turn_id = excluded.turn_id",
        )
        .bind(id)
        .bind(i64::from(turn.seq))
        .bind(turn.turn_id.as_str())
        .bind(i64::from(turn.episode))
        .bind(turn.at.as_millisecond())
        .bind(stored_text(&turn.text))
        .bind(turn.strike.map(|strike| to_json(&strike)))
        .bind(turn.outcome.map(|outcome| to_json(&outcome)))
        .bind(turn.outcome_reason.as_deref().map(stored_text))
        .bind(&turn.reply)
        .execute(&mut *transaction)
        .await?;
    }
    if let Some(handoff) = &change.handoff {
        sqlx::query("INSERT INTO handoffs (conversation_id, episode, packet) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(i64::from(handoff.episode))
            .bind(&handoff.packet)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn conversation_of(id: &ConversationId, row: &AnyRow) -> Result<ConversationRecord, StoreError> {
    Ok(ConversationRecord {
        id: id.clone(),
        version: number(row, "version")?,
        state: json(row, "state")?,
        customer: row.try_get("customer")?,
        channel: row.try_get("channel")?,
        resolved: row.try_get::<Option<i64>, _>("resolved")?.map(|resolved| resolved != 0),
        rating: optional_number(row, "rating")?,
        created_at: time(row, "created_ms")?,
        updated_at: time(row, "updated_ms")?,
    })
}

fn turn_of(row: &AnyRow) -> Result<TurnRecord, StoreError> {
    let turn_id = ClientId::try_from(row.try_get::<String, _>("turn_id")?);
    Ok(TurnRecord {
        turn_id: turn_id.map_err(|error| bad_row("turn", error))?,
        seq: number(row, "seq")?,
        episode: number(row, "episode")?,
        at: time(row, "at_ms")?,
        text: row.try_get("text")?,
        strike: optional_json(row, "strike")?,
        outcome: optional_json(row, "outcome")?,
        outcome_reason: row.try_get("outcome_reason")?,
        reply: row.try_get("reply")?,
    })
}

fn optional_json<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text = row.try_get::<Option<String>, _>(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| bad_row(column, error))).transpose()
}
