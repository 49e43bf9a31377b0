-- Consumers: whoever follows a model's changes at a pace of their own. A group has one checkpoint for each of its partitions; a partition is the
-- keys whose hash falls there, and one member of the group has it at a time. At least once, and in order for each key.
CREATE TABLE IF NOT EXISTS headwater.consumer (
  consumer_group varchar(100) NOT NULL,
  stream_name text NOT NULL,
  partitions int NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
  owner name NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (consumer_group, stream_name)
);
COMMENT ON TABLE headwater.consumer IS 'Groups that follow a model''s changes; owner: the role that subscribed';

CREATE TABLE IF NOT EXISTS headwater.checkpoint (
  consumer_group varchar(100) NOT NULL,
  stream_name text NOT NULL,
  partition int NOT NULL,
  epoch int NOT NULL,
  pos bigint NOT NULL,
  handed bigint,
  processed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  member text,
  leased_until timestamptz,
  PRIMARY KEY (consumer_group, stream_name, partition),
  FOREIGN KEY (consumer_group, stream_name) REFERENCES headwater.consumer ON DELETE CASCADE
);
COMMENT ON TABLE headwater.checkpoint IS 'How far a group has come in each partition, and which member has it until when. epoch 0: the model is to be read first';
COMMENT ON COLUMN headwater.checkpoint.handed IS 'The last position that the member was given and has not committed';

CREATE TABLE IF NOT EXISTS headwater.member (
  consumer_group varchar(100) NOT NULL,
  stream_name text NOT NULL,
  member text NOT NULL,
  lease interval NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (consumer_group, stream_name, member),
  FOREIGN KEY (consumer_group, stream_name) REFERENCES headwater.consumer ON DELETE CASCADE
);
COMMENT ON TABLE headwater.member IS 'Members of groups that have polled, and until when they count as alive without polling again';

-- The partition of a key. MD5, because PostgreSQL's own hashes may differ from one major version to the next.
CREATE OR REPLACE FUNCTION headwater.partition_of(key jsonb, partitions int) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $body$
  SELECT (('x' || substr(md5(key::text), 1, 7))::bit(28)::int) % partitions
$body$;
COMMENT ON FUNCTION headwater.partition_of(jsonb, int) IS 'The partition that a key falls into: (key as poll() gives it, partitions)';

