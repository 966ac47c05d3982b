-- The place of an event in the chain lies beside the event: sealing adds a small row instead of writing the event, and every
-- index entry of it, a second time. Events are never written again.

-- CreateTable
CREATE TABLE "audit_chain" (
    "position" BIGINT NOT NULL,
    "event_id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_chain_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "audit_unsealed" (
    "event_id" TEXT NOT NULL,

    CONSTRAINT "audit_unsealed_pkey" PRIMARY KEY ("event_id")
);

INSERT INTO "audit_chain" ("position", "event_id", "hash") SELECT "position", "id", "hash" FROM "audit_events" WHERE "position" IS NOT NULL;
INSERT INTO "audit_unsealed" ("event_id") SELECT "id" FROM "audit_events" WHERE "position" IS NULL;

-- CreateIndex
CREATE UNIQUE INDEX "audit_chain_event_id_key" ON "audit_chain"("event_id");

DROP VIEW "unsealed_audit_tail";

-- DropIndex
DROP INDEX "audit_events_unsealed_idx";

-- DropIndex
DROP INDEX "audit_events_position_key";

-- AlterTable
ALTER TABLE "audit_events" DROP COLUMN "hash",
DROP COLUMN "position";

-- What happened cannot be edited, nor its place.
CREATE OR REPLACE FUNCTION "audit_events_are_final"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail can only be added to';
END $$;

CREATE TRIGGER "audit_chain_is_final" BEFORE UPDATE OR DELETE ON "audit_chain" FOR EACH ROW EXECUTE FUNCTION "audit_events_are_final"();

CREATE TRIGGER "audit_chain_is_kept" BEFORE TRUNCATE ON "audit_chain" FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_are_final"();

-- No writer can forget the sealer: every event waits for it from the statement on that writes it.
CREATE FUNCTION "audit_events_wait_for_the_sealer"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "audit_unsealed" ("event_id") SELECT "id" FROM "added";
  RETURN NULL;
END $$;

CREATE TRIGGER "audit_events_wait_for_the_sealer" AFTER INSERT ON "audit_events"
  REFERENCING NEW TABLE AS "added" FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_wait_for_the_sealer"();

-- Since when the sealer leaves events without a place in the chain.
CREATE VIEW "unsealed_audit_tail" AS
SELECT count(*)::int AS "events", min(event."occurred_at") AS "oldest_at"
FROM "audit_unsealed" waiting JOIN "audit_events" event ON event."id" = waiting."event_id";

-- The oldest decisions are the first ones by id.
-- DropIndex
DROP INDEX "decisions_at_idx";
