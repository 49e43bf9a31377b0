CREATE SCHEMA sales;
CREATE SCHEMA reports;
CREATE TABLE sales.orders (id int PRIMARY KEY, amount numeric NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, note text);
