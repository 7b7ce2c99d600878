-- A database of schema 2, as made by the commit before schema 3; statements end with a line that is empty.

CREATE TABLE settings ( name VARCHAR(100) NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name) )

CREATE TABLE agents ( id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id) )

CREATE TABLE blobs ( sha256 VARCHAR(64) NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sha256) )

CREATE TABLE dashboard_clients ( id INTEGER NOT NULL, name TEXT NOT NULL, agents JSON NOT NULL, token_hash VARCHAR(64) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, revoked_at BIGINT, last_used_at BIGINT, PRIMARY KEY (id), UNIQUE (token_hash) )

CREATE TABLE dashboard_logins ( token_hash VARCHAR(64) NOT NULL, expires_at BIGINT NOT NULL, uses_left INTEGER NOT NULL, PRIMARY KEY (token_hash) )

CREATE TABLE api_keys ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, prefix VARCHAR(16) NOT NULL, key_hash VARCHAR(64) NOT NULL, role VARCHAR(10) NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT, expires_at BIGINT, revoked_at BIGINT, accepted_count BIGINT NOT NULL, duplicate_count BIGINT NOT NULL, rejected_count BIGINT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), UNIQUE (key_hash) )

CREATE TABLE environments ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, slug VARCHAR(50) NOT NULL, name VARCHAR(255) NOT NULL, is_production BOOLEAN NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (id), UNIQUE (agent_id, slug), FOREIGN KEY(agent_id) REFERENCES agents (id) )

CREATE TABLE imports ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, filename VARCHAR(255) NOT NULL, conversation_count BIGINT NOT NULL, message_count BIGINT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id) )

CREATE TABLE actions ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, display_name VARCHAR(255) NOT NULL, description TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id), UNIQUE (agent_id, name), FOREIGN KEY(agent_id) REFERENCES agents (id) )

CREATE TABLE dashboard_views ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, name TEXT NOT NULL, page VARCHAR(40) NOT NULL, "query" TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id) )

CREATE TABLE dashboard_brands ( agent_id INTEGER NOT NULL, name TEXT NOT NULL, accent VARCHAR(7) NOT NULL, footer TEXT NOT NULL, logo BLOB, logo_type VARCHAR(20) NOT NULL, escalation JSON, PRIMARY KEY (agent_id), FOREIGN KEY(agent_id) REFERENCES agents (id) )

CREATE TABLE conversations ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent_id INTEGER NOT NULL, conversation_id VARCHAR(255) NOT NULL, name VARCHAR(255), customer_id VARCHAR(255), device VARCHAR(255), language VARCHAR(255), source VARCHAR(255), customer_ip_address VARCHAR(45), environment_id INTEGER NOT NULL, metadata JSON, geo_location JSON, import_id INTEGER, is_marked BOOLEAN NOT NULL, is_used BOOLEAN NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, deleted_at BIGINT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, first_message_at BIGINT, last_message_at BIGINT, waiting_since BIGINT, message_count BIGINT NOT NULL, user_message_count BIGINT NOT NULL, agent_message_count BIGINT NOT NULL, action_count BIGINT NOT NULL, button_count BIGINT NOT NULL, UNIQUE (agent_id, conversation_id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(environment_id) REFERENCES environments (id), FOREIGN KEY(import_id) REFERENCES imports (id) )

CREATE TABLE messages ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, event_key VARCHAR(80) NOT NULL, kind VARCHAR(10) NOT NULL, timestamp BIGINT NOT NULL, sender VARCHAR(20) NOT NULL, content TEXT NOT NULL, action_name VARCHAR(255), metadata JSON, turn_id VARCHAR(16), span_id VARCHAR(16), response_ms FLOAT, received_at BIGINT NOT NULL, UNIQUE (conversation, event_key), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE )

