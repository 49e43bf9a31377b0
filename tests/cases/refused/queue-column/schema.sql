CREATE TABLE readings (id int PRIMARY KEY, hw_sign int, hw_xid int);
