-- A turn is told of once, however often it is reported; the last word on an answer counts.
CREATE UNIQUE INDEX feedback_by_turn ON feedback (conversation_id, reference) WHERE verdict <> 'clicked';

ALTER TABLE unanswered ADD COLUMN conversation_id TEXT;
ALTER TABLE unanswered ADD COLUMN reference TEXT;
CREATE UNIQUE INDEX unanswered_by_turn ON unanswered (conversation_id, reference);

CREATE TABLE review_requests (
  seq        INTEGER PRIMARY KEY,
  article_id TEXT NOT NULL,
  changed    TEXT NOT NULL, -- what it depends on, such as policy:return-7d
  note       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at_ms      INTEGER NOT NULL
) STRICT;
CREATE INDEX review_requests_by_time ON review_requests (at_ms);

PRAGMA user_version = 3;