CREATE TABLE token_usage ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, event_key VARCHAR(300) NOT NULL, turn_id VARCHAR(16), model VARCHAR(255) NOT NULL, provider VARCHAR(255), prompt_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, embedding_tokens BIGINT NOT NULL, cache_read_tokens BIGINT NOT NULL, cache_write_tokens BIGINT NOT NULL, reasoning_tokens BIGINT NOT NULL, audio_input_tokens BIGINT NOT NULL, audio_output_tokens BIGINT NOT NULL, total_tokens BIGINT NOT NULL, calls BIGINT NOT NULL, unreported_calls BIGINT NOT NULL, cost_usd_e8 BIGINT, cost_usd_reported_e8 BIGINT, cost_source VARCHAR(10) NOT NULL, price_source VARCHAR(50), incomplete BOOLEAN NOT NULL, incomplete_reason VARCHAR(50), started_at BIGINT NOT NULL, ended_at BIGINT NOT NULL, PRIMARY KEY (id), UNIQUE (conversation, event_key), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE )

CREATE TABLE spans ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, span_id VARCHAR(16) NOT NULL, trace_id VARCHAR(32) NOT NULL, parent_span_id VARCHAR(16), kind VARCHAR(50) NOT NULL, name TEXT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT NOT NULL, duration_ms FLOAT, status VARCHAR(10) NOT NULL, turn_id VARCHAR(16), turn_complete BOOLEAN, incomplete_reason VARCHAR(50), payload TEXT NOT NULL, received_at BIGINT NOT NULL, PRIMARY KEY (id), UNIQUE (conversation, span_id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE )

CREATE TABLE dashboard_notes ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, body TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE )

CREATE TABLE dashboard_shares ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, token_hash VARCHAR(64) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, revoked_at BIGINT, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, UNIQUE (token_hash) )

CREATE TABLE action_logs ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, action INTEGER NOT NULL, message INTEGER NOT NULL, timestamp BIGINT NOT NULL, started_at BIGINT, ended_at BIGINT, duration_ms FLOAT, tools_used JSON, response TEXT, error_message TEXT NOT NULL, metadata JSON, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, FOREIGN KEY(action) REFERENCES actions (id), FOREIGN KEY(message) REFERENCES messages (id) ON DELETE CASCADE )

CREATE TABLE buttons ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, message INTEGER NOT NULL, timestamp BIGINT NOT NULL, button_event TEXT NOT NULL, label TEXT NOT NULL, value TEXT NOT NULL, metadata JSON, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, FOREIGN KEY(message) REFERENCES messages (id) ON DELETE CASCADE )

CREATE TABLE attachments ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent_id INTEGER NOT NULL, conversation INTEGER NOT NULL, message INTEGER NOT NULL, upload_key VARCHAR(255), position INTEGER NOT NULL, type VARCHAR(10) NOT NULL, filename VARCHAR(255) NOT NULL, mime_type VARCHAR(255) NOT NULL, size_bytes BIGINT NOT NULL, sha256 VARCHAR(64) NOT NULL, created_at BIGINT NOT NULL, UNIQUE (agent_id, upload_key, position), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, FOREIGN KEY(message) REFERENCES messages (id) ON DELETE CASCADE )

CREATE TABLE feedbacks ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent_id INTEGER NOT NULL, kind VARCHAR(20) NOT NULL, conversation INTEGER, message INTEGER, environment_id INTEGER NOT NULL, event_key VARCHAR(80), sentiment VARCHAR(10) NOT NULL, category VARCHAR(50), topic VARCHAR(50), reason VARCHAR(50), comment TEXT NOT NULL, source VARCHAR(10) NOT NULL, metadata JSON, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, UNIQUE (conversation, event_key), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, UNIQUE (message), FOREIGN KEY(message) REFERENCES messages (id) ON DELETE CASCADE, FOREIGN KEY(environment_id) REFERENCES environments (id) )

CREATE TABLE tickets ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, agent_id INTEGER NOT NULL, title VARCHAR(255) NOT NULL, status VARCHAR(20) NOT NULL, priority VARCHAR(10), tags JSON NOT NULL, environment_id INTEGER NOT NULL, conversation INTEGER, feedback INTEGER, author VARCHAR(255) NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(environment_id) REFERENCES environments (id), FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE, FOREIGN KEY(feedback) REFERENCES feedbacks (id) ON DELETE SET NULL )

