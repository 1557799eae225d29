-- Times are milliseconds since 1970 in UTC, days are texts such as 2026-07-01.
CREATE TABLE articles ( -- one row an article; kind to review_by are those of the latest version
  id            TEXT PRIMARY KEY,
  revision      INTEGER NOT NULL, -- raised by each change, compared before the next
  latest        INTEGER NOT NULL,
  latest_status TEXT NOT NULL,
  published     INTEGER,          -- highest published version
  kind          TEXT NOT NULL,
  category      TEXT NOT NULL,
  question      TEXT NOT NULL,
  owner         TEXT,
  review_by     TEXT,
  created_ms    INTEGER NOT NULL,
  updated_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX articles_by_update ON articles (updated_ms, id);

CREATE TABLE article_versions (
  article_id   TEXT NOT NULL REFERENCES articles (id),
  version      INTEGER NOT NULL,
  status       TEXT NOT NULL,
  content      TEXT NOT NULL, -- JSON, written once
  author       TEXT NOT NULL,
  submitted_by TEXT,
  published_in INTEGER,       -- publications that brought it and took it away
  archived_in  INTEGER,
  created_ms   INTEGER NOT NULL,
  changed_ms   INTEGER NOT NULL,
  PRIMARY KEY (article_id, version)
) STRICT;
CREATE INDEX versions_by_publication ON article_versions (published_in);
CREATE INDEX versions_by_archiving ON article_versions (archived_in);

CREATE TABLE article_events (
  article_id TEXT NOT NULL REFERENCES articles (id),
  seq        INTEGER NOT NULL, -- the revision that the change led to
  version    INTEGER NOT NULL,
  action     TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at_ms      INTEGER NOT NULL,
  comment    TEXT,
  PRIMARY KEY (article_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE publication_counter (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  latest   INTEGER NOT NULL -- updating it is the lock that puts publications in order
) STRICT;
INSERT INTO publication_counter VALUES (1, 0);

CREATE TABLE publications (
  number     INTEGER PRIMARY KEY,
  reason     TEXT NOT NULL,
  article_id TEXT,
  actor      TEXT NOT NULL,
  at_ms      INTEGER NOT NULL
) STRICT;

CREATE TABLE pins ( -- the last row says which publication is served, null: the latest
  seq         INTEGER PRIMARY KEY,
  publication INTEGER REFERENCES publications (number),
  actor       TEXT NOT NULL,
  at_ms       INTEGER NOT NULL
) STRICT;

CREATE TABLE feedback (
  seq             INTEGER PRIMARY KEY,
  article_id      TEXT NOT NULL,
  version         INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  conversation_id TEXT,
  reference       TEXT,
  query           TEXT NOT NULL, -- masked
  verdict         TEXT NOT NULL,
  at_ms           INTEGER NOT NULL
) STRICT;
CREATE INDEX feedback_by_time ON feedback (at_ms);

CREATE TABLE unanswered (
  seq         INTEGER PRIMARY KEY,
  query       TEXT NOT NULL, -- masked
  intent      TEXT,
  top_article TEXT,
  score       REAL,
  at_ms       INTEGER NOT NULL
) STRICT;
CREATE INDEX unanswered_by_time ON unanswered (at_ms);

CREATE TABLE lexicons (
  name         TEXT NOT NULL,
  version      INTEGER NOT NULL,
  text         TEXT NOT NULL,
  published_in INTEGER NOT NULL REFERENCES publications (number),
  actor        TEXT NOT NULL,
  at_ms        INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE eval_cases (
  seq      INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  query    TEXT NOT NULL,
  relevant TEXT NOT NULL, -- JSON
  actor    TEXT NOT NULL,
  at_ms    INTEGER NOT NULL
) STRICT;

PRAGMA user_version = 2;
