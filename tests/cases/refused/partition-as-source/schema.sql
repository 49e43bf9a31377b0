CREATE TABLE readings (sensor int NOT NULL, at date NOT NULL, value float8, PRIMARY KEY (sensor, at)) PARTITION BY RANGE (at);
CREATE TABLE readings_2025 PARTITION OF readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE readings_rest PARTITION OF readings DEFAULT;
