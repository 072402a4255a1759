copy nasty from stdin;
1
\.