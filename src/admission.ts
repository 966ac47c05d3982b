/**
 * Where software that comes by itself meets the registry: a person's first yes makes it an agent that nobody owns but the server
 * (security rule R5), or it waits for an administrator; software that was stopped does not come back by registering again (R14).
 * Joins capabilities that do not know each other; app.ts passes it as their hooks.
 */
import { type Accounts, SELF_SERVICE_GROUP_ID } from './accounts/index.ts';
import { type Agent, type AgentEditor, type Agents, riskLevels } from './agents/index.ts';
import type { AuditRecorder } from './audit/index.ts';
import {
  type Clients,
  type DocumentsDeps,
  inheritedAgent,
  type Instance,
  type OnMet,
  type OnSelfChanged,
  type Software,
  type SoftwareAgents,
} from './client-registration/index.ts';
import { AppError } from './platform/errors.ts';
import type { EnrolmentChoice, Policy } from './policy/index.ts';
import type { Revocation } from './revocation/index.ts';
import type { Consented, Standing } from './sign-in/index.ts';

/** The hooks of registration and of consent. Those that change something join the transaction under way. */
export interface Admission {
  readonly registration: {
    /** Which software may register without a token. */
    readonly openness: () => Promise<EnrolmentChoice['openRegistration']>;
    /** Refuses the registration of software that was stopped, however it calls itself now. */
    readonly onMet: OnMet;
    /** An instance changed what people said yes to: they are asked again, and its agent is looked at where it is the only one. */
    readonly onSelfChanged: OnSelfChanged;
    /** What administrators decide about agents that came by themselves. */
    readonly softwareAgents: SoftwareAgents;
  };
  /** Which metadata documents are taken, and what happens when one says something else than people agreed to. */
  readonly documents: Pick<DocumentsDeps, 'policy' | 'onChanged'>;
  readonly consent: {
    /** What a person is asked, or told instead. */
    readonly standingOf: (clientId: string) => Promise<Standing>;
    /** A person said yes: the first time makes the agent, later ones add an instance. @throws {AppError} `forbidden` */
    readonly onConsent: (consented: Parties) => Promise<void>;
    /** A person asks that the software be let in: it is proposed. @throws {AppError} `forbidden` */
    readonly onAsked: (asked: Parties) => Promise<void>;
  };
}

type Parties = Pick<Consented, 'accountId' | 'clientId'>;

interface Parts {
  readonly accounts: () => Pick<Accounts, 'ownerLabel'>;
  readonly agents: () => Pick<
    Agents,
    'find' | 'findByClient' | 'clientsOf' | 'create' | 'linkClient' | 'unlinkClient' | 'update' | 'setStatus'
  >;
  readonly revocation: () => Pick<Revocation, 'cascade'>;
  readonly clients: () => Pick<Clients, 'software'>;
  readonly policy: () => Pick<Policy, 'refuse' | 'enrolment'>;
  readonly audit: AuditRecorder;
}

const OWNER = { kind: 'group', id: SELF_SERVICE_GROUP_ID } as const;
const REFUSED = 'An administrator decided that this software does not act for people here.';
const WAITS = 'An administrator has to let this software in first.';

function isStopped({ status }: Agent): boolean {
  return status === 'suspended' || status === 'retired';
}

/** An administrator refused it, or stopped an agent of it (R14). */
function isTurnedAway({ refusedAt }: Software, known: readonly Agent[]): boolean {
  return refusedAt !== undefined || known.some(isStopped);
}

/** Somebody took it on: it is no longer the server's own. */
function isAdopted({ owner }: Agent): boolean {
  return owner?.id !== SELF_SERVICE_GROUP_ID;
}

/** The agents of some software that still have a record. */
async function agentsOf({ agents }: Parts, { agentIds }: Software): Promise<readonly Agent[]> {
  const found = await Promise.all(agentIds.map((id) => agents().find(id)));
  return found.filter((agent) => agent !== undefined);
}

/** The agent that an instance would act as; undefined: its first yes makes one. */
function successorOf(software: Software, known: readonly Agent[]): Agent | undefined {
  const isTakenOn = (id: string) => known.some((agent) => agent.id === id && isAdopted(agent));
  const id = inheritedAgent(software, isTakenOn);
  return known.find((agent) => agent.id === id);
}

function standingAs(agent: Agent, choice: EnrolmentChoice): Standing {
  if (isStopped(agent)) return { state: 'refused' };
  if (agent.status === 'proposed') return { state: 'waits', isAsked: true };
  if (agent.status === 'underReview' && !agent.actsUnderReview) return { state: 'reviewed' };
  return { state: 'welcome', ...(isAdopted(agent) ? {} : { mostRisk: choice.selfServiceRisk }) };
}

