-- Settings and keys entered into these four profiles go with them.

delete from agent_settings
where profile_name in ('pm', 'arch', 'eng', 'qa');
