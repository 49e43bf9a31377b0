CREATE TABLE a_name_that_takes_all_of_the_sixty_three_bytes_postgresql_allox (id int PRIMARY KEY, a_name_that_takes_all_of_the_sixty_three_bytes_postgresql_allox int NOT NULL);
CREATE TABLE üa_name_that_takes_all_of_the_sixty_three_bytes_postgresql_al (id int PRIMARY KEY, other int NOT NULL);
