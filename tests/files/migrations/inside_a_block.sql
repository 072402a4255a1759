do $$ begin perform 1 / 0; end $$;
