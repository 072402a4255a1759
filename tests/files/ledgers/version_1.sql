CREATE TABLE public._dbkit_journal (
    version integer NOT NULL,
    name text NOT NULL,
    direction text NOT NULL,
    done integer NOT NULL,
    statements integer NOT NULL,
    error text,
    started_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public._dbkit_object (
    path text NOT NULL,
    checksum text NOT NULL,
    type text NOT NULL,
    identity text NOT NULL,
    applied_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE public._yoyo_log (
    id character varying(36) NOT NULL,
    migration_hash character varying(64),
    migration_id character varying(255),
    operation character varying(10),
    username character varying(255),
    hostname character varying(255),
    comment character varying(255),
    created_at_utc timestamp without time zone
);
CREATE TABLE public._yoyo_migration (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone
);
CREATE TABLE public._yoyo_version (
    version integer NOT NULL,
    installed_at_utc timestamp without time zone
);
CREATE TABLE public.orders (
    id integer,
    price integer
);
CREATE VIEW public.dear AS
 SELECT id
   FROM public.orders
  WHERE (price > 9);
CREATE TABLE public.schema_version (
    version integer NOT NULL,
    applied_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
    description text,
    name text NOT NULL,
    dbkit_checksum text NOT NULL,
    dbkit_meaning text NOT NULL,
    milliseconds integer,
    applied_by text DEFAULT CURRENT_USER NOT NULL
);
INSERT INTO public._dbkit_object VALUES ('dear.sql', '6f28074e9e5bb8d431e643ca74dc9a852d4fafc5169291a1795c9a9ec2851e15', 'view', 'public.dear', '2026-01-31 09:37:48.047662+00');
INSERT INTO public._yoyo_log VALUES ('8d3aa345-8f90-4dbb-a7b2-73d5963115b4', '7af687bf71faeb4ab7a0ce31a0fc2341da4e98103bb5ae878c772b6eef54d7a1', '0001_orders', 'apply', 'someone', 'somewhere', NULL, '2026-01-31 09:37:48.045683');
INSERT INTO public._yoyo_log VALUES ('343cb74a-873d-4ba8-be19-cbf953367ab6', '5c97a6dd50c9703bc40fb1ac4064e7788193da604b2ce28d886a811e2fe87ca6', '0002_price', 'apply', 'someone', 'somewhere', NULL, '2026-01-31 09:37:48.067307');
INSERT INTO public._yoyo_migration VALUES ('7af687bf71faeb4ab7a0ce31a0fc2341da4e98103bb5ae878c772b6eef54d7a1', '0001_orders', '2026-01-31 09:37:48.045577');
INSERT INTO public._yoyo_migration VALUES ('5c97a6dd50c9703bc40fb1ac4064e7788193da604b2ce28d886a811e2fe87ca6', '0002_price', '2026-01-31 09:37:48.067274');
INSERT INTO public._yoyo_version VALUES (2, '2026-01-31 09:37:48.034196');
INSERT INTO public.schema_version VALUES (1, '2026-01-31 09:37:48.045781+00', 'Orders', '0001_orders', '9ed0250927ec6edd07c63291415f68f473609bdf00c8554c333eaa92b77a6cf1', '87094d46f95a305d25aad244b440594d7f1688a510a76e104452d71d19606189', 0, 'postgres');
INSERT INTO public.schema_version VALUES (2, '2026-01-31 09:37:48.06733+00', 'Price', '0002_price', 'a3471dabd3ae883ecd387b6a6bb7cfe5bbf3e11a3496bb49b8f8df7383f6c272', 'bef9a9032a1bfeb4c3bfa760f933180c6039cb3e255b96bf2847afab23083235', 19, 'postgres');
ALTER TABLE ONLY public._dbkit_journal
    ADD CONSTRAINT _dbkit_journal_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public._dbkit_object
    ADD CONSTRAINT _dbkit_object_pkey PRIMARY KEY (path);
ALTER TABLE ONLY public._yoyo_log
    ADD CONSTRAINT _yoyo_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public._yoyo_migration
    ADD CONSTRAINT _yoyo_migration_pkey PRIMARY KEY (migration_hash);
ALTER TABLE ONLY public._yoyo_version
    ADD CONSTRAINT _yoyo_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);