CREATE TABLE comments ( id INTEGER NOT NULL, agent_id INTEGER NOT NULL, ticket INTEGER NOT NULL, author VARCHAR(255) NOT NULL, role VARCHAR(10) NOT NULL, body TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(agent_id) REFERENCES agents (id), FOREIGN KEY(ticket) REFERENCES tickets (id) ON DELETE CASCADE )

CREATE INDEX ix_dashboard_views_agent_id ON dashboard_views (agent_id)

CREATE INDEX ix_conversations_started ON conversations (agent_id, started_at, id)

CREATE INDEX ix_conversations_customer ON conversations (agent_id, customer_id)

CREATE INDEX ix_conversations_import_id ON conversations (import_id)

CREATE INDEX ix_dashboard_conversations ON conversations (agent_id, environment_id, deleted_at)

CREATE INDEX ix_messages_time ON messages (agent_id, timestamp)

CREATE INDEX ix_messages_transcript ON messages (conversation, timestamp, id)

CREATE INDEX ix_dashboard_messages ON messages (agent_id, timestamp, kind, sender, conversation, response_ms)

CREATE INDEX ix_token_usage_time ON token_usage (agent_id, started_at)

CREATE INDEX ix_spans_time ON spans (agent_id, started_at)

CREATE INDEX ix_spans_trace ON spans (agent_id, trace_id)

CREATE INDEX ix_dashboard_notes_conversation ON dashboard_notes (conversation)

CREATE INDEX ix_dashboard_shares_conversation ON dashboard_shares (conversation)

CREATE INDEX ix_action_logs_action ON action_logs (action, timestamp)

CREATE INDEX ix_action_logs_time ON action_logs (agent_id, timestamp)

CREATE INDEX ix_action_logs_message ON action_logs (message)

CREATE INDEX ix_buttons_message ON buttons (message)

CREATE INDEX ix_buttons_time ON buttons (agent_id, timestamp)

CREATE INDEX ix_attachments_message ON attachments (message)

CREATE INDEX ix_attachments_conversation ON attachments (conversation)

CREATE INDEX ix_attachments_sha256 ON attachments (sha256)

CREATE INDEX ix_feedbacks_conversation ON feedbacks (conversation)

CREATE INDEX ix_feedbacks_time ON feedbacks (agent_id, created_at)

CREATE INDEX ix_tickets_feedback ON tickets (feedback)

CREATE INDEX ix_tickets_time ON tickets (agent_id, created_at)

CREATE INDEX ix_tickets_conversation ON tickets (conversation)

CREATE INDEX ix_comments_ticket ON comments (ticket)

INSERT INTO settings (name, value) VALUES ('schema_version', '2')

INSERT INTO settings (name, value) VALUES ('secret', 'abababababababababababababababababababababababababababababababab')

INSERT INTO agents (id, name, created_at) VALUES (1, 'local', 1795424013068530)

INSERT INTO agents (id, name, created_at) VALUES (2, 'tested', 1795424013139421)

INSERT INTO api_keys (id, agent_id, name, prefix, key_hash, role, created_at, last_used_at, expires_at, revoked_at, accepted_count, duplicate_count, rejected_count) VALUES (1, 1, 'local', 'ags_bebc9af3', '0142b10c17319c6541122f613178001dde1272297cef024c209d6042bd646134', 'write', 1795424013082142, NULL, NULL, NULL, 0, 0, 0)

INSERT INTO api_keys (id, agent_id, name, prefix, key_hash, role, created_at, last_used_at, expires_at, revoked_at, accepted_count, duplicate_count, rejected_count) VALUES (2, 1, 'local', 'ags_15569a50', 'ccf5f12cee2c4a7620d0ad4d4a6ae2767b5de6ad3b8f5871a02fb27f9a6a9b74', 'read', 1795424013082793, NULL, NULL, NULL, 0, 0, 0)

