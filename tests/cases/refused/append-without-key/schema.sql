CREATE TABLE sightings (place text, bird text, seen_on date);
