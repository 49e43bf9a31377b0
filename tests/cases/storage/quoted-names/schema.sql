CREATE SCHEMA "Über Sales";
CREATE TABLE "Über Sales"."Order" ("Id" int PRIMARY KEY, "select" text, "it's ""quoted""" int NOT NULL);
CREATE TABLE "Über Sales".item (id int PRIMARY KEY, "Order" int NOT NULL REFERENCES "Über Sales"."Order");
