select 'é', foo;
