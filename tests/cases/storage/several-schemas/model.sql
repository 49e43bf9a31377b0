CREATE MATERIALIZED VIEW reports.orders AS
SELECT s.id, s.amount, o.note FROM sales.orders s LEFT JOIN public.orders o ON o.id = s.id;
CREATE UNIQUE INDEX ON reports.orders (id);
