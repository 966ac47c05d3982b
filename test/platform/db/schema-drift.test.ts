import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { freshDatabase } from '../../support/database.ts';
import { schemaDrift } from '../../support/schema-drift.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the migrations make exactly the tables of prisma/schema', async () => {
  const database = await freshDatabase();
  try {
    expect(await schemaDrift(database.connection)).toBe('');
  } finally {
    await database.drop();
  }
});

test('a table that no migration makes is seen, with the SQL that makes it', async () => {
  const [database, folder] = await Promise.all([freshDatabase(), temporaryFolder()]);
  try {
    const schema =
      'datasource db {\n  provider = "postgresql"\n}\n\nmodel Widget {\n  id String @id\n  count Int\n\n  @@map("widgets")\n}\n';
    await writeFile(join(folder.path, 'widget.prisma'), schema);
    expect(await schemaDrift(database.connection, folder.path)).toContain('CREATE TABLE "widgets"');
  } finally {
    await Promise.all([database.drop(), folder.remove()]);
  }
});
