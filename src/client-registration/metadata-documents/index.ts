/**
 * Clients whose identifier is the address of a document that describes them (draft-ietf-oauth-client-id-metadata-document): reads,
 * judges and keeps these documents, and makes a client like any other of each. Which hosts are welcome is a setting, and whom such
 * a client works for is the registry's; both come in as functions. Called by the engine's storage of clients, at every use.
 */
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import type { Job } from '../../platform/jobs.ts';
import { createBudget } from './budget.ts';
import type { DocumentPolicy } from './domain-policy.ts';
import { createReader, type DocumentHooks } from './reading.ts';
import { createDocumentService, type DocumentServiceDeps, type MetadataDocuments } from './service.ts';
import { createDocumentStore } from './store.ts';

export { isAdmitted } from './oidc.ts';
export { documentApi, documentConsole } from './routes.ts';
export type { MetadataDocuments } from './service.ts';

/** What metadata documents need beyond what clients have. */
export interface DocumentsDeps extends DocumentHooks {
  readonly outgoing: Pick<Outgoing, 'fetch' | 'allowsLoopback'>;
  /** Which documents are taken, asked for at every use. */
  readonly policy: () => Promise<DocumentPolicy>;
}

type Deps = DocumentsDeps &
  Pick<DocumentServiceDeps, 'db' | 'clock' | 'clients' | 'software' | 'audit' | 'judge' | 'onStopped'> & {
    readonly turnsAway?: (clientId: string) => Promise<boolean>;
    readonly agents: { findByClient(clientId: string): Promise<object | undefined> };
  };

/** Builds the use cases. */
export function createMetadataDocuments(deps: Deps): MetadataDocuments {
  const store = createDocumentStore(deps);
  const reading = { ...deps, store, hooks: { onChanged: deps.onChanged } };
  return createDocumentService({
    ...reading,
    reader: createReader(reading),
    budget: createBudget(deps),
    allowsLoopback: deps.outgoing.allowsLoopback,
    turnsAway: deps.turnsAway,
    isLinked: async (clientId) => (await deps.agents.findByClient(clientId)) !== undefined,
  });
}

/** Reads stale documents of clients in use, so that a change is noticed by those who wait for none; forgets strangers. */
export function documentJobs(documents: MetadataDocuments | undefined): readonly Job[] {
  if (documents === undefined) return [];
  return [
    { name: 'client-documents', everySeconds: 60, run: async () => void (await documents.rereadDue()) },
    { name: 'unused-client-documents', everySeconds: 3_600, run: async () => void (await documents.forgetUnused()) },
  ];
}
