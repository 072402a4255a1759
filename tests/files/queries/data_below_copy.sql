-- :copy
copy runs from stdin;
1	two
\.
