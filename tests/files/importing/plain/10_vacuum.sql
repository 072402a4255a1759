vacuum accounts;
