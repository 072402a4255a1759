	select	'x',	foo;