INSERT INTO api_keys (id, agent_id, name, prefix, key_hash, role, created_at, last_used_at, expires_at, revoked_at, accepted_count, duplicate_count, rejected_count) VALUES (3, 2, 'tested', 'ags_a1aa558e', 'b100a64419b1e188effc2f2a5b79fb072c73ab473e5d4f727cffc508fb93aead', 'write', 1795424013148593, 1795424013296356, NULL, NULL, 4, 0, 0)

INSERT INTO api_keys (id, agent_id, name, prefix, key_hash, role, created_at, last_used_at, expires_at, revoked_at, accepted_count, duplicate_count, rejected_count) VALUES (4, 2, 'tested', 'ags_51d5f959', 'bd951e7bbd17872e6ad16fbc8c5f6c3b731f4c7bfe1abf6e3d4b66537402c9f9', 'read', 1795424013148794, NULL, NULL, NULL, 0, 0, 0)

INSERT INTO environments (id, agent_id, slug, name, is_production, created_at, updated_at) VALUES (1, 1, 'production', 'Production', 1, 1795424013075063, 1795424013075063)

INSERT INTO environments (id, agent_id, slug, name, is_production, created_at, updated_at) VALUES (2, 1, 'development', 'Development', 0, 1795424013081890, 1795424013081890)

INSERT INTO environments (id, agent_id, slug, name, is_production, created_at, updated_at) VALUES (3, 2, 'production', 'Production', 1, 1795424013148004, 1795424013148004)

INSERT INTO environments (id, agent_id, slug, name, is_production, created_at, updated_at) VALUES (4, 2, 'development', 'Development', 0, 1795424013148400, 1795424013148400)

INSERT INTO actions (id, agent_id, name, display_name, description, created_at) VALUES (1, 2, 'find_order', 'find_order', '', 1795424013379777)

INSERT INTO conversations (id, agent_id, conversation_id, name, customer_id, device, language, source, customer_ip_address, environment_id, metadata, geo_location, import_id, is_marked, is_used, started_at, ended_at, deleted_at, created_at, updated_at, first_message_at, last_message_at, waiting_since, message_count, user_message_count, agent_message_count, action_count, button_count) VALUES (1, 2, 'first', NULL, 'ann', NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL, 0, 1, 1772582401000000, 1772582403000000, NULL, 1795424013333803, 1795424013405844, 1772582401000000, 1772582403000000, NULL, 3, 1, 1, 1, 0)

INSERT INTO conversations (id, agent_id, conversation_id, name, customer_id, device, language, source, customer_ip_address, environment_id, metadata, geo_location, import_id, is_marked, is_used, started_at, ended_at, deleted_at, created_at, updated_at, first_message_at, last_message_at, waiting_since, message_count, user_message_count, agent_message_count, action_count, button_count) VALUES (2, 2, 'second', 'Refund', NULL, NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL, 0, 1, 1772582490000000, 1772582499000000, NULL, 1795424013433371, 1795424013450702, 1772582490000000, 1772582499000000, NULL, 2, 1, 1, 0, 0)

INSERT INTO messages (id, agent_id, conversation, event_key, kind, timestamp, sender, content, action_name, metadata, turn_id, span_id, response_ms, received_at) VALUES (1, 2, 1, '0000000000000001:0', 'message', 1772582401000000, 'end_user', 'Where is my parcel?', NULL, NULL, '0000000000000001', '0000000000000001', NULL, 1795424013364869)

INSERT INTO messages (id, agent_id, conversation, event_key, kind, timestamp, sender, content, action_name, metadata, turn_id, span_id, response_ms, received_at) VALUES (2, 2, 1, '0000000000000009', 'action', 1772582402000000, 'agent', 'Action find_order performed', 'find_order', NULL, NULL, '0000000000000009', NULL, 1795424013364869)

