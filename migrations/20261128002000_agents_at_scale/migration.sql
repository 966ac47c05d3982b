-- Finding among a million agents: every list a client or an administrator asks for has an index that leaves out deleted agents,
-- so that counting reads the index alone. The one on the beginning of a name (agents_display_name_folded) stays whole: PostgreSQL
-- takes what it knows of an expression from whole indexes only, and would misjudge how many names begin like that.
CREATE INDEX "agents_live_status" ON "agents"("status", "id") WHERE "removed_at" IS NULL;
CREATE INDEX "agents_live_owner" ON "agents"("owner_id", "status", "id") WHERE "removed_at" IS NULL;
CREATE INDEX "agents_live_display_name" ON "agents"(lower("display_name") COLLATE "C", "id") WHERE "removed_at" IS NULL;
CREATE INDEX "agents_live_created" ON "agents"("created_at", "id") WHERE "removed_at" IS NULL;
CREATE INDEX "agents_live_updated" ON "agents"("updated_at", "id") WHERE "removed_at" IS NULL;

-- The words of an agent, whatever separates them, for the search of the console: words are found by their beginning.
CREATE INDEX "agents_words" ON "agents" USING gin (
  to_tsvector('simple', regexp_replace(lower("display_name" || ' ' || "name" || ' ' || "purpose"), '[^[:alnum:]]+', ' ', 'g'))
);

-- How many agents there are in each state, as a sum of differences: nobody waits for anybody to count, and a job adds them up.
CREATE TABLE "agent_counts" (
    "id" BIGSERIAL NOT NULL,
    "status" TEXT NOT NULL,
    "difference" INTEGER NOT NULL,

    CONSTRAINT "agent_counts_pkey" PRIMARY KEY ("id")
);

CREATE FUNCTION "count_new_agents"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "agent_counts" ("status", "difference")
  SELECT "status", count(*) FROM "new_agents" WHERE "removed_at" IS NULL GROUP BY "status";
  RETURN NULL;
END $$;

CREATE FUNCTION "count_moved_agent"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "agent_counts" ("status", "difference")
  SELECT "status", "difference"
  FROM (VALUES (OLD."status", -1, OLD."removed_at"), (NEW."status", 1, NEW."removed_at")) AS "moved"("status", "difference", "removed_at")
  WHERE "removed_at" IS NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER "agents_count_new" AFTER INSERT ON "agents" REFERENCING NEW TABLE AS "new_agents"
  FOR EACH STATEMENT EXECUTE FUNCTION "count_new_agents"();
CREATE TRIGGER "agents_count_moved" AFTER UPDATE ON "agents"
  FOR EACH ROW WHEN (OLD."status" IS DISTINCT FROM NEW."status" OR (OLD."removed_at" IS NULL) <> (NEW."removed_at" IS NULL))
  EXECUTE FUNCTION "count_moved_agent"();

INSERT INTO "agent_counts" ("status", "difference") SELECT "status", count(*) FROM "agents" WHERE "removed_at" IS NULL GROUP BY "status";
