select $$;$$, $tag$;$$;$tag$, $a$;$b$;$ab$;$a$, $é$;$é$, $_$;$_$, $a1$ ';" -- /* $a1$;
select a$$, b$c$d, $1, $12$$;$$ from t; select $1a$$; select 1$$;$$, 1a$$; select 1_0$$; $$;$$;
select $ , $a , $1$, $a b$;
do $outer$
begin
    execute $inner$ select ';' $inner$;

    perform $$;$$;
end
$outer$;
