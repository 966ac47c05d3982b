import { AppError } from '../../src/platform/errors.ts';
import {
  type ScimInput,
  type ScimListQuery,
  type ScimPage,
  type ScimResource,
  type ScimResourceType,
  matchesFilter,
  scimAttribute,
  scimRefusal,
  weakEtag,
} from '../../src/scim/index.ts';

/** Lamps stand for any resource: src/scim knows none, so its tests bring one of their own, kept in a Map. */
export const lampSchema = 'urn:example:scim:schemas:core:2.0:Lamp';
export const lampExtension = 'urn:example:scim:schemas:extension:wiring:2.0:Lamp';

const readOnly = { mutability: 'readOnly' } as const;

export const lampDescription = {
  name: 'Lamp',
  description: 'A lamp',
  endpoint: '/Lamps',
  schema: {
    urn: lampSchema,
    name: 'Lamp',
    description: 'A lamp',
    attributes: [
      scimAttribute('name', 'string', { required: true, uniqueness: 'server', maxLength: 100 }),
      scimAttribute('serial', 'string', { mutability: 'immutable', caseExact: true }),
      scimAttribute('active', 'boolean'),
      scimAttribute('watts', 'integer'),
      scimAttribute('secret', 'string', { mutability: 'writeOnly', returned: 'never' }),
      scimAttribute('manual', 'string', { returned: 'request' }),
      scimAttribute('lastLitAt', 'dateTime', readOnly),
      scimAttribute('maker', 'complex', { ...readOnly, subAttributes: [scimAttribute('value', 'string')] }),
      scimAttribute('parts', 'complex', { ...readOnly, multiValued: true, subAttributes: [scimAttribute('value', 'string')] }),
      scimAttribute('tags', 'string', { multiValued: true, maxValues: 5 }),
      scimAttribute('place', 'complex', { subAttributes: [scimAttribute('room', 'string'), scimAttribute('floor', 'integer')] }),
      scimAttribute('owners', 'complex', {
        multiValued: true,
        subAttributes: [
          scimAttribute('value', 'string', { required: true, caseExact: true }),
          scimAttribute('type', 'string', { canonicalValues: ['User', 'Group'] }),
          scimAttribute('display', 'string', readOnly),
          scimAttribute('primary', 'boolean'),
        ],
      }),
    ],
  },
  extensions: [
    {
      urn: lampExtension,
      name: 'Wiring',
      description: 'How it is wired',
      required: false,
      attributes: [
        scimAttribute('status', 'string', { canonicalValues: ['proposed', 'active', 'retired'] }),
        scimAttribute('checkedAt', 'dateTime'),
        scimAttribute('fuses', 'complex', {
          multiValued: true,
          subAttributes: [scimAttribute('value', 'string'), scimAttribute('amps', 'decimal')],
        }),
      ],
    },
  ],
} as const;

export interface Lamps extends ScimResourceType<string> {
  /** The callers the guard let through, in order. */
  readonly callers: string[];
  /** How many each call of createMany was asked for, in order. */
  readonly batches: number[];
  /** Runs once before the next batch is created. */
  beforeNextBatch(action: () => void): void;
  /** Runs once before the next replacement is compared: another writer. */
  beforeNextReplace(action: () => void): void;
  touch(id: string): void;
}

function onPage(found: readonly ScimResource[], { page }: ScimListQuery): ScimPage {
  const start = page.by === 'index' ? page.startIndex - 1 : Number(page.position ?? '0');
  const resources = found.slice(start, start + page.count);
  const hasMore = start + page.count < found.length;
  return { resources, totalResults: found.length, ...(hasMore ? { nextPosition: String(start + page.count) } : {}) };
}

/** Lamps in a Map, with the rules a real store keeps: unique names, versions compared at the write. */
export function createLamps(): Lamps {
  const rows = new Map<string, { revision: number; input: ScimInput }>();
  const callers: string[] = [];
  const batches: number[] = [];
  let interference: (() => void) | undefined;
  let batchInterference: (() => void) | undefined;
  let sequence = 0;
  const present = (id: string): ScimResource => {
    const row = rows.get(id);
    if (!row) throw new AppError('not_found', `There is no lamp ${id}.`);
    const owners = (row.input['owners'] as Record<string, unknown>[] | undefined)?.map((owner) => ({
      ...owner,
      display: `Owner ${owner['value']}`,
    }));
    const at = '2026-01-01T00:00:00Z';
    const { secret, ...visible } = row.input;
    return {
      ...visible,
      ...(owners ? { owners } : {}),
      hidden: 'not an attribute',
      secret,
      id,
      meta: { created: at, lastModified: at, version: weakEtag(row.revision) },
    };
  };
  const assertFree = (input: ScimInput, ownId: string): void => {
    const isTaken = [...rows].some(
      ([id, row]) => id !== ownId && String(row.input['name']).toLowerCase() === String(input['name']).toLowerCase(),
    );
    if (isTaken) throw new AppError('conflict', 'Another lamp has this name.', { scimType: 'uniqueness' });
  };
  const assertVersion = (id: string, ifMatch: string | undefined): void => {
    if (ifMatch !== undefined && present(id).meta.version !== ifMatch) throw new AppError('precondition_failed', 'It has changed.');
  };
  const create = async (input: ScimInput, caller: string): Promise<ScimResource> => {
    callers.push(caller);
    assertFree(input, '');
    const id = `lamp-${++sequence}`;
    rows.set(id, { revision: 1, input });
    return present(id);
  };
  return {
    ...lampDescription,
    serviceProviderConfig: { lampExtension: { supported: true } },
    callers,
    batches,
    beforeNextBatch: (action) => {
      batchInterference = action;
    },
    beforeNextReplace: (action) => {
      interference = action;
    },
    touch: (id) => {
      const row = rows.get(id);
      if (row) row.revision += 1;
    },
    create,
    createMany: async (inputs, caller) => {
      batches.push(inputs.length);
      const action = batchInterference;
      batchInterference = undefined;
      action?.();
      const asOutcome = (error: unknown): AppError => {
        if (error instanceof AppError) return error;
        throw error;
      };
      return Promise.all(inputs.map((input) => create(input, caller).catch(asOutcome)));
    },
    get: async (id) => present(id),
    list: async (query) => {
      const { filter, sort } = query;
      const found = [...rows.keys()].map(present).filter((lamp) => !filter || matchesFilter(filter, lamp));
      if (sort && sort.target.path !== 'name') throw scimRefusal('invalidPath', 'Lamps sort by name.');
      if (sort)
        found.sort((left, right) => String(left['name']).localeCompare(String(right['name'])) * (sort.order === 'ascending' ? 1 : -1));
      return onPage(found, query);
    },
    replace: async (id, { input, ifMatch }) => {
      const action = interference;
      interference = undefined;
      action?.();
      assertVersion(id, ifMatch);
      const { revision } = rows.get(id) ?? { revision: 0 };
      present(id);
      assertFree(input, id);
      rows.set(id, { revision: revision + 1, input });
      return present(id);
    },
    remove: async (id, { ifMatch }) => {
      present(id);
      assertVersion(id, ifMatch);
      rows.delete(id);
    },
  };
}
