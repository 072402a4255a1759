begin transaction;
DROP TRIGGER users_touch ON users;
DROP FUNCTION touch();
ALTER TABLE users DROP COLUMN touched_at;
end;
