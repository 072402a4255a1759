-- A@X.de and a@x.de were two users, and who registered as one could not log in as the other. An address is one however
-- it is written. Where two users have it already, this stops and names them: which of the two is to stay, no migration
-- can know. Nobody registers meanwhile; the table is read once, and the index built from it.

lock table users in share row exclusive mode;

do $$
declare
    twice text;
begin
    select string_agg(same.addresses, '; ' order by same.addresses)
    into twice
    from (
        select string_agg(usr.email, ' and ' order by usr.email) as addresses
        from users as usr
        group by lower(usr.email)
        having count(*) > 1
        limit 20
    ) as same;
    if twice is not null then
        raise exception 'several users have one address: %', twice
            using
                errcode = 'unique_violation',
                table = 'users',
                hint = 'Give all but one of them another address, or remove them; then run it again.';
    end if;
end;
$$;

-- serves users/find_by_email, and holds an address to one user
create unique index users_email_any_case_key on users (lower(email));
