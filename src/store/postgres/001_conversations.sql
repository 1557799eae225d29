-- The same tables as for SQLite. Times are milliseconds since 1970 in UTC; *.state, *.customer, *.reply, *.packet are JSON.
CREATE TABLE conversations (
  id         TEXT PRIMARY KEY,
  version    BIGINT NOT NULL, -- raised by each change, compared before the next
  state      TEXT NOT NULL,
  customer   TEXT NOT NULL,
  channel    TEXT NOT NULL,
  resolved   BIGINT,
  rating     BIGINT,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

CREATE TABLE turns (
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  seq             BIGINT NOT NULL,
  turn_id         TEXT NOT NULL, -- chosen by the client: the same again is a retry
  episode         BIGINT NOT NULL,
  at_ms           BIGINT NOT NULL,
  text            TEXT NOT NULL, -- masked
  strike          TEXT,
  outcome         TEXT,
  outcome_reason  TEXT,
  reply           TEXT NOT NULL,
  PRIMARY KEY (conversation_id, seq),
  UNIQUE (conversation_id, turn_id)
);

CREATE TABLE handoffs (
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  episode         BIGINT NOT NULL,
  packet          TEXT NOT NULL,
  PRIMARY KEY (conversation_id, episode) -- one hand-off an episode
);

UPDATE schema_version SET version = 1;
