select 'größer 日本 😀', foo;
