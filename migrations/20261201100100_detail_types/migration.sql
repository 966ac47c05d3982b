-- What administrators say about types of authorization details: their own ones with a definition, and built-in ones that they switched
-- off. JSON, not JSONB: the order of members is the order in which people read them.
CREATE TABLE "detail_types" (
    "type" TEXT NOT NULL,
    "definition" JSON,
    "revision" TEXT NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "changed_by" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "detail_types_pkey" PRIMARY KEY ("type")
);
