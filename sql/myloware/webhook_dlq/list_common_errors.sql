-- What goes wrong with whose webhooks, the most common error first.
-- :many
\if :{?max_errors} \else \set max_errors 20 \endif
select
    entry.provider,
    entry.error,
    count(*) as occurrences
from webhook_dlq as entry
group by entry.provider, entry.error
order by occurrences desc, entry.provider, entry.error
limit :'max_errors';
