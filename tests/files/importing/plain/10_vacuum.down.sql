analyze accounts;
