-- A custom adapter that took one of these ids before stays.

delete from adapters
where
    id in ('mock', 'openai', 'anthropic', 'http')
    and type = 'builtin';
