CREATE MATERIALIZED VIEW "Order Pages" AS
SELECT o."Id", o."select" AS "from", o."it's ""quoted""" , (SELECT count(*) FROM "Über Sales".item i WHERE i."Order" = o."Id") AS "Items"
FROM "Über Sales"."Order" o;
CREATE UNIQUE INDEX "Order Pages key" ON "Order Pages" ("Id");
