import type Router from '@koa/router';
import { z } from 'zod';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { managementApi } from '../../platform/http/operation.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { PageNeed, Web } from '../../platform/http/web.ts';
import { faultsOf, textOf } from '../console/form.ts';
import { documentBody } from '../wire.ts';
import type { MetadataDocuments } from './service.ts';

/** What the pages stand on. */
export interface DocumentConsoleDeps {
  readonly db: Pick<Db, 'transaction'>;
  readonly documents: MetadataDocuments;
  readonly agents: {
    choices(): Promise<readonly { readonly id: string; readonly displayName: string }[]>;
    /** What the client held as another agent ends. Joins the transaction under way. @throws {AppError} */
    linkClient(agentId: string, clientId: string): Promise<unknown>;
  };
  readonly issuer: URL;
}

const PATH = '/console/clients';
const FORM = `${PATH}/by-document`;
const WRITE: PageNeed = { roles: ['admin'] };
/** Security rule R22: software is let in. */
const RECENT: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };

const pageOf = (clientId: string) => `${PATH}/${encodeURIComponent(clientId)}`;

const approval = z.strictObject({ url: z.string().min(1).max(1_000), agent_id: z.string().min(1).max(200) });

/** `POST /api/v1/clients/by-document`: what the console's form does. `fault` says why the document cannot be read yet. */
export function documentApi({ db, documents, agents }: DocumentConsoleDeps, router: Router, web: Web): void {
  const operation = {
    summary: 'Let software in by the address of its metadata document',
    ...({ scope: 'admin:write', body: approval, answer: documentBody, status: 201 } as const),
  };
  managementApi(router, web).post('/api/v1/clients/by-document', operation, async ({ ctx, caller, by, body }) => {
    // whoever says which software acts as an agent decides about the agent (security rule R7)
    if (!caller.hasGovernance && caller.accountId === undefined)
      throw new AppError('forbidden', 'This takes a person, or the governance right.');
    const { url, agent_id: agentId } = body;
    await db.transaction(async () => {
      await documents.approve(url, by);
      await agents.linkClient(agentId, url);
    });
    const fault = await documents.readAgain(url);
    ctx.set('location', ctx.path.replace('by-document', encodeURIComponent(url)));
    return { client_id: url, agent_id: agentId, fault: fault ?? null };
  });
}

/** The console's pages of metadata documents: name one before it comes, and read one again now. */
export function documentConsole(deps: DocumentConsoleDeps, router: Router, web: Web): void {
  approvePages(deps, router, web);
  readPage(deps, router, web);
}

function approvePages({ db, documents, agents, issuer }: DocumentConsoleDeps, router: Router, web: Web): void {
  const modelOf = async (values: { readonly url: string; readonly agent: string }) => ({
    action: `${basePathOf(issuer)}${FORM}`,
    agents: [{ value: '', words: 'Choose' }, ...(await agents.choices()).map(({ id, displayName }) => ({ value: id, words: displayName }))],
    values,
  });
  router.get(FORM, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session !== undefined) await web.pages.show(ctx, 'console/document-form', await modelOf({ url: '', agent: '' }), session);
  });
  router.post(FORM, async (ctx) => {
    const session = await web.guard.session(ctx, RECENT);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const values = { url: textOf(form, 'url'), agent: textOf(form, 'agent') };
    const again = async (faults: readonly object[]) =>
      web.pages.show(ctx, 'console/document-form', { ...(await modelOf(values)), status: 400, faults }, session);
    if (values.agent === '') return again([{ field: 'agent', message: 'Choose the agent that this software works for.' }]);
    try {
      await db.transaction(async () => {
        await documents.approve(values.url, personAsChanger(session));
        await agents.linkClient(values.agent, values.url);
      });
    } catch (error) {
      return again(faultsOf(error, {}));
    }
    const fault = await documents.readAgain(values.url);
    const done = { kind: 'done', text: 'The client is added.' } as const;
    const unread = { kind: 'stop', text: `The client is added; its document cannot be read yet. ${fault ?? ''}` } as const;
    web.pages.redirect(ctx, pageOf(values.url), fault === undefined ? done : unread);
  });
}

function readPage({ documents }: DocumentConsoleDeps, router: Router, web: Web): void {
  router.post(`${PATH}/:id/read`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const fault = await documents.readAgain(idOf(ctx));
    const done = { kind: 'done', text: 'The document was read.' } as const;
    web.pages.redirect(ctx, pageOf(idOf(ctx)), fault === undefined ? done : { kind: 'stop', text: `The document was not taken. ${fault}` });
  });
}
