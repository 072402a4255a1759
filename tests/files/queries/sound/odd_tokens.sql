-- What a simpler reader takes for parameters.
-- :many
select E'\' :a', U&'\0041 :b', $q$ :'c' $q$, ":d", x::text, y \: z, array[1, 2][1:2], a[b :2],
    $$
    \if :{?none}

    $$, '

    :e', 7 % 2, 'x' like '%x%', :'é' || :_1, (:'é')
    , jsonb '{}' ?| array['a'] -- last :'x'
