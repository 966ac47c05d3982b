-- What an identity system knows of people and groups, and when they changed. Rows from before, and those that an older server
-- writes meanwhile, have no updated_at: they count as unchanged since they were made.

-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "external_id" TEXT,
ADD COLUMN     "profile" JSONB,
ADD COLUMN     "source" TEXT,
ADD COLUMN     "updated_at" TIMESTAMPTZ(3),
ADD COLUMN     "user_name" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "groups" ADD COLUMN     "external_id" TEXT,
ADD COLUMN     "source" TEXT,
ADD COLUMN     "updated_at" TIMESTAMPTZ(3),
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "group_agents" (
    "group_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "group_agents_pkey" PRIMARY KEY ("group_id","agent_id")
);

-- CreateIndex
CREATE INDEX "group_agents_agent_id_idx" ON "group_agents"("agent_id");

-- AddForeignKey
ALTER TABLE "group_agents" ADD CONSTRAINT "group_agents_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "groups"("id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- What a person is called by their identity system is taken whatever its case, an identifier of a source once; who was removed
-- gives both back. Nobody is called what is somebody else's address.
CREATE UNIQUE INDEX "accounts_user_name_taken" ON "accounts"(lower(COALESCE("user_name", "email"))) WHERE "removed_at" IS NULL;
CREATE UNIQUE INDEX "accounts_external_id_taken" ON "accounts"("source", "external_id") WHERE "removed_at" IS NULL;
CREATE UNIQUE INDEX "groups_external_id_taken" ON "groups"("source", "external_id");

-- Which groups an agent is in, for the registry of agents.
CREATE VIEW "agent_groups" AS SELECT "agent_id", "group_id" FROM "group_agents";
