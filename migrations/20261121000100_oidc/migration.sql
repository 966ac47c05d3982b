-- CreateTable
CREATE TABLE "oidc_artifacts" (
    "model" TEXT NOT NULL,
    "id_hash" BYTEA NOT NULL,
    "payload" BYTEA NOT NULL,
    "grant_hash" BYTEA,
    "uid_hash" BYTEA,
    "user_code_hash" BYTEA,
    "account_id" TEXT,
    "client_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "consumed_at" TIMESTAMPTZ(3),

    CONSTRAINT "oidc_artifacts_pkey" PRIMARY KEY ("model","id_hash")
);

-- CreateTable
CREATE TABLE "oidc_replay_records" (
    "key_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "oidc_replay_records_pkey" PRIMARY KEY ("key_hash")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "kid" TEXT NOT NULL,
    "algorithm" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_jwk" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "activated_at" TIMESTAMPTZ(3),
    "retires_at" TIMESTAMPTZ(3),

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "key_check" (
    "id" INTEGER NOT NULL,
    "check" BYTEA NOT NULL,

    CONSTRAINT "key_check_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "oidc_artifacts_grant_hash_idx" ON "oidc_artifacts"("grant_hash");

-- CreateIndex
CREATE INDEX "oidc_artifacts_uid_hash_idx" ON "oidc_artifacts"("uid_hash");

-- CreateIndex
CREATE INDEX "oidc_artifacts_user_code_hash_idx" ON "oidc_artifacts"("user_code_hash");

-- CreateIndex
CREATE INDEX "oidc_artifacts_account_id_model_idx" ON "oidc_artifacts"("account_id", "model");

-- CreateIndex
CREATE INDEX "oidc_artifacts_client_id_model_idx" ON "oidc_artifacts"("client_id", "model");

-- CreateIndex
CREATE INDEX "oidc_artifacts_expires_at_idx" ON "oidc_artifacts"("expires_at");

-- CreateIndex
CREATE INDEX "oidc_replay_records_expires_at_idx" ON "oidc_replay_records"("expires_at");

-- A signing algorithm has one current key: two servers that rotate at once cannot both win.
CREATE UNIQUE INDEX "signing_keys_current_key" ON "signing_keys"("algorithm") WHERE "status" = 'current';

-- A grant is what a person allowed; who reads this view sees only those that were not taken back.
CREATE VIEW "live_grants" AS
SELECT "id_hash" AS "grant_hash", "expires_at", "account_id", "client_id" FROM "oidc_artifacts" WHERE "model" = 'Grant' AND "consumed_at" IS NULL;
