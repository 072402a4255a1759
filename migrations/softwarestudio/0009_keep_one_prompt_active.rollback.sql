-- Several may be active again; those that were put to rest stay so, for only one of them could be in use.

drop index prompt_versions_active_key;
