-- Times are milliseconds since 1970 in UTC; *.state, *.customer, *.reply, *.packet are JSON.
CREATE TABLE conversations (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL, -- raised by each change, compared before the next
  state      TEXT NOT NULL,
  customer   TEXT NOT NULL,
  channel    TEXT NOT NULL,
  resolved   INTEGER,
  rating     INTEGER,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE turns (
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  seq             INTEGER NOT NULL,
  turn_id         TEXT NOT NULL, -- chosen by the client: the same again is a retry
  episode         INTEGER NOT NULL,
  at_ms           INTEGER NOT NULL,
  text            TEXT NOT NULL, -- masked
  strike          TEXT,
  outcome         TEXT,
  outcome_reason  TEXT,
  reply           TEXT NOT NULL,
  PRIMARY KEY (conversation_id, seq),
  UNIQUE (conversation_id, turn_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE handoffs (
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  episode         INTEGER NOT NULL,
  packet          TEXT NOT NULL,
  PRIMARY KEY (conversation_id, episode) -- one hand-off an episode
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
