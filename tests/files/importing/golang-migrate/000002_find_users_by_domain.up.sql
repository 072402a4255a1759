CREATE INDEX CONCURRENTLY users_domain ON users (split_part(email, '@', 2));