async function standingOf(parts: Parts, clientId: string): Promise<Standing> {
  const instance = await parts.clients().software.instanceOf(clientId);
  if (instance === undefined) return { state: 'welcome' };
  const { software } = instance;
  const [linked, known, choice] = await Promise.all([
    parts.agents().findByClient(clientId),
    agentsOf(parts, software),
    parts.policy().enrolment.choice(),
  ]);
  if (isTurnedAway(software, known)) return { state: 'refused' };
  const agent = linked ?? successorOf(software, known);
  if (agent !== undefined) return standingAs(agent, choice);
  if (choice.newSoftware === 'administrator') return { state: 'waits', isAsked: false };
  return { state: 'welcome', mostRisk: choice.selfServiceRisk };
}

/**
 * Makes the instance act as the agent of its software; the software is held, so that two first yeses make one agent, and a refusal
 * that was under way meanwhile counts. @throws {AppError} `forbidden`
 */
async function enrol(parts: Parts, { client, software: seen }: Instance, around: { by: AgentEditor; status: 'active' | 'proposed' }) {
  const { by, status } = around;
  const { software: records } = parts.clients();
  const software = (await records.lock(seen.id)) ?? seen;
  const known = await agentsOf(parts, software);
  if (isTurnedAway(software, known)) throw new AppError('forbidden', REFUSED);
  const existing = successorOf(software, known);
  const made = { displayName: nameOf(software), owner: OWNER, status, riskLevel: 'low', source: 'self-service' } as const;
  const agent = existing ?? (await parts.agents().create(made, by));
  await parts.agents().linkClient(agent.id, client.id, by);
  await records.actsAs(software.id, agent.id);
  return agent;
}

const LONGEST_NAME = 120;

function nameOf({ name, id }: Software): string {
  return name.slice(0, LONGEST_NAME).trim() || id;
}

function editorFor(accountId: string): AgentEditor {
  return { kind: 'account', id: accountId, party: 'system' };
}

/** The first yes makes the agent, later ones add an instance to it. */
async function admit(parts: Parts, { accountId, clientId }: Parties): Promise<void> {
  const instance = await parts.clients().software.instanceOf(clientId);
  if (instance === undefined) return;
  const standing = await standingOf(parts, clientId);
  if (standing.state !== 'welcome') throw new AppError('forbidden', standing.state === 'waits' ? WAITS : REFUSED);
  const linked = await parts.agents().findByClient(clientId);
  const agent = linked ?? (await enrol(parts, instance, { by: editorFor(accountId), status: 'active' }));
  await parts.clients().software.admit(clientId);
  const actor = { kind: 'account', id: accountId } as const;
  const about = { resource: instance.software.id, clientId, subjectId: accountId, agentId: agent.id };
  await parts.audit.record({ type: 'software.admitted', actor, ...about });
}

/** Software that waits is proposed, once. */
async function propose(parts: Parts, { accountId, clientId }: Parties): Promise<void> {
  const instance = await parts.clients().software.instanceOf(clientId);
  const standing = await standingOf(parts, clientId);
  if (instance === undefined || standing.state !== 'waits') throw new AppError('forbidden', REFUSED);
  if (!standing.isAsked) await enrol(parts, instance, { by: editorFor(accountId), status: 'proposed' });
}

/**
 * Security rule R14: a suspension holds for the same software whichever way it registers. An enrolment token is somebody's word for
 * new software: what stopped an agent of other people does not hold against it.
 */
async function assertMayRegister(parts: Parts, { clientId, key, software, ownerId }: Parameters<OnMet>[0]): Promise<void> {
  const [known, twin] = await Promise.all([
    software === undefined ? [] : agentsOf(parts, software),
    parts.clients().software.suspendedTwin(key, ownerId),
  ]);
  const stopped = known.find(isStopped);
  if (software?.refusedAt === undefined && stopped === undefined && twin === undefined) return;
  const isSuspended = twin !== undefined || stopped?.status === 'suspended';
  const remedy = twin === undefined ? 'let it in again under Software' : 'let that agent act again, or retire it';
  parts.policy().refuse({
    rule: 'software-stopped',
    error: 'access_denied',
    status: 403,
    reason: isSuspended ? 'The agent of this software is suspended.' : REFUSED,
    remedy: `An administrator can ${remedy}; registering again does not.`,
    clientId,
    agentId: twin ?? stopped?.id,
    action: 'register',
    input: { key },
  });
}

const REGISTRATION: AgentEditor = { kind: 'system', id: 'client-registration', party: 'system' };

