import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, Role, Routes } from '../../platform/http/web.ts';
import type { AgentEditor } from '../agent-event.ts';
import { fieldOf } from '../form.ts';
import { ownerOptions } from '../owner-options.ts';
import { isOwnedBy, type OwnerDirectory } from '../owners.ts';
import { stateOf } from '../present.ts';
import type { AgentService } from '../service.ts';
import { presentCard, presentKept } from './present.ts';
import type { CardOutcome, CardService } from './service.ts';

/** What the pages of cards stand on. */
export interface CardRoutesDeps {
  readonly cards: Pick<CardService, 'add' | 'find'>;
  readonly agents: Pick<AgentService, 'find'>;
  readonly owners: OwnerDirectory;
  readonly clock: Clock;
  readonly issuer: URL;
}

const PATH = '/console/agents/from-card';
const WRITERS: readonly Role[] = ['admin'];

/** An address that was typed wins over what was chosen of the list. */
const valuesOf = (form: Form) => ({ url: fieldOf(form, 'url'), owner: fieldOf(form, 'ownerEmail') || fieldOf(form, 'owner') });
type Values = ReturnType<typeof valuesOf>;

const editorOf = ({ accountId }: BrowserSession): AgentEditor => ({ kind: 'account', id: accountId, party: 'administrator' });

const WORDS = {
  created: 'This would be recorded, as a proposed agent.',
  changed: 'An agent came from this card before; this is what would be noted now.',
  unchanged: 'An agent came from this card, and it says the same.',
} as const satisfies Record<CardOutcome['outcome'], string>;

/** Adding an agent from its card in the console, and the card as whoever answers for the agent reads it at /me. */
export function createCardRoutes(deps: CardRoutesDeps): Routes {
  return (router, web) => {
    addingRoutes(deps)(router, web);
    ownerRoutes(deps)(router, web);
  };
}

/** Nobody else learns at /me whether there is such an agent, or such a card. */
function ownerRoutes({ cards, agents, owners, clock }: CardRoutesDeps): Routes {
  return (router, { pages, guard }) => {
    router.get('/me/agents/:id/card', async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      const [agent, card] = await Promise.all([agents.find(idOf(ctx)), cards.find(idOf(ctx))]);
      if (agent === undefined || card === undefined || !(await isOwnedBy(agent.owner, session.accountId, owners)))
        throw new AppError('not_found', 'You answer for no agent with a card of this id.');
      const now = clock.now();
      const shown = { name: agent.displayName, state: stateOf(agent, { now }) };
      await pages.show(ctx, 'me/agent-card', { heading: 'What it says of itself', agent: shown, card: presentKept(card, now) }, session);
    });
  };
}

/** The address, what the card says, and only then the agent. Works without script. */
function addingRoutes({ cards, owners, issuer }: CardRoutesDeps): Routes {
  const base = basePathOf(issuer);
  const modelOf = async (values: Values, more: object = {}) => ({
    action: `${base}${PATH}`,
    owners: await ownerOptions(owners, values.owner),
    values,
    ...more,
  });
  const previewOf = ({ outcome, card, url, members }: CardOutcome) => ({
    words: WORDS[outcome],
    url,
    expected: card.contentHash,
    submit: outcome === 'created' ? 'Add the agent' : 'Note it',
    changed: members.join(', '),
    card: presentCard(card),
    ...(card.facts.description === undefined ? {} : { says: card.facts.description }),
  });
  return (router, { pages, guard }) => {
    router.get(PATH, async (ctx) => {
      const session = await guard.session(ctx, { roles: WRITERS });
      if (session !== undefined) await pages.show(ctx, 'console/agent-from-card', await modelOf({ url: '', owner: '' }), session);
    });
    router.post(PATH, async (ctx) => {
      const session = await guard.session(ctx, { roles: WRITERS });
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const values = valuesOf(form);
      const expected = fieldOf(form, 'expected');
      try {
        if (expected === '') {
          const preview = previewOf(await cards.add({ ...values, isDryRun: true }, editorOf(session)));
          return await pages.show(ctx, 'console/agent-from-card', await modelOf(values, { preview }), session);
        }
        const { agent, outcome } = await cards.add({ ...values, expected }, editorOf(session));
        const text = outcome === 'created' ? 'Added. Somebody who does not own it can let it run.' : 'Its card is up to date.';
        pages.redirect(ctx, `/console/agents/${agent.id}`, { kind: 'done', text });
      } catch (error) {
        if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
        const faults = [{ field: error.details.member === 'owner' ? 'owner' : 'url', message: error.message }];
        await pages.show(ctx, 'console/agent-from-card', { ...(await modelOf(values, { faults })), status: 422 }, session);
      }
    });
  };
}
