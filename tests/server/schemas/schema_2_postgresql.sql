
CREATE TABLE public.action_logs (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    action bigint NOT NULL,
    message bigint NOT NULL,
    "timestamp" bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    duration_ms double precision,
    tools_used json,
    response text,
    error_message text NOT NULL,
    metadata json
);

CREATE SEQUENCE public.action_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.action_logs_id_seq OWNED BY public.action_logs.id;

CREATE TABLE public.actions (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    name character varying(255) NOT NULL,
    display_name character varying(255) NOT NULL,
    description text NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.actions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.actions_id_seq OWNED BY public.actions.id;

CREATE TABLE public.agents (
    id bigint NOT NULL,
    name character varying(255) NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.agents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.agents_id_seq OWNED BY public.agents.id;

CREATE TABLE public.api_keys (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    name character varying(255) NOT NULL,
    prefix character varying(16) NOT NULL,
    key_hash character varying(64) NOT NULL,
    role character varying(10) NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint,
    expires_at bigint,
    revoked_at bigint,
    accepted_count bigint NOT NULL,
    duplicate_count bigint NOT NULL,
    rejected_count bigint NOT NULL
);

CREATE SEQUENCE public.api_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_keys_id_seq OWNED BY public.api_keys.id;

CREATE TABLE public.attachments (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    message bigint NOT NULL,
    upload_key character varying(255),
    "position" integer NOT NULL,
    type character varying(10) NOT NULL,
    filename character varying(255) NOT NULL,
    mime_type character varying(255) NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.attachments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.attachments_id_seq OWNED BY public.attachments.id;

CREATE TABLE public.blobs (
    sha256 character varying(64) NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE public.buttons (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    message bigint NOT NULL,
    "timestamp" bigint NOT NULL,
    button_event text NOT NULL,
    label text NOT NULL,
    value text NOT NULL,
    metadata json
);

CREATE SEQUENCE public.buttons_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.buttons_id_seq OWNED BY public.buttons.id;

CREATE TABLE public.comments (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    ticket bigint NOT NULL,
    author character varying(255) NOT NULL,
    role character varying(10) NOT NULL,
    body text NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.comments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.comments_id_seq OWNED BY public.comments.id;

CREATE TABLE public.conversations (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation_id character varying(255) NOT NULL,
    name character varying(255),
    customer_id character varying(255),
    device character varying(255),
    language character varying(255),
    source character varying(255),
    customer_ip_address character varying(45),
    environment_id bigint NOT NULL,
    metadata json,
    geo_location json,
    import_id bigint,
    is_marked boolean NOT NULL,
    is_used boolean NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    deleted_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    first_message_at bigint,
    last_message_at bigint,
    waiting_since bigint,
    message_count bigint NOT NULL,
    user_message_count bigint NOT NULL,
    agent_message_count bigint NOT NULL,
    action_count bigint NOT NULL,
    button_count bigint NOT NULL
);

CREATE SEQUENCE public.conversations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.conversations_id_seq OWNED BY public.conversations.id;

CREATE TABLE public.dashboard_brands (
    agent_id bigint NOT NULL,
    name text NOT NULL,
    accent character varying(7) NOT NULL,
    footer text NOT NULL,
    logo bytea,
    logo_type character varying(20) NOT NULL,
    escalation json
);

CREATE TABLE public.dashboard_clients (
    id bigint NOT NULL,
    name text NOT NULL,
    agents json NOT NULL,
    token_hash character varying(64) NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    last_used_at bigint
);

CREATE SEQUENCE public.dashboard_clients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.dashboard_clients_id_seq OWNED BY public.dashboard_clients.id;

CREATE TABLE public.dashboard_logins (
    token_hash character varying(64) NOT NULL,
    expires_at bigint NOT NULL,
    uses_left integer NOT NULL
);

CREATE TABLE public.dashboard_notes (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    body text NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.dashboard_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.dashboard_notes_id_seq OWNED BY public.dashboard_notes.id;

CREATE TABLE public.dashboard_shares (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    token_hash character varying(64) NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint
);

CREATE SEQUENCE public.dashboard_shares_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.dashboard_shares_id_seq OWNED BY public.dashboard_shares.id;

CREATE TABLE public.dashboard_views (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    name text NOT NULL,
    page character varying(40) NOT NULL,
    query text NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.dashboard_views_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.dashboard_views_id_seq OWNED BY public.dashboard_views.id;

CREATE TABLE public.environments (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    slug character varying(50) NOT NULL,
    name character varying(255) NOT NULL,
    is_production boolean NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.environments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.environments_id_seq OWNED BY public.environments.id;

CREATE TABLE public.feedbacks (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    kind character varying(20) NOT NULL,
    conversation bigint,
    message bigint,
    environment_id bigint NOT NULL,
    event_key character varying(80),
    sentiment character varying(10) NOT NULL,
    category character varying(50),
    topic character varying(50),
    reason character varying(50),
    comment text NOT NULL,
    source character varying(10) NOT NULL,
    metadata json,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.feedbacks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.feedbacks_id_seq OWNED BY public.feedbacks.id;

CREATE TABLE public.imports (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    filename character varying(255) NOT NULL,
    conversation_count bigint NOT NULL,
    message_count bigint NOT NULL,
    created_at bigint NOT NULL
);

CREATE SEQUENCE public.imports_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.imports_id_seq OWNED BY public.imports.id;

CREATE TABLE public.messages (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    event_key character varying(80) NOT NULL,
    kind character varying(10) NOT NULL,
    "timestamp" bigint NOT NULL,
    sender character varying(20) NOT NULL,
    content text NOT NULL,
    action_name character varying(255),
    metadata json,
    turn_id character varying(16),
    span_id character varying(16),
    response_ms double precision,
    received_at bigint NOT NULL
);

CREATE SEQUENCE public.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.messages_id_seq OWNED BY public.messages.id;

CREATE TABLE public.settings (
    name character varying(100) NOT NULL,
    value text NOT NULL
);

CREATE TABLE public.spans (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    span_id character varying(16) NOT NULL,
    trace_id character varying(32) NOT NULL,
    parent_span_id character varying(16),
    kind character varying(50) NOT NULL,
    name text NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    duration_ms double precision,
    status character varying(10) NOT NULL,
    turn_id character varying(16),
    turn_complete boolean,
    incomplete_reason character varying(50),
    payload text NOT NULL,
    received_at bigint NOT NULL
);

CREATE SEQUENCE public.spans_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.spans_id_seq OWNED BY public.spans.id;

CREATE TABLE public.tickets (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    title character varying(255) NOT NULL,
    status character varying(20) NOT NULL,
    priority character varying(10),
    tags json NOT NULL,
    environment_id bigint NOT NULL,
    conversation bigint,
    feedback bigint,
    author character varying(255) NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);

CREATE SEQUENCE public.tickets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.tickets_id_seq OWNED BY public.tickets.id;

CREATE TABLE public.token_usage (
    id bigint NOT NULL,
    agent_id bigint NOT NULL,
    conversation bigint NOT NULL,
    event_key character varying(300) NOT NULL,
    turn_id character varying(16),
    model character varying(255) NOT NULL,
    provider character varying(255),
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    embedding_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    audio_input_tokens bigint NOT NULL,
    audio_output_tokens bigint NOT NULL,
    total_tokens bigint NOT NULL,
    calls bigint NOT NULL,
    unreported_calls bigint NOT NULL,
    cost_usd_e8 bigint,
    cost_usd_reported_e8 bigint,
    cost_source character varying(10) NOT NULL,
    price_source character varying(50),
    incomplete boolean NOT NULL,
    incomplete_reason character varying(50),
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL
);

CREATE SEQUENCE public.token_usage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.token_usage_id_seq OWNED BY public.token_usage.id;

ALTER TABLE ONLY public.action_logs ALTER COLUMN id SET DEFAULT nextval('public.action_logs_id_seq'::regclass);

ALTER TABLE ONLY public.actions ALTER COLUMN id SET DEFAULT nextval('public.actions_id_seq'::regclass);

ALTER TABLE ONLY public.agents ALTER COLUMN id SET DEFAULT nextval('public.agents_id_seq'::regclass);

ALTER TABLE ONLY public.api_keys ALTER COLUMN id SET DEFAULT nextval('public.api_keys_id_seq'::regclass);

ALTER TABLE ONLY public.attachments ALTER COLUMN id SET DEFAULT nextval('public.attachments_id_seq'::regclass);

ALTER TABLE ONLY public.buttons ALTER COLUMN id SET DEFAULT nextval('public.buttons_id_seq'::regclass);

ALTER TABLE ONLY public.comments ALTER COLUMN id SET DEFAULT nextval('public.comments_id_seq'::regclass);

ALTER TABLE ONLY public.conversations ALTER COLUMN id SET DEFAULT nextval('public.conversations_id_seq'::regclass);

ALTER TABLE ONLY public.dashboard_clients ALTER COLUMN id SET DEFAULT nextval('public.dashboard_clients_id_seq'::regclass);

ALTER TABLE ONLY public.dashboard_notes ALTER COLUMN id SET DEFAULT nextval('public.dashboard_notes_id_seq'::regclass);

ALTER TABLE ONLY public.dashboard_shares ALTER COLUMN id SET DEFAULT nextval('public.dashboard_shares_id_seq'::regclass);

ALTER TABLE ONLY public.dashboard_views ALTER COLUMN id SET DEFAULT nextval('public.dashboard_views_id_seq'::regclass);

ALTER TABLE ONLY public.environments ALTER COLUMN id SET DEFAULT nextval('public.environments_id_seq'::regclass);

ALTER TABLE ONLY public.feedbacks ALTER COLUMN id SET DEFAULT nextval('public.feedbacks_id_seq'::regclass);

ALTER TABLE ONLY public.imports ALTER COLUMN id SET DEFAULT nextval('public.imports_id_seq'::regclass);

ALTER TABLE ONLY public.messages ALTER COLUMN id SET DEFAULT nextval('public.messages_id_seq'::regclass);

ALTER TABLE ONLY public.spans ALTER COLUMN id SET DEFAULT nextval('public.spans_id_seq'::regclass);

ALTER TABLE ONLY public.tickets ALTER COLUMN id SET DEFAULT nextval('public.tickets_id_seq'::regclass);

ALTER TABLE ONLY public.token_usage ALTER COLUMN id SET DEFAULT nextval('public.token_usage_id_seq'::regclass);

INSERT INTO public.action_logs VALUES (1, 2, 1, 1, 2, 1772582402000000, 1772582402000000, 1772582402000000, 0, NULL, NULL, '', NULL);

INSERT INTO public.actions VALUES (1, 2, 'find_order', 'find_order', '', 1795424042097861);

INSERT INTO public.agents VALUES (1, 'local', 1795424041788336);
INSERT INTO public.agents VALUES (2, 'tested', 1795424041993319);

INSERT INTO public.api_keys VALUES (1, 1, 'local', 'ags_c2f5b304', 'fbfa7b1483d06905055e64639e55fcc1acc5c083978640704f4243b6ba707db6', 'write', 1795424041808626, NULL, NULL, NULL, 0, 0, 0);
INSERT INTO public.api_keys VALUES (2, 1, 'local', 'ags_ad18868c', '3c15bd2cbf304917780835359beff8792d7833946cee54c52a681990f6f8146c', 'read', 1795424041810730, NULL, NULL, NULL, 0, 0, 0);
INSERT INTO public.api_keys VALUES (4, 2, 'tested', 'ags_78609894', '7ae1ddb02a54ed66b1641a7bc915026ac2891728011f195483b969908283f50f', 'read', 1795424041999228, NULL, NULL, NULL, 0, 0, 0);
INSERT INTO public.api_keys VALUES (3, 2, 'tested', 'ags_16cd1c45', '94f6ff6c3bda6d36b641816bc10868cacf10fe7c75c487f0a9ae5c8253eed220', 'write', 1795424041995092, 1795424042094021, NULL, NULL, 4, 0, 0);

INSERT INTO public.conversations VALUES (1, 2, 'first', NULL, 'ann', NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL, false, true, 1772582401000000, 1772582403000000, NULL, 1795424042102226, 1795424042159996, 1772582401000000, 1772582403000000, NULL, 3, 1, 1, 1, 0);
INSERT INTO public.conversations VALUES (2, 2, 'second', 'Refund', NULL, NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL, false, true, 1772582490000000, 1772582499000000, NULL, 1795424042186456, 1795424042209406, 1772582490000000, 1772582499000000, NULL, 2, 1, 1, 0, 0);

INSERT INTO public.environments VALUES (1, 1, 'production', 'Production', true, 1795424041797618, 1795424041797618);
INSERT INTO public.environments VALUES (2, 1, 'development', 'Development', false, 1795424041804938, 1795424041804938);
INSERT INTO public.environments VALUES (3, 2, 'production', 'Production', true, 1795424041994032, 1795424041994032);
INSERT INTO public.environments VALUES (4, 2, 'development', 'Development', false, 1795424041994483, 1795424041994483);

INSERT INTO public.messages VALUES (1, 2, 1, '0000000000000001:0', 'message', 1772582401000000, 'end_user', 'Where is my parcel?', NULL, NULL, '0000000000000001', '0000000000000001', NULL, 1795424042123469);
INSERT INTO public.messages VALUES (2, 2, 1, '0000000000000009', 'action', 1772582402000000, 'agent', 'Action find_order performed', 'find_order', NULL, NULL, '0000000000000009', NULL, 1795424042123469);
INSERT INTO public.messages VALUES (3, 2, 1, '0000000000000001:1', 'message', 1772582403000000, 'agent', 'On its way.', NULL, NULL, '0000000000000001', '0000000000000001', 2000, 1795424042123469);
INSERT INTO public.messages VALUES (4, 2, 2, '0000000000000002:0', 'message', 1772582490000000, 'end_user', 'A refund, please', NULL, NULL, '0000000000000002', '0000000000000002', NULL, 1795424042197502);
INSERT INTO public.messages VALUES (5, 2, 2, '0000000000000002:1', 'message', 1772582499000000, 'agent', 'Done.', NULL, NULL, '0000000000000002', '0000000000000002', 9000, 1795424042197502);

INSERT INTO public.settings VALUES ('schema_version', '2');
INSERT INTO public.settings VALUES ('secret', 'abababababababababababababababababababababababababababababababab');

INSERT INTO public.spans VALUES (1, 2, 1, '0000000000000001', '00000000000000000000000000000007', NULL, 'turn', 'turn', 1772582401000000, 1772582403000000, 2000, 'ok', '0000000000000001', true, NULL, '{"span_id": "0000000000000001", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "turn", "name": "turn", "started_at": "2026-03-04T00:00:01.000000+00:00", "ended_at": "2026-03-04T00:00:03.000000+00:00", "duration_ms": 2000, "status": "ok", "attributes": {"agentsight.turn.id": "0000000000000001"}, "events": [{"name": "agentsight.message", "timestamp": "2026-03-04T00:00:01.000000+00:00", "attributes": {"agentsight.message.sender": "end_user", "agentsight.message.content": "Where is my parcel?"}}, {"name": "agentsight.message", "timestamp": "2026-03-04T00:00:03.000000+00:00", "attributes": {"agentsight.message.sender": "agent", "agentsight.message.content": "On its way."}}], "otel": {"trace_flags": 1}}', 1795424042112290);
INSERT INTO public.spans VALUES (2, 2, 1, '0000000000000009', '00000000000000000000000000000007', NULL, 'tool', 'tool', 1772582402000000, 1772582402000000, 0, 'ok', NULL, NULL, NULL, '{"span_id": "0000000000000009", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "tool", "name": "tool", "started_at": "2026-03-04T00:00:02.000000+00:00", "ended_at": "2026-03-04T00:00:02.000000+00:00", "duration_ms": 0, "status": "ok", "attributes": {"agentsight.tool.name": "find_order"}, "events": [], "otel": {"trace_flags": 1}}', 1795424042112290);
INSERT INTO public.spans VALUES (3, 2, 1, '0000000000000008', '00000000000000000000000000000007', NULL, 'llm', 'llm', 1772582402000000, 1772582402000000, 0, 'ok', NULL, NULL, NULL, '{"span_id": "0000000000000008", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "llm", "name": "llm", "started_at": "2026-03-04T00:00:02.000000+00:00", "ended_at": "2026-03-04T00:00:02.000000+00:00", "duration_ms": 0, "status": "ok", "attributes": {"gen_ai.x": 1}, "events": [], "otel": {"trace_flags": 1}}', 1795424042112290);
INSERT INTO public.spans VALUES (4, 2, 2, '0000000000000002', '00000000000000000000000000000007', NULL, 'turn', 'turn', 1772582490000000, 1772582499000000, 9000, 'ok', '0000000000000002', true, NULL, '{"span_id": "0000000000000002", "trace_id": "00000000000000000000000000000007", "parent_span_id": null, "kind": "turn", "name": "turn", "started_at": "2026-03-04T00:01:30.000000+00:00", "ended_at": "2026-03-04T00:01:39.000000+00:00", "duration_ms": 9000, "status": "ok", "attributes": {"agentsight.turn.id": "0000000000000002"}, "events": [{"name": "agentsight.message", "timestamp": "2026-03-04T00:01:30.000000+00:00", "attributes": {"agentsight.message.sender": "end_user", "agentsight.message.content": "A refund, please"}}, {"name": "agentsight.message", "timestamp": "2026-03-04T00:01:39.000000+00:00", "attributes": {"agentsight.message.sender": "agent", "agentsight.message.content": "Done."}}], "otel": {"trace_flags": 1}}', 1795424042193408);

INSERT INTO public.token_usage VALUES (1, 2, 1, '0000000000000008:unknown', NULL, 'unknown', NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, NULL, NULL, 'unpriced', NULL, false, NULL, 1772582402000000, 1772582402000000);

SELECT pg_catalog.setval('public.action_logs_id_seq', 1, true);

SELECT pg_catalog.setval('public.actions_id_seq', 1, true);

SELECT pg_catalog.setval('public.agents_id_seq', 2, true);

SELECT pg_catalog.setval('public.api_keys_id_seq', 4, true);

SELECT pg_catalog.setval('public.attachments_id_seq', 1, false);

SELECT pg_catalog.setval('public.buttons_id_seq', 1, false);

SELECT pg_catalog.setval('public.comments_id_seq', 1, false);

SELECT pg_catalog.setval('public.conversations_id_seq', 2, true);

SELECT pg_catalog.setval('public.dashboard_clients_id_seq', 1, false);

SELECT pg_catalog.setval('public.dashboard_notes_id_seq', 1, false);

SELECT pg_catalog.setval('public.dashboard_shares_id_seq', 1, false);

SELECT pg_catalog.setval('public.dashboard_views_id_seq', 1, false);

SELECT pg_catalog.setval('public.environments_id_seq', 4, true);

SELECT pg_catalog.setval('public.feedbacks_id_seq', 1, false);

SELECT pg_catalog.setval('public.imports_id_seq', 1, false);

SELECT pg_catalog.setval('public.messages_id_seq', 5, true);

SELECT pg_catalog.setval('public.spans_id_seq', 4, true);

SELECT pg_catalog.setval('public.tickets_id_seq', 1, false);

SELECT pg_catalog.setval('public.token_usage_id_seq', 1, true);

ALTER TABLE ONLY public.action_logs
    ADD CONSTRAINT action_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_agent_id_name_key UNIQUE (agent_id, name);

ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_agent_id_upload_key_position_key UNIQUE (agent_id, upload_key, "position");

ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY public.buttons
    ADD CONSTRAINT buttons_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_agent_id_conversation_id_key UNIQUE (agent_id, conversation_id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dashboard_brands
    ADD CONSTRAINT dashboard_brands_pkey PRIMARY KEY (agent_id);

ALTER TABLE ONLY public.dashboard_clients
    ADD CONSTRAINT dashboard_clients_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dashboard_clients
    ADD CONSTRAINT dashboard_clients_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.dashboard_logins
    ADD CONSTRAINT dashboard_logins_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.dashboard_notes
    ADD CONSTRAINT dashboard_notes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dashboard_shares
    ADD CONSTRAINT dashboard_shares_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dashboard_shares
    ADD CONSTRAINT dashboard_shares_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.dashboard_views
    ADD CONSTRAINT dashboard_views_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_agent_id_slug_key UNIQUE (agent_id, slug);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_conversation_event_key_key UNIQUE (conversation, event_key);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_message_key UNIQUE (message);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_conversation_event_key_key UNIQUE (conversation, event_key);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_conversation_span_id_key UNIQUE (conversation, span_id);

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_usage
    ADD CONSTRAINT token_usage_conversation_event_key_key UNIQUE (conversation, event_key);

ALTER TABLE ONLY public.token_usage
    ADD CONSTRAINT token_usage_pkey PRIMARY KEY (id);

CREATE INDEX ix_action_logs_action ON public.action_logs USING btree (action, "timestamp");

CREATE INDEX ix_action_logs_message ON public.action_logs USING btree (message);

CREATE INDEX ix_action_logs_time ON public.action_logs USING btree (agent_id, "timestamp");

CREATE INDEX ix_attachments_conversation ON public.attachments USING btree (conversation);

CREATE INDEX ix_attachments_message ON public.attachments USING btree (message);

CREATE INDEX ix_attachments_sha256 ON public.attachments USING btree (sha256);

CREATE INDEX ix_buttons_message ON public.buttons USING btree (message);

CREATE INDEX ix_buttons_time ON public.buttons USING btree (agent_id, "timestamp");

CREATE INDEX ix_comments_ticket ON public.comments USING btree (ticket);

CREATE INDEX ix_conversations_customer ON public.conversations USING btree (agent_id, customer_id);

CREATE INDEX ix_conversations_import_id ON public.conversations USING btree (import_id);

CREATE INDEX ix_conversations_started ON public.conversations USING btree (agent_id, started_at, id);

CREATE INDEX ix_dashboard_conversations ON public.conversations USING btree (agent_id, environment_id, deleted_at);

CREATE INDEX ix_dashboard_messages ON public.messages USING btree (agent_id, "timestamp", kind, sender, conversation, response_ms);

CREATE INDEX ix_dashboard_notes_conversation ON public.dashboard_notes USING btree (conversation);

CREATE INDEX ix_dashboard_shares_conversation ON public.dashboard_shares USING btree (conversation);

CREATE INDEX ix_dashboard_views_agent_id ON public.dashboard_views USING btree (agent_id);

CREATE INDEX ix_feedbacks_conversation ON public.feedbacks USING btree (conversation);

CREATE INDEX ix_feedbacks_time ON public.feedbacks USING btree (agent_id, created_at);

CREATE INDEX ix_messages_time ON public.messages USING btree (agent_id, "timestamp");

CREATE INDEX ix_messages_transcript ON public.messages USING btree (conversation, "timestamp", id);

CREATE INDEX ix_spans_time ON public.spans USING btree (agent_id, started_at);

CREATE INDEX ix_spans_trace ON public.spans USING btree (agent_id, trace_id);

CREATE INDEX ix_tickets_conversation ON public.tickets USING btree (conversation);

CREATE INDEX ix_tickets_feedback ON public.tickets USING btree (feedback);

CREATE INDEX ix_tickets_time ON public.tickets USING btree (agent_id, created_at);

CREATE INDEX ix_token_usage_time ON public.token_usage USING btree (agent_id, started_at);

ALTER TABLE ONLY public.action_logs
    ADD CONSTRAINT action_logs_action_fkey FOREIGN KEY (action) REFERENCES public.actions(id);

ALTER TABLE ONLY public.action_logs
    ADD CONSTRAINT action_logs_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.action_logs
    ADD CONSTRAINT action_logs_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.action_logs
    ADD CONSTRAINT action_logs_message_fkey FOREIGN KEY (message) REFERENCES public.messages(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_message_fkey FOREIGN KEY (message) REFERENCES public.messages(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.buttons
    ADD CONSTRAINT buttons_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.buttons
    ADD CONSTRAINT buttons_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.buttons
    ADD CONSTRAINT buttons_message_fkey FOREIGN KEY (message) REFERENCES public.messages(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.comments
    ADD CONSTRAINT comments_ticket_fkey FOREIGN KEY (ticket) REFERENCES public.tickets(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES public.environments(id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_import_id_fkey FOREIGN KEY (import_id) REFERENCES public.imports(id);

ALTER TABLE ONLY public.dashboard_brands
    ADD CONSTRAINT dashboard_brands_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.dashboard_notes
    ADD CONSTRAINT dashboard_notes_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.dashboard_notes
    ADD CONSTRAINT dashboard_notes_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dashboard_shares
    ADD CONSTRAINT dashboard_shares_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.dashboard_shares
    ADD CONSTRAINT dashboard_shares_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.dashboard_views
    ADD CONSTRAINT dashboard_views_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES public.environments(id);

ALTER TABLE ONLY public.feedbacks
    ADD CONSTRAINT feedbacks_message_fkey FOREIGN KEY (message) REFERENCES public.messages(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES public.environments(id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_feedback_fkey FOREIGN KEY (feedback) REFERENCES public.feedbacks(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.token_usage
    ADD CONSTRAINT token_usage_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents(id);

ALTER TABLE ONLY public.token_usage
    ADD CONSTRAINT token_usage_conversation_fkey FOREIGN KEY (conversation) REFERENCES public.conversations(id) ON DELETE CASCADE;

