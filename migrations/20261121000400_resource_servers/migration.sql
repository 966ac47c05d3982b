-- CreateTable
CREATE TABLE "resource_servers" (
    "id" TEXT NOT NULL,
    "identifier" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "sensitivity" TEXT NOT NULL,
    "token_ttl_seconds" INTEGER,
    "algorithm" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "resource_servers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "resource_scopes" (
    "resource_server_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "risk" TEXT NOT NULL,
    "position" INTEGER NOT NULL,

    CONSTRAINT "resource_scopes_pkey" PRIMARY KEY ("resource_server_id","name")
);

-- CreateTable
CREATE TABLE "resource_server_clients" (
    "client_id" TEXT NOT NULL,
    "resource_server_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "resource_server_clients_pkey" PRIMARY KEY ("client_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "resource_servers_identifier_key" ON "resource_servers"("identifier");

-- CreateIndex
CREATE INDEX "resource_server_clients_resource_server_id_idx" ON "resource_server_clients"("resource_server_id");

-- AddForeignKey
ALTER TABLE "resource_scopes" ADD CONSTRAINT "resource_scopes_resource_server_id_fkey" FOREIGN KEY ("resource_server_id") REFERENCES "resource_servers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "resource_server_clients" ADD CONSTRAINT "resource_server_clients_resource_server_id_fkey" FOREIGN KEY ("resource_server_id") REFERENCES "resource_servers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A token for a resource server that was removed is not alive.
CREATE VIEW "live_resource_servers" AS
SELECT "identifier" FROM "resource_servers";
