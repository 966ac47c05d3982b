-- CreateTable
CREATE TABLE "audit_events" (
    "id" TEXT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "type" TEXT NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "agent_id" TEXT,
    "subject_id" TEXT,
    "client_id" TEXT,
    "resource" TEXT,
    "data" JSONB NOT NULL,
    "digest" TEXT NOT NULL,
    "position" BIGINT,
    "hash" TEXT,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_events_position_key" ON "audit_events"("position");

-- CreateIndex
CREATE INDEX "audit_events_occurred_at_idx" ON "audit_events"("occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_type_occurred_at_idx" ON "audit_events"("type", "occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_agent_id_occurred_at_idx" ON "audit_events"("agent_id", "occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_subject_id_occurred_at_idx" ON "audit_events"("subject_id", "occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_client_id_occurred_at_idx" ON "audit_events"("client_id", "occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_correlation_id_idx" ON "audit_events"("correlation_id");

-- The sealer looks only at what is not sealed yet.
CREATE INDEX "audit_events_unsealed_idx" ON "audit_events"("id") WHERE "position" IS NULL;

-- What happened cannot be edited: a row may be sealed once, and nothing else about it ever changes.
CREATE FUNCTION "audit_events_are_final"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD."position" IS NULL AND OLD."hash" IS NULL AND NEW."position" IS NOT NULL AND NEW."hash" IS NOT NULL
     AND (NEW."id", NEW."occurred_at", NEW."type", NEW."actor_kind", NEW."actor_id", NEW."correlation_id", NEW."data", NEW."digest")
       IS NOT DISTINCT FROM (OLD."id", OLD."occurred_at", OLD."type", OLD."actor_kind", OLD."actor_id", OLD."correlation_id", OLD."data", OLD."digest")
     AND (NEW."agent_id", NEW."subject_id", NEW."client_id", NEW."resource") IS NOT DISTINCT FROM (OLD."agent_id", OLD."subject_id", OLD."client_id", OLD."resource") THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the audit trail can only be added to';
END $$;

CREATE TRIGGER "audit_events_are_final" BEFORE UPDATE OR DELETE ON "audit_events" FOR EACH ROW EXECUTE FUNCTION "audit_events_are_final"();

CREATE TRIGGER "audit_events_are_kept" BEFORE TRUNCATE ON "audit_events" FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_are_final"();
