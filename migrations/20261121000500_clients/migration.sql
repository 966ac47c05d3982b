-- CreateTable
CREATE TABLE "clients" (
    "client_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "service_id" TEXT,
    "status" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "scopes" JSONB,
    "bounds" JSONB NOT NULL,
    "is_management" BOOLEAN NOT NULL,
    "has_governance" BOOLEAN NOT NULL,
    "default_resource" TEXT,
    "default_scope" TEXT,
    "secret_hash" BYTEA,
    "previous_secret_hash" BYTEA,
    "previous_secret_until" TIMESTAMPTZ(3),
    "secret_rotated_at" TIMESTAMPTZ(3),
    "initial_access_token_id" TEXT,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "clients_pkey" PRIMARY KEY ("client_id")
);

-- CreateTable
CREATE TABLE "initial_access_tokens" (
    "id" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "name" TEXT NOT NULL,
    "owner_kind" TEXT NOT NULL,
    "owner_id" TEXT NOT NULL,
    "agent_state" TEXT NOT NULL,
    "bounds" JSONB NOT NULL,
    "uses_left" INTEGER NOT NULL,
    "uses_total" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "initial_access_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "clients_service_id_key" ON "clients"("service_id");

-- CreateIndex
CREATE INDEX "clients_initial_access_token_id_idx" ON "clients"("initial_access_token_id");

-- CreateIndex
CREATE UNIQUE INDEX "initial_access_tokens_token_hash_key" ON "initial_access_tokens"("token_hash");

-- A count that went below nothing would let one more registration through.
ALTER TABLE "initial_access_tokens" ADD CONSTRAINT "initial_access_tokens_uses_left_check" CHECK ("uses_left" >= 0);

-- Whoever may ask for tokens; tokens of any other client are not alive.
CREATE VIEW "live_clients" AS
SELECT "client_id" FROM "clients" WHERE "status" = 'active';
