-- What SQLite computes from the tables and keeps beside them; statements are parted by empty lines.
-- None of it is a source: it can be dropped and made again.

-- What the metrics need of one hour (UTC, hours since the Unix epoch), or of the day that begins with it, which
-- its kind says; no row is an hour without anything.
CREATE TABLE hours (
  agent_id INTEGER NOT NULL,
  environment_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  hour INTEGER NOT NULL,
  document BLOB NOT NULL,
  PRIMARY KEY (agent_id, environment_id, kind, hour)
) WITHOUT ROWID

-- Hours of which something was written since their rows in "hours" were. Triggers fill it: no write can forget.
CREATE TABLE stale_hours (
  agent_id INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  PRIMARY KEY (agent_id, hour)
) WITHOUT ROWID

-- Stale hours that are being computed, and since when (microseconds): as stale as the others until that is done.
CREATE TABLE IF NOT EXISTS taken_hours (
  agent_id INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  taken_at INTEGER NOT NULL,
  PRIMARY KEY (agent_id, hour)
) WITHOUT ROWID

-- How far the full-text index of a table goes: rows up to this key are in it.
CREATE TABLE search_marks (name TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID

CREATE TRIGGER stale_all_update AFTER UPDATE OF deleted_at, environment_id, customer_id ON conversations
WHEN old.deleted_at IS NOT new.deleted_at OR old.environment_id IS NOT new.environment_id OR old.customer_id IS NOT new.customer_id
BEGIN
  INSERT OR IGNORE INTO stale_hours
  SELECT agent_id, timestamp / 3600000000 FROM messages WHERE conversation = new.id
  UNION SELECT agent_id, started_at / 3600000000 FROM token_usage WHERE conversation = new.id
  UNION SELECT agent_id, timestamp / 3600000000 FROM action_logs WHERE conversation = new.id;
END

CREATE VIRTUAL TABLE messages_search
USING fts5 (content, content='', columnsize=0, detail=none, tokenize='trigram')

-- Pieces of the index are merged a little at a time by `searching.merge`, never all at once by some insert.
INSERT INTO messages_search (messages_search, rank) VALUES ('automerge', 0), ('crisismerge', 1000)

INSERT INTO search_marks VALUES ('messages', 0)

CREATE TRIGGER messages_search_remove_delete AFTER DELETE ON messages
WHEN old.id <= (SELECT upto FROM search_marks WHERE name = 'messages')
BEGIN
  INSERT INTO messages_search (messages_search, rowid, content)
  VALUES ('delete', (old.conversation << 32) | old.id, old.content);
END

CREATE TRIGGER messages_search_change_update AFTER UPDATE OF content ON messages
WHEN old.id <= (SELECT upto FROM search_marks WHERE name = 'messages')
  AND (old.content IS NOT new.content)
BEGIN
  INSERT INTO messages_search (messages_search, rowid, content)
  VALUES ('delete', (old.conversation << 32) | old.id, old.content);
  INSERT INTO messages_search (rowid, content)
  VALUES ((new.conversation << 32) | new.id, new.content);
END

CREATE VIRTUAL TABLE conversations_search
USING fts5 (name, conversation_id, customer_id, content='', columnsize=0, detail=none, tokenize='trigram')

-- Pieces of the index are merged a little at a time by `searching.merge`, never all at once by some insert.
INSERT INTO conversations_search (conversations_search, rank) VALUES ('automerge', 0), ('crisismerge', 1000)

INSERT INTO search_marks VALUES ('conversations', 0)

CREATE TRIGGER conversations_search_remove_delete AFTER DELETE ON conversations
WHEN old.id <= (SELECT upto FROM search_marks WHERE name = 'conversations')
BEGIN
  INSERT INTO conversations_search (conversations_search, rowid, name, conversation_id, customer_id)
  VALUES ('delete', old.id, old.name, old.conversation_id, old.customer_id);
END

CREATE TRIGGER conversations_search_change_update AFTER UPDATE OF name, conversation_id, customer_id ON conversations
WHEN old.id <= (SELECT upto FROM search_marks WHERE name = 'conversations')
  AND (old.name IS NOT new.name OR old.conversation_id IS NOT new.conversation_id OR old.customer_id IS NOT new.customer_id)
BEGIN
  INSERT INTO conversations_search (conversations_search, rowid, name, conversation_id, customer_id)
  VALUES ('delete', old.id, old.name, old.conversation_id, old.customer_id);
  INSERT INTO conversations_search (rowid, name, conversation_id, customer_id)
  VALUES (new.id, new.name, new.conversation_id, new.customer_id);
END

-- Everything that is there already is to be computed.
INSERT OR IGNORE INTO stale_hours SELECT agent_id, timestamp / 3600000000 FROM messages

INSERT OR IGNORE INTO stale_hours SELECT agent_id, started_at / 3600000000 FROM token_usage

INSERT OR IGNORE INTO stale_hours SELECT agent_id, timestamp / 3600000000 FROM action_logs

INSERT OR IGNORE INTO stale_hours SELECT agent_id, started_at / 3600000000 FROM conversations

-- The planner is told what a big database looks like: one agent, ten messages in a conversation. Its plans are
-- then the same from the first row on; what it would measure itself, it would measure once, on too little.
ANALYZE sqlite_schema

DELETE FROM sqlite_stat1

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('conversations', 'sqlite_autoindex_conversations_1', '100000 100000 1'),
  ('conversations', 'ix_conversations_started', '100000 100000 1 1'),
  ('conversations', 'ix_conversations_customer', '100000 100000 5'),
  ('conversations', 'ix_conversations_waiting', '3000 3000 3000 1'),
  ('conversations', 'ix_conversations_import_id', '100000 1000'),
  ('messages', 'sqlite_autoindex_messages_1', '1200000 12 1'),
  ('messages', 'ix_messages_transcript', '1200000 12 1 1'),
  ('messages', 'ix_messages_facts', '1200000 1200000 2 2 1 1 1'),
  ('spans', 'sqlite_autoindex_spans_1', '1200000 12 1'),
  ('spans', 'ix_spans_trace', '1200000 1200000 12'),
  ('spans', 'ix_spans_arrivals', '1200000 1200000 2 1 1 1 1'),
  ('token_usage', 'sqlite_autoindex_token_usage_1', '500000 5 1'),
  ('token_usage', 'ix_token_usage_time', '500000 500000 1'),
  ('action_logs', 'ix_action_logs_time', '150000 150000 1'),
  ('action_logs', 'ix_action_logs_action', '150000 15000 1'),
  ('action_logs', 'ix_action_logs_conversation', '150000 2 1'),
  ('action_logs', 'ix_action_logs_message', '150000 1'),
  ('buttons', 'ix_buttons_time', '150000 150000 1'),
  ('buttons', 'ix_buttons_conversation', '150000 2'),
  ('buttons', 'ix_buttons_message', '150000 1'),
  ('feedbacks', 'sqlite_autoindex_feedbacks_1', '12000 1 1'),
  ('feedbacks', 'sqlite_autoindex_feedbacks_2', '12000 1'),
  ('feedbacks', 'ix_feedbacks_conversation', '12000 1'),
  ('feedbacks', 'ix_feedbacks_time', '12000 12000 1'),
  ('tickets', 'ix_tickets_conversation', '12000 1'),
  ('tickets', 'ix_tickets_time', '12000 12000 1'),
  ('attachments', 'ix_attachments_conversation', '12000 1'),
  ('attachments', 'ix_attachments_message', '12000 1'),
  ('hours', 'hours', '10000 10000 5000 2500 1'),
  ('stale_hours', 'stale_hours', '100 100 1')

ANALYZE sqlite_schema