-- A key under the names of its columns; in the log they are called k1, k2 and so on.
CREATE OR REPLACE FUNCTION headwater.named_key(key jsonb, names text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $body$
  SELECT jsonb_object_agg(n.name, key -> ('k' || n.place)) FROM unnest(names) WITH ORDINALITY AS n (name, place)
$body$;

-- The names of the columns of a model's key; NULL where there is no such model.
CREATE OR REPLACE FUNCTION headwater.key_of(stream_name text) RETURNS text[]
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog AS $body$
  SELECT o.key_columns FROM headwater.model AS o
   WHERE o.installed_at IS NOT NULL AND o.state IN ('serving', 'broken')
     AND CASE WHEN o.schema_name = 'public' THEN o.name ELSE o.schema_name || '.' || o.name END = key_of.stream_name
$body$;

-- The role that called: in a SECURITY DEFINER function current_user is another.
CREATE OR REPLACE FUNCTION headwater.caller() RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog AS $body$
  SELECT CASE WHEN current_setting('role') IN ('', 'none') THEN session_user ELSE current_setting('role')::name END
$body$;

-- Begins to follow a model's changes; true where the group is new. start: 'reset', the first poll says that the model is to be read;
-- 'now', only what changes from now on; 'oldest', all that the log still has.
CREATE OR REPLACE FUNCTION headwater.subscribe(consumer_group text, stream_name text, partitions int DEFAULT 1, start text DEFAULT 'reset') RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
#variable_conflict use_variable
DECLARE
  known headwater.consumer%ROWTYPE;
  last record;
  first_pos bigint;
  wrong text := CASE
    WHEN consumer_group IS NULL OR consumer_group !~ '^[^[:cntrl:]]{1,100}$' THEN 'a consumer group has a name of 1 to 100 characters, without control characters'
    WHEN partitions IS NULL OR partitions NOT BETWEEN 1 AND 1024 THEN 'a group has 1 to 1024 partitions'
    WHEN start IS NULL OR start NOT IN ('reset', 'now', 'oldest') THEN 'a group starts at ''reset'', ''now'' or ''oldest'''
  END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'headwater.subscribe(): %', wrong USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM headwater.may_consume(stream_name);
  INSERT INTO headwater.consumer AS c VALUES (consumer_group, stream_name, partitions, headwater.caller(), now()) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT c.* INTO known FROM headwater.consumer AS c WHERE c.consumer_group = subscribe.consumer_group AND c.stream_name = subscribe.stream_name;
    IF known.partitions <> partitions THEN
      RAISE EXCEPTION 'the group % has % partitions in %, not %', consumer_group, known.partitions, stream_name, partitions
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Other partitions hold other keys. Stop its members, call headwater.unsubscribe(), and subscribe anew.';
    END IF;
    RETURN false;
  END IF;
  SELECT b.epoch, b.pos INTO last FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1;
  first_pos := CASE start WHEN 'now' THEN last.pos ELSE (SELECT coalesce(min(l.pos) - 1, last.pos) FROM headwater.log AS l WHERE l.epoch = last.epoch) END;
  INSERT INTO headwater.checkpoint (consumer_group, stream_name, partition, epoch, pos)
  SELECT consumer_group, stream_name, p, CASE WHEN start = 'reset' OR last IS NULL THEN 0 ELSE last.epoch END, coalesce(first_pos, 0)
    FROM generate_series(0, partitions - 1) AS p;
  RETURN true;
END
$body$;
COMMENT ON FUNCTION headwater.subscribe(text, text, int, text) IS 'Begins to follow a model''s changes: (consumer_group, stream_name, partitions, start)';

-- Refuses who may not read the model, and models that keep no changes.
CREATE OR REPLACE FUNCTION headwater.may_consume(stream_name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $body$
DECLARE
  m record;
BEGIN
  SELECT o.schema_name, o.name, o.changes INTO m FROM headwater.model AS o
   WHERE o.installed_at IS NOT NULL AND o.state IN ('serving', 'broken')
     AND CASE WHEN o.schema_name = 'public' THEN o.name ELSE o.schema_name || '.' || o.name END = may_consume.stream_name;
  IF NOT FOUND OR NOT has_table_privilege(headwater.caller(), format('%I.%I', m.schema_name, m.name), 'SELECT') THEN
    RAISE EXCEPTION 'there is no model % that % may read', stream_name, headwater.caller()
      USING ERRCODE = 'insufficient_privilege', HINT = 'A stream is called like its model, with its schema where that is not public; GRANT SELECT on the model lets a role consume it.';
  END IF;
  IF m.changes IS NULL THEN
    RAISE EXCEPTION 'the changes of % are not kept', stream_name
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Write -- headwater: retain live before the model, and apply.';
  END IF;
END
$body$;

-- The group, locked until the end of the transaction: its members poll and commit one after the other.
CREATE OR REPLACE FUNCTION headwater.lock_consumer(consumer_group text, stream_name text) RETURNS headwater.consumer
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
DECLARE
  known headwater.consumer%ROWTYPE;
BEGIN
  SELECT c.* INTO known FROM headwater.consumer AS c
   WHERE c.consumer_group = lock_consumer.consumer_group AND c.stream_name = lock_consumer.stream_name FOR UPDATE;
  IF known IS NULL OR NOT pg_has_role(headwater.caller(), known.owner, 'USAGE') THEN
    RAISE EXCEPTION 'there is no consumer group % of % that belongs to %', consumer_group, stream_name, headwater.caller()
      USING ERRCODE = 'undefined_object', HINT = 'Begin with headwater.subscribe(consumer_group, stream_name).';
  END IF;
  RETURN known;
END
$body$;

-- Ends a group: its checkpoints are gone.
CREATE OR REPLACE FUNCTION headwater.unsubscribe(consumer_group text, stream_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
BEGIN
  PERFORM headwater.lock_consumer(consumer_group, stream_name);
  DELETE FROM headwater.consumer AS c WHERE c.consumer_group = unsubscribe.consumer_group AND c.stream_name = unsubscribe.stream_name;
END
$body$;
COMMENT ON FUNCTION headwater.unsubscribe(text, text) IS 'Ends a consumer group of a model: (consumer_group, stream_name)';

-- What comes next for a member: up to max_entries changes of each partition that it has, after the checkpoint. Who has not committed is given the
-- same again. A member that neither polls nor commits for as long as its lease loses its partitions to the others.
CREATE OR REPLACE FUNCTION headwater.poll(consumer_group text, stream_name text, member text, max_entries int DEFAULT 100, lease interval DEFAULT '30 seconds')
RETURNS TABLE (partition int, "position" text, op text, key jsonb, "row" jsonb, at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
#variable_conflict use_variable
DECLARE
  asked headwater.consumer%ROWTYPE;
  mine headwater.checkpoint%ROWTYPE;
  last record;
  oldest bigint;
  names text[] := headwater.key_of(stream_name);
  quota int;
  held int;
  handed bigint;
  moment timestamptz := clock_timestamp();
  wrong text := CASE
    WHEN member IS NULL OR member !~ '^[^[:cntrl:]]{1,100}$' THEN 'a member has a name of 1 to 100 characters, without control characters'
    WHEN max_entries IS NULL OR max_entries NOT BETWEEN 1 AND 10000 THEN 'a poll gives 1 to 10000 entries of a partition'
    WHEN lease IS NULL OR lease NOT BETWEEN interval '1 second' AND interval '1 hour' THEN 'a lease lasts from a second to an hour'
  END;
BEGIN
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'headwater.poll(): %', wrong USING ERRCODE = 'invalid_parameter_value';
  END IF;
  asked := headwater.lock_consumer(consumer_group, stream_name);
  PERFORM headwater.may_consume(stream_name);

  -- Who is alive, and how many partitions are whose.
  DELETE FROM headwater.member AS m WHERE m.consumer_group = poll.consumer_group AND m.stream_name = poll.stream_name AND m.until < moment AND m.member <> poll.member;
  INSERT INTO headwater.member AS m VALUES (consumer_group, stream_name, member, lease, moment + lease)
  ON CONFLICT ON CONSTRAINT member_pkey DO UPDATE SET lease = excluded.lease, until = excluded.until;
  SELECT asked.partitions / count(*) + CASE WHEN count(*) FILTER (WHERE m.member < poll.member) < asked.partitions % count(*) THEN 1 ELSE 0 END
    INTO quota FROM headwater.member AS m WHERE m.consumer_group = poll.consumer_group AND m.stream_name = poll.stream_name;
  -- More than its share: a partition is let go when nothing of it is under way.
  SELECT count(*) INTO held FROM headwater.checkpoint AS c
   WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.member = poll.member;
  UPDATE headwater.checkpoint AS c SET member = NULL, leased_until = NULL
   WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.partition IN (
         SELECT o.partition FROM headwater.checkpoint AS o
          WHERE o.consumer_group = poll.consumer_group AND o.stream_name = poll.stream_name AND o.member = poll.member AND o.handed IS NULL
          ORDER BY o.partition DESC LIMIT greatest(held - quota, 0));
  -- Less: it takes what nobody has, or what somebody had who is not heard of any more.
  UPDATE headwater.checkpoint AS c SET member = poll.member, handed = NULL
   WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.partition IN (
         SELECT o.partition FROM headwater.checkpoint AS o
          WHERE o.consumer_group = poll.consumer_group AND o.stream_name = poll.stream_name
            AND (o.member IS NULL OR o.leased_until < moment AND o.member <> poll.member)
          ORDER BY o.partition LIMIT greatest(quota - held, 0));
  UPDATE headwater.checkpoint AS c SET leased_until = moment + lease
   WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.member = poll.member;

  SELECT b.epoch, b.pos INTO last FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1;
  SELECT coalesce(min(l.pos) - 1, last.pos) INTO oldest FROM headwater.log AS l WHERE l.epoch = last.epoch;
  FOR mine IN SELECT c.* FROM headwater.checkpoint AS c
               WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.member = poll.member ORDER BY c.partition
  LOOP
    handed := NULL;
    IF mine.epoch <> last.epoch OR mine.pos < oldest OR mine.pos > last.pos THEN
      -- It has not begun, or the log has moved on without it.
      partition := mine.partition; "position" := concat(last.epoch, '.', last.pos); op := 'reset'; key := NULL; "row" := NULL; at := moment;
      RETURN NEXT;
      handed := last.pos;
    ELSE
      FOR partition, handed, "position", op, key, "row", at IN
        SELECT mine.partition, l.pos, concat(l.epoch, '.', l.pos), l.op, headwater.named_key(l.key, names), l."row", l.at
          FROM headwater.log AS l
         WHERE l.epoch = last.epoch AND l.pos > mine.pos AND l.pos <= last.pos AND l.model = poll.stream_name
           AND (l.key IS NULL OR asked.partitions = 1 OR headwater.partition_of(headwater.named_key(l.key, names), asked.partitions) = mine.partition)
         ORDER BY l.pos LIMIT max_entries
      LOOP
        RETURN NEXT;
      END LOOP;
    END IF;
    -- Without anything for it, it goes on: the log may drop what others have left behind.
    UPDATE headwater.checkpoint AS c
       SET handed = poll_handed.pos, pos = CASE WHEN poll_handed.pos IS NULL THEN last.pos ELSE c.pos END
      FROM (SELECT handed) AS poll_handed (pos)
     WHERE c.consumer_group = poll.consumer_group AND c.stream_name = poll.stream_name AND c.partition = mine.partition;
  END LOOP;
END
$body$;
COMMENT ON FUNCTION headwater.poll(text, text, text, int, interval) IS 'What comes next for a member of a consumer group: (consumer_group, stream_name, member, max_entries, lease)';

-- Everything of a partition up to a position is processed. In the transaction that processed it, where that is in this database: then it is done
-- exactly once. Refused where the partition is another member's by now: what was done is done again by that one.
CREATE OR REPLACE FUNCTION headwater.commit(consumer_group text, stream_name text, member text, partition int, "position" text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
#variable_conflict use_variable
DECLARE
  mine headwater.checkpoint%ROWTYPE;
  done bigint;
  alive timestamptz;
BEGIN
  PERFORM headwater.lock_consumer(consumer_group, stream_name);
  SELECT c.* INTO mine FROM headwater.checkpoint AS c
   WHERE c.consumer_group = commit.consumer_group AND c.stream_name = commit.stream_name AND c.partition = commit.partition;
  IF mine.member IS DISTINCT FROM member OR member IS NULL THEN
    RAISE EXCEPTION 'partition % of % is not %''s', partition, stream_name, member
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Its lease has run out. Drop what was not committed, and poll.';
  END IF;
  IF "position" IS NULL OR "position" !~ '^\d{1,9}\.\d{1,18}$' THEN
    RAISE EXCEPTION 'a position is written as poll() gives it, such as 1.4711' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  done := split_part("position", '.', 2)::bigint;
  IF mine.handed IS NULL OR done > mine.handed OR done < mine.pos AND mine.epoch = split_part("position", '.', 1)::int THEN
    RAISE EXCEPTION 'position % of partition % was not given to %', "position", partition, member
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Commit a position that the last poll() gave.';
  END IF;
  UPDATE headwater.member AS m SET until = clock_timestamp() + m.lease
   WHERE m.consumer_group = commit.consumer_group AND m.stream_name = commit.stream_name AND m.member = commit.member
  RETURNING m.until INTO alive;
  UPDATE headwater.checkpoint AS c
     SET epoch = split_part("position", '.', 1)::int, pos = done, processed_at = clock_timestamp(),
         handed = CASE WHEN done < mine.handed THEN mine.handed END, leased_until = greatest(c.leased_until, alive)
   WHERE c.consumer_group = commit.consumer_group AND c.stream_name = commit.stream_name AND c.partition = commit.partition;
END
$body$;
COMMENT ON FUNCTION headwater.commit(text, text, text, int, text) IS 'All up to a position is processed: (consumer_group, stream_name, member, partition, position)';

-- A member goes: the others take its partitions at once.
CREATE OR REPLACE FUNCTION headwater.leave(consumer_group text, stream_name text, member text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
BEGIN
  PERFORM headwater.lock_consumer(consumer_group, stream_name);
  DELETE FROM headwater.member AS m WHERE m.consumer_group = leave.consumer_group AND m.stream_name = leave.stream_name AND m.member = leave.member;
  UPDATE headwater.checkpoint AS c SET member = NULL, leased_until = NULL, handed = NULL
   WHERE c.consumer_group = leave.consumer_group AND c.stream_name = leave.stream_name AND c.member = leave.member;
END
$body$;
COMMENT ON FUNCTION headwater.leave(text, text, text) IS 'A member leaves its consumer group: (consumer_group, stream_name, member)';

-- One row for each group and stream: the least position of its partitions, and the age of the oldest change that one of them has not processed.
CREATE OR REPLACE VIEW headwater.event_stream_checkpoints AS
SELECT c.consumer_group, c.stream_name,
       pg_catalog.concat(least.epoch, '.', least.pos)::varchar(50) AS last_processed_id,
       latest.processed_at,
       coalesce(pg_catalog.ceil(extract(epoch FROM pg_catalog.clock_timestamp() - oldest.at)), 0)::int AS lag_seconds
  FROM headwater.consumer AS c
  CROSS JOIN LATERAL (SELECT p.epoch, p.pos FROM headwater.checkpoint AS p
                       WHERE p.consumer_group = c.consumer_group AND p.stream_name = c.stream_name ORDER BY p.epoch, p.pos LIMIT 1) AS least
  CROSS JOIN LATERAL (SELECT pg_catalog.max(p.processed_at) AS processed_at FROM headwater.checkpoint AS p
                       WHERE p.consumer_group = c.consumer_group AND p.stream_name = c.stream_name) AS latest
  CROSS JOIN LATERAL (
    SELECT pg_catalog.min(l.at) AS at
      FROM headwater.checkpoint AS p JOIN headwater.log AS l ON (l.epoch, l.pos) > (p.epoch, p.pos) AND l.model = p.stream_name
     WHERE p.consumer_group = c.consumer_group AND p.stream_name = c.stream_name
       AND (l.key IS NULL OR c.partitions = 1 OR headwater.partition_of(headwater.named_key(l.key, headwater.key_of(c.stream_name)), c.partitions) = p.partition)) AS oldest;
COMMENT ON VIEW headwater.event_stream_checkpoints IS 'How far each consumer group has come: (consumer_group, stream_name, last_processed_id, processed_at, lag_seconds)';
