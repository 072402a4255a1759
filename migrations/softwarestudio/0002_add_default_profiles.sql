-- Each of the four agents needs a profile before the first session can run.

insert into agent_settings (profile_name, provider, model)
values
    ('pm', 'anthropic', 'claude-sonnet-4-20250514'),
    ('arch', 'anthropic', 'claude-sonnet-4-20250514'),
    ('eng', 'anthropic', 'claude-sonnet-4-20250514'),
    ('qa', 'anthropic', 'claude-sonnet-4-20250514')
on conflict (profile_name) do nothing;
