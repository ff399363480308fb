"""History is the truth: a trigger numbers and hashes each event, others refuse to change the past (invariant I4).

Set-based SQL and the ORM write the same chain, because both go through the trigger. TRUNCATE alone may be allowed, by
the setting grid_mgmt.may_erase, for rebuilding a demo city and for tests; rows can never be changed one by one.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION issue_event_digest(e issues_issueevent) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(e.previous || convert_to(jsonb_build_array(
    e.issue_id, e.seq, e.kind, e.actor_id, e.post_id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    e.state, e.holder_grid_id, e.holder_department_id,
    to_char(e.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.rung, e.payload)::text, 'UTF8'))
$$;

CREATE FUNCTION issue_event_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  newest record;
BEGIN
  SELECT seq, hash INTO newest FROM issues_issueevent WHERE issue_id = NEW.issue_id ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(newest.seq, 0) + 1;
  NEW.previous := coalesce(newest.hash, ''::bytea);
  NEW.hash := issue_event_digest(NEW);
  RETURN NEW;
END $$;

CREATE TRIGGER issue_event_chain BEFORE INSERT ON issues_issueevent
  FOR EACH ROW EXECUTE FUNCTION issue_event_chain();

CREATE FUNCTION issue_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' AND current_setting('grid_mgmt.may_erase', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'The history of issues is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER issue_event_no_change BEFORE UPDATE OR DELETE ON issues_issueevent
  FOR EACH ROW EXECUTE FUNCTION issue_event_refuse();
CREATE TRIGGER issue_event_no_truncate BEFORE TRUNCATE ON issues_issueevent
  FOR EACH STATEMENT EXECUTE FUNCTION issue_event_refuse();
"""

BACKWARD = """
DROP TRIGGER issue_event_no_truncate ON issues_issueevent;
DROP TRIGGER issue_event_no_change ON issues_issueevent;
DROP TRIGGER issue_event_chain ON issues_issueevent;
DROP FUNCTION issue_event_refuse();
DROP FUNCTION issue_event_chain();
DROP FUNCTION issue_event_digest(issues_issueevent);
"""


class Migration(migrations.Migration):
    dependencies = [("issues", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
