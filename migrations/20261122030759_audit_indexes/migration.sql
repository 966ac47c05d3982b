-- DropIndex
DROP INDEX "audit_events_agent_id_occurred_at_idx";

-- DropIndex
DROP INDEX "audit_events_client_id_occurred_at_idx";

-- DropIndex
DROP INDEX "audit_events_occurred_at_idx";

-- DropIndex
DROP INDEX "audit_events_subject_id_occurred_at_idx";

-- DropIndex
DROP INDEX "audit_events_type_occurred_at_idx";

-- CreateIndex
CREATE INDEX "audit_events_occurred_at_idx" ON "audit_events" USING BRIN ("occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_agent_id_id_idx" ON "audit_events"("agent_id", "id");

-- CreateIndex
CREATE INDEX "audit_events_subject_id_id_idx" ON "audit_events"("subject_id", "id");

-- CreateIndex
CREATE INDEX "audit_events_client_id_id_idx" ON "audit_events"("client_id", "id");

-- The rare types are found by their index; the one that is written for every token is found by reading backwards, and does not pay for it.
CREATE INDEX "audit_events_type_id_idx" ON "audit_events"("type", "id") WHERE "type" <> 'token.issued';
