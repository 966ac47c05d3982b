import { rm } from 'node:fs/promises';

/** Ends the database server of the run and removes everything it left. */
export default async function globalTeardown() {
  const { server, folder } = globalThis.behalfTestRun;
  await server.stop();
  await rm(server.connection.host, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}
