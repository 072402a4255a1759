-- Calls that an old key signed are refused from now on, and the old keys are lost.

alter table webhooks
    drop column old_secret,
    drop column old_secret_until;
