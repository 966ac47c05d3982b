import { type CedarLanguage, openCedar } from '../../../src/policy/cedar/cedar.ts';
import { createEngine, type PolicyEngine } from '../../../src/policy/cedar/engine.ts';
import { createSlots } from '../../../src/policy/cedar/slices.ts';
import { checkPolicy } from '../../../src/policy/cedar/validation.ts';
import type { AgentFacts } from '../../../src/policy/index.ts';
import type { Question } from '../../../src/policy/question.ts';

export const RESOURCE = 'https://invoices.acme.test/mcp';
export const MIRA = `usr_${'a'.repeat(32)}`;
export const FINANCE = `grp_${'f'.repeat(32)}`;
export const BOT = `agt_${'1'.repeat(32)}`;
export const PARENT = `agt_${'2'.repeat(32)}`;

/** An agent of Mira, as its record says. */
export const botFacts: AgentFacts = {
  id: BOT,
  displayName: 'Invoice bot',
  status: 'active',
  actsUnderReview: false,
  riskLevel: 'medium',
  autonomy: 'background',
  dataClasses: ['invoices'],
  environment: 'production',
  manifestDigest: undefined,
  model: { provider: 'acme', name: 'm1' },
  owner: { kind: 'user', id: MIRA },
  isOwnerAlive: true,
  isSelfService: false,
  validUntil: undefined,
  maxDelegationDepth: undefined,
};

/** The bot asks for a token for Mira, on a Tuesday at 13:00 UTC. */
export const question: Question = {
  subject: { kind: 'account', id: MIRA },
  actors: [{ iss: 'https://behalf.test', sub: BOT }],
  clientId: 'bot',
  facts: {
    client: { id: 'bot', isActive: true, kind: 'admin', purpose: 'agent', serviceId: undefined, isManagement: false, resources: undefined },
    agent: botFacts,
  },
  action: { name: 'issue_token' },
  resource: { type: 'resource_server', id: RESOURCE, server: RESOURCE },
  scopes: ['read', 'pay'],
  details: [{ type: 'payment_initiation', instructedAmount: { amount: '120.50', currency: 'EUR' } }],
  context: { at: new Date('2026-12-01T13:00:00Z'), grantType: 'authorization_code', network: '10.1.2.3' },
};

/** The bot acts for itself: Mira answers for it. */
export const ownQuestion: Question = {
  ...question,
  subject: { kind: 'agent', id: BOT },
  actors: [],
  context: { ...question.context, grantType: 'client_credentials' },
};

/** An engine over texts that were checked as a save checks them. @throws when one is not valid. */
export async function engineOf(...texts: readonly string[]): Promise<PolicyEngine & { readonly cedar: CedarLanguage }> {
  const cedar = await openCedar();
  const policies = texts.map((text) => {
    const checked = checkPolicy(cedar, text, []);
    if (!checked.ok) throw new Error(JSON.stringify(checked.faults));
    return { id: checked.id, text };
  });
  return { ...createEngine({ cedar, slots: createSlots(Math.random().toString(36)) }, policies), cedar };
}
