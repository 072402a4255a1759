alter table agent_settings
    alter column last_reset_date set default current_date;
