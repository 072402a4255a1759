-- A sender cannot take a new key at the instant in which a webhook gets it, so the calls in between were refused. The
-- old key is now kept until a time, and calls that it signed are taken until then. No row is read for the columns.

alter table webhooks
    add column old_secret varchar(255),
    add column old_secret_until timestamptz;
