-- Puts a claimed webhook that failed again off, twice as long as the time before; says whether it is given up instead.
-- None where the attempt is not the latest: its lease was over and another worker has the webhook, or it is resolved.
-- :optional
\if :{?base} \else \set base '30 seconds' \endif
\if :{?cap} \else \set cap '1 hour' \endif
\if :{?jitter} \else \set jitter 0.2 \endif
update webhook_dlq as entry
set
    error = :'error',
    last_error_at = now(),
    next_retry_at = case
        when entry.next_retry_at = 'infinity' then 'infinity'
        else now() + retry_delay(entry.retry_count, :'base', :'cap', :'jitter')
    end
where
    entry.id = :'id'
    and entry.retry_count = :'retry_count'
returning entry.next_retry_at is not distinct from 'infinity' as is_given_up;