/**
 * RFC 7592 §2.2: whoever holds the registration token may change the registration. What people gave the instance ends, so that they
 * are asked again. Alone, its agent goes under review; among others it leaves them, or a stranger could stop all of a product.
 */
async function selfChanged(parts: Parts, { clientId, isOther }: Parameters<OnSelfChanged>[0]): Promise<void> {
  const agent = await parts.agents().findByClient(clientId);
  if (agent === undefined) return;
  await parts.revocation().cascade.onClientDisabled(clientId, { cause: 'client.updated', by: { kind: 'client', id: clientId } });
  const isAlone = (await parts.agents().clientsOf(agent.id)).length === 1;
  if (isAlone && !isOther && agent.status === 'active') {
    const reason = 'Its registration asks for more than before.';
    await parts.agents().setStatus(agent.id, 'underReview', { by: REGISTRATION, reason });
    return;
  }
  await parts.agents().unlinkClient(clientId, REGISTRATION);
  await parts.clients().software.unadmit(clientId);
}

const LONGEST_REASON = 300;

/** What people agreed to is not what is there now: its agent waits for a look, and everybody is asked again (R14). */
async function review(parts: Parts, clientId: string, words: string): Promise<void> {
  const agent = await parts.agents().findByClient(clientId);
  if (agent !== undefined && (agent.status === 'active' || agent.actsUnderReview)) {
    const reason = `Its metadata document changed. ${words}`.slice(0, LONGEST_REASON);
    await parts.agents().setStatus(agent.id, 'underReview', { by: REGISTRATION, reason });
  }
  await parts.revocation().cascade.onClientDisabled(clientId, { cause: 'client.document_changed' });
}

const administrator = (accountId: string): AgentEditor => ({ kind: 'account', id: accountId, party: 'administrator' });

/** An instance that stood for a stopped agent stands for nobody: the next yes makes a new one. */
async function releaseClient(parts: Parts, { softwareId, clientId }: { softwareId: string; clientId: string }): Promise<void> {
  const { software } = parts.clients();
  if ((await software.instanceOf(clientId))?.software.id !== softwareId) return;
  await parts.agents().unlinkClient(clientId, REGISTRATION);
  await software.unadmit(clientId);
}

/** What the pages about software ask the registry, and do there. */
function softwareAgentsOf(parts: Parts): SoftwareAgents {
  const { accounts, agents } = parts;
  return {
    async current(agentIds) {
      const agent = agentIds.length === 0 ? undefined : await agents().find(agentIds.at(-1) ?? '');
      if (agent === undefined) return undefined;
      const { id, displayName, status, owner } = agent;
      const ownerName = owner !== undefined && isAdopted(agent) ? (await accounts().ownerLabel(owner))?.name : undefined;
      return { id, displayName, status, ownerName };
    },
    async adopt(agentId, { owner, riskLevel: wanted, accountId }) {
      const riskLevel = riskLevels.find((level) => level === wanted) ?? 'high';
      await agents().update(agentId, { changes: { owner, riskLevel } }, administrator(accountId));
      const agent = await agents().find(agentId);
      if (agent?.status === 'proposed') await agents().setStatus(agentId, 'active', { by: administrator(accountId) });
    },
    letIn: async (agentId, accountId) => void (await agents().setStatus(agentId, 'active', { by: administrator(accountId) })),
    async release(softwareId, agentIds) {
      for (const id of agentIds) {
        const agent = await agents().find(id);
        if (agent === undefined || !isStopped(agent)) continue;
        for (const clientId of await agents().clientsOf(id)) await releaseClient(parts, { softwareId, clientId });
      }
    },
    async stop(agentIds, { reason, accountId }) {
      for (const id of agentIds) {
        const agent = await agents().find(id);
        if (agent === undefined || isStopped(agent)) continue;
        await agents().setStatus(id, 'suspended', { by: administrator(accountId), reason });
      }
    },
  };
}

/** The hooks over the capabilities. */
export function createAdmission(parts: Parts): Admission {
  return {
    registration: {
      openness: async () => (await parts.policy().enrolment.choice()).openRegistration,
      onMet: (met) => assertMayRegister(parts, met),
      onSelfChanged: (changed) => selfChanged(parts, changed),
      softwareAgents: softwareAgentsOf(parts),
    },
    documents: {
      async policy() {
        const { documents: mode, documentDomains: domains } = await parts.policy().enrolment.choice();
        return { mode, domains };
      },
      onChanged: (clientId, { words }) => review(parts, clientId, words),
    },
    consent: {
      standingOf: (clientId) => standingOf(parts, clientId),
      onConsent: (consented) => admit(parts, consented),
      onAsked: (asked) => propose(parts, asked),
    },
  };
}
