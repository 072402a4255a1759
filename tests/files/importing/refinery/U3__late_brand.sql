ALTER TABLE cars ADD brand varchar(255);
