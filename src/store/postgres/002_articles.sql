-- The same tables as for SQLite; COLLATE "C" orders by code point and lowers Latin letters alone, as there.
-- Times are milliseconds since 1970 in UTC, days are texts such as 2026-07-01.
CREATE TABLE articles ( -- one row an article; kind to review_by are those of the latest version
  id            TEXT COLLATE "C" PRIMARY KEY,
  revision      BIGINT NOT NULL, -- raised by each change, compared before the next
  latest        BIGINT NOT NULL,
  latest_status TEXT NOT NULL,
  published     BIGINT,          -- highest published version
  kind          TEXT NOT NULL,
  category      TEXT NOT NULL,
  question      TEXT COLLATE "C" NOT NULL,
  owner         TEXT,
  review_by     TEXT COLLATE "C",
  created_ms    BIGINT NOT NULL,
  updated_ms    BIGINT NOT NULL
);
CREATE INDEX articles_by_update ON articles (updated_ms, id);

CREATE TABLE article_versions (
  article_id   TEXT COLLATE "C" NOT NULL REFERENCES articles (id),
  version      BIGINT NOT NULL,
  status       TEXT NOT NULL,
  content      TEXT NOT NULL, -- JSON, written once
  author       TEXT NOT NULL,
  submitted_by TEXT,
  published_in BIGINT,       -- publications that brought it and took it away
  archived_in  BIGINT,
  created_ms   BIGINT NOT NULL,
  changed_ms   BIGINT NOT NULL,
  PRIMARY KEY (article_id, version)
);
CREATE INDEX versions_by_publication ON article_versions (published_in);
CREATE INDEX versions_by_archiving ON article_versions (archived_in);

CREATE TABLE article_events (
  article_id TEXT COLLATE "C" NOT NULL REFERENCES articles (id),
  seq        BIGINT NOT NULL, -- the revision that the change led to
  version    BIGINT NOT NULL,
  action     TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at_ms      BIGINT NOT NULL,
  comment    TEXT,
  PRIMARY KEY (article_id, seq)
);

CREATE TABLE publication_counter (
  only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
  latest   BIGINT NOT NULL -- updating it is the lock that puts publications in order
);
INSERT INTO publication_counter VALUES (1, 0);

CREATE TABLE publications (
  number     BIGINT PRIMARY KEY,
  reason     TEXT NOT NULL,
  article_id TEXT COLLATE "C",
  actor      TEXT NOT NULL,
  at_ms      BIGINT NOT NULL
);

CREATE TABLE pins ( -- the last row says which publication is served, null: the latest
  seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  publication BIGINT REFERENCES publications (number),
  actor       TEXT NOT NULL,
  at_ms       BIGINT NOT NULL
);

CREATE TABLE feedback (
  seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  article_id      TEXT COLLATE "C" NOT NULL,
  version         BIGINT NOT NULL,
  generation      BIGINT NOT NULL,
  conversation_id TEXT,
  reference       TEXT,
  query           TEXT NOT NULL, -- masked
  verdict         TEXT NOT NULL,
  at_ms           BIGINT NOT NULL
);
CREATE INDEX feedback_by_time ON feedback (at_ms);

CREATE TABLE unanswered (
  seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  query       TEXT NOT NULL, -- masked
  intent      TEXT,
  top_article TEXT,
  score       DOUBLE PRECISION,
  at_ms       BIGINT NOT NULL
);
CREATE INDEX unanswered_by_time ON unanswered (at_ms);

CREATE TABLE lexicons (
  name         TEXT NOT NULL,
  version      BIGINT NOT NULL,
  text         TEXT NOT NULL,
  published_in BIGINT NOT NULL REFERENCES publications (number),
  actor        TEXT NOT NULL,
  at_ms        BIGINT NOT NULL,
  PRIMARY KEY (name, version)
);

CREATE TABLE eval_cases (
  seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id       TEXT COLLATE "C" NOT NULL UNIQUE,
  query    TEXT NOT NULL,
  relevant TEXT NOT NULL, -- JSON
  actor    TEXT NOT NULL,
  at_ms    BIGINT NOT NULL
);

UPDATE schema_version SET version = 2;