INSERT INTO messages (id, agent_id, conversation, event_key, kind, timestamp, sender, content, action_name, metadata, turn_id, span_id, response_ms, received_at) VALUES (3, 2, 1, '0000000000000001:1', 'message', 1772582403000000, 'agent', 'On its way.', NULL, NULL, '0000000000000001', '0000000000000001', 2000.0, 1795424013364869)

INSERT INTO messages (id, agent_id, conversation, event_key, kind, timestamp, sender, content, action_name, metadata, turn_id, span_id, response_ms, received_at) VALUES (4, 2, 2, '0000000000000002:0', 'message', 1772582490000000, 'end_user', 'A refund, please', NULL, NULL, '0000000000000002', '0000000000000002', NULL, 1795424013443520)

INSERT INTO messages (id, agent_id, conversation, event_key, kind, timestamp, sender, content, action_name, metadata, turn_id, span_id, response_ms, received_at) VALUES (5, 2, 2, '0000000000000002:1', 'message', 1772582499000000, 'agent', 'Done.', NULL, NULL, '0000000000000002', '0000000000000002', 9000.0, 1795424013443520)

INSERT INTO token_usage (id, agent_id, conversation, event_key, turn_id, model, provider, prompt_tokens, completion_tokens, embedding_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, total_tokens, calls, unreported_calls, cost_usd_e8, cost_usd_reported_e8, cost_source, price_source, incomplete, incomplete_reason, started_at, ended_at) VALUES (1, 2, 1, '0000000000000008:unknown', NULL, 'unknown', NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, NULL, NULL, 'unpriced', NULL, 0, NULL, 1772582402000000, 1772582402000000)

INSERT INTO spans (id, agent_id, conversation, span_id, trace_id, parent_span_id, kind, name, started_at, ended_at, duration_ms, status, turn_id, turn_complete, incomplete_reason, payload, received_at) VALUES (1, 2, 1, '0000000000000001', '00000000000000000000000000000007', NULL, 'turn', 'turn', 1772582401000000, 1772582403000000, 2000.0, 'ok', '0000000000000001', 1, NULL, '{"span_id": "0000000000000001", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "turn", "name": "turn", "started_at": "2026-03-04T00:00:01.000000+00:00", "ended_at": "2026-03-04T00:00:03.000000+00:00", "duration_ms": 2000, "status": "ok", "attributes": {"agentsight.turn.id": "0000000000000001"}, "events": [{"name": "agentsight.message", "timestamp": "2026-03-04T00:00:01.000000+00:00", "attributes": {"agentsight.message.sender": "end_user", "agentsight.message.content": "Where is my parcel?"}}, {"name": "agentsight.message", "timestamp": "2026-03-04T00:00:03.000000+00:00", "attributes": {"agentsight.message.sender": "agent", "agentsight.message.content": "On its way."}}], "otel": {"trace_flags": 1}}', 1795424013354349)

INSERT INTO spans (id, agent_id, conversation, span_id, trace_id, parent_span_id, kind, name, started_at, ended_at, duration_ms, status, turn_id, turn_complete, incomplete_reason, payload, received_at) VALUES (2, 2, 1, '0000000000000009', '00000000000000000000000000000007', NULL, 'tool', 'tool', 1772582402000000, 1772582402000000, 0.0, 'ok', NULL, NULL, NULL, '{"span_id": "0000000000000009", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "tool", "name": "tool", "started_at": "2026-03-04T00:00:02.000000+00:00", "ended_at": "2026-03-04T00:00:02.000000+00:00", "duration_ms": 0, "status": "ok", "attributes": {"agentsight.tool.name": "find_order"}, "events": [], "otel": {"trace_flags": 1}}', 1795424013354349)

