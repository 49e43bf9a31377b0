-- The newest rows of the refresh log of each kind. $1: only this view, or all but the summaries of batches; $2: only this status; $3: how many.
SELECT l.view_name, l.status, l.duration_ms, l.row_count, l.triggered_by, l.message,
       to_char(coalesce(l.refresh_completed_at, l.refresh_started_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS completed_at
  FROM headwater.mv_refresh_log AS l
 WHERE CASE WHEN $1::text IS NULL THEN l.view_name <> 'batches' ELSE l.view_name = $1 END
   AND ($2::text IS NULL OR l.status = $2)
 ORDER BY l.refresh_started_at DESC, l.id DESC
 LIMIT $3
