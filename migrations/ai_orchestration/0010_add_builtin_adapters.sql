-- The four adapters the system ships with, for every tenant.
-- The document gives their ids; names and descriptions are ours.

insert into adapters (id, name, description, type)
values
    ('mock', 'Mock', 'Answers with prepared data, for tests', 'builtin'),
    ('openai', 'OpenAI', 'Calls the OpenAI API', 'builtin'),
    ('anthropic', 'Anthropic', 'Calls the Anthropic API', 'builtin'),
    ('http', 'HTTP', 'Calls any HTTP endpoint', 'builtin')
on conflict (id) do nothing;
