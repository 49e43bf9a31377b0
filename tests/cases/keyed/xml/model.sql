CREATE MATERIALIZED VIEW x AS SELECT p.id, xmlelement(name p, p.title) AS x FROM projects p;
CREATE UNIQUE INDEX ON x (id);
