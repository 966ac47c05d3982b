-- CreateTable
CREATE TABLE "agentic_applications" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "display_name" TEXT,
    "description" TEXT,
    "is_active" BOOLEAN NOT NULL,
    "urls" JSONB NOT NULL,
    "oauth_configuration" JSONB NOT NULL,
    "external_identifiers" JSONB NOT NULL,
    "external_id" TEXT,
    "source" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "agentic_applications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agentic_application_agents" (
    "application_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "position" INTEGER NOT NULL,

    CONSTRAINT "agentic_application_agents_pkey" PRIMARY KEY ("application_id","agent_id")
);

-- CreateIndex
CREATE INDEX "agentic_applications_external_id_idx" ON "agentic_applications"("external_id");

-- CreateIndex
CREATE INDEX "agentic_application_agents_agent_id_application_id_idx" ON "agentic_application_agents"("agent_id", "application_id");

-- CreateIndex
CREATE UNIQUE INDEX "agentic_applications_external_id_taken" ON "agentic_applications"("source", "external_id");

-- AddForeignKey
ALTER TABLE "agentic_application_agents" ADD CONSTRAINT "agentic_application_agents_application_id_fkey" FOREIGN KEY ("application_id") REFERENCES "agentic_applications"("id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "agentic_application_agents" ADD CONSTRAINT "agentic_application_agents_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- A name is taken whatever its case.
CREATE UNIQUE INDEX "agentic_applications_name_taken" ON "agentic_applications"(lower("name"));

ALTER TABLE "agentic_application_agents" ADD CONSTRAINT "agentic_application_agents_type" CHECK ("type" IN ('owned', 'authorized', 'guest'));
