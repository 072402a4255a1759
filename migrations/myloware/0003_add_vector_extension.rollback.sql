-- Without cascade: while anything else still uses the type, going back is refused.

drop extension vector;
