-- A database that was adopted keeps its refresh tokens and verification tokens in plain text, and nobody could go on
-- with the sessions there were, since tokens are looked up by their SHA-256. They are hashed in place: who is logged in
-- stays so, and whoever reads the table can use none of them.
-- A digest has 64 hexadecimal digits, and a plain token may look the same. A session that was there before 0009 is the
-- first of its family by that migration alone, and is hashed whatever it looks like: only an adopted database has such.
-- A verification token of that look is left alone: it is proved or expires within a day.

update sessions
set refresh_token = encode(sha256(convert_to(refresh_token, 'UTF8')), 'hex')
where
    refresh_token !~ '^[0-9a-f]{64}$'
    or family_id = id;

update users
set verification_token = encode(sha256(convert_to(verification_token, 'UTF8')), 'hex')
where verification_token !~ '^[0-9a-f]{64}$';
