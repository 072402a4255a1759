drop index users_email_any_case_key;