INSERT INTO spans (id, agent_id, conversation, span_id, trace_id, parent_span_id, kind, name, started_at, ended_at, duration_ms, status, turn_id, turn_complete, incomplete_reason, payload, received_at) VALUES (3, 2, 1, '0000000000000008', '00000000000000000000000000000007', NULL, 'llm', 'llm', 1772582402000000, 1772582402000000, 0.0, 'ok', NULL, NULL, NULL, '{"span_id": "0000000000000008", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "llm", "name": "llm", "started_at": "2026-03-04T00:00:02.000000+00:00", "ended_at": "2026-03-04T00:00:02.000000+00:00", "duration_ms": 0, "status": "ok", "attributes": {"gen_ai.x": 1}, "events": [], "otel": {"trace_flags": 1}}', 1795424013354349)

INSERT INTO spans (id, agent_id, conversation, span_id, trace_id, parent_span_id, kind, name, started_at, ended_at, duration_ms, status, turn_id, turn_complete, incomplete_reason, payload, received_at) VALUES (4, 2, 2, '0000000000000002', '00000000000000000000000000000007', NULL, 'turn', 'turn', 1772582490000000, 1772582499000000, 9000.0, 'ok', '0000000000000002', 1, NULL, '{"span_id": "0000000000000002", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "turn", "name": "turn", "started_at": "2026-03-04T00:01:30.000000+00:00", "ended_at": "2026-03-04T00:01:39.000000+00:00", "duration_ms": 9000, "status": "ok", "attributes": {"agentsight.turn.id": "0000000000000002"}, "events": [{"name": "agentsight.message", "timestamp": "2026-03-04T00:01:30.000000+00:00", "attributes": {"agentsight.message.sender": "end_user", "agentsight.message.content": "A refund, please"}}, {"name": "agentsight.message", "timestamp": "2026-03-04T00:01:39.000000+00:00", "attributes": {"agentsight.message.sender": "agent", "agentsight.message.content": "Done."}}], "otel": {"trace_flags": 1}}', 1795424013434385)

INSERT INTO action_logs (id, agent_id, conversation, action, message, timestamp, started_at, ended_at, duration_ms, tools_used, response, error_message, metadata) VALUES (1, 2, 1, 1, 2, 1772582402000000, 1772582402000000, 1772582402000000, 0.0, NULL, NULL, '', NULL)

CREATE VIRTUAL TABLE messages_search USING fts5(content, content='messages', content_rowid='id', tokenize='trigram')

INSERT INTO messages_search (messages_search) VALUES ('rebuild')

CREATE VIRTUAL TABLE conversations_search USING fts5(name, conversation_id, customer_id, content='conversations', content_rowid='id', tokenize='trigram')

INSERT INTO conversations_search (conversations_search) VALUES ('rebuild')

CREATE TRIGGER messages_search_add AFTER INSERT ON messages BEGIN INSERT INTO messages_search(rowid, content) VALUES (new.id, new.content); END

CREATE TRIGGER messages_search_remove AFTER DELETE ON messages BEGIN INSERT INTO messages_search(messages_search, rowid, content) VALUES ('delete', old.id, old.content); END

CREATE TRIGGER messages_search_change AFTER UPDATE OF content ON messages BEGIN INSERT INTO messages_search(messages_search, rowid, content) VALUES ('delete', old.id, old.content); INSERT INTO messages_search(rowid, content) VALUES (new.id, new.content); END

CREATE TRIGGER conversations_search_add AFTER INSERT ON conversations BEGIN INSERT INTO conversations_search(rowid, name, conversation_id, customer_id) VALUES (new.id, new.name, new.conversation_id, new.customer_id); END

CREATE TRIGGER conversations_search_remove AFTER DELETE ON conversations BEGIN INSERT INTO conversations_search(conversations_search, rowid, name, conversation_id, customer_id) VALUES ('delete', old.id, old.name, old.conversation_id, old.customer_id); END

CREATE TRIGGER conversations_search_change AFTER UPDATE OF name, conversation_id, customer_id ON conversations BEGIN INSERT INTO conversations_search(conversations_search, rowid, name, conversation_id, customer_id) VALUES ('delete', old.id, old.name, old.conversation_id, old.customer_id); INSERT INTO conversations_search(rowid, name, conversation_id, customer_id) VALUES (new.id, new.name, new.conversation_id, new.customer_id); END
