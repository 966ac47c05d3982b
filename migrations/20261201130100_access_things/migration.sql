-- CreateTable
CREATE TABLE "access_things" (
    "resource" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "properties" JSONB,

    CONSTRAINT "access_things_pkey" PRIMARY KEY ("resource","type","id")
);
