import { z } from 'zod';
import type { JsonObject } from '../../authorization-details/index.ts';
import { entity } from '../access-request.ts';

/** Something that a resource server has, such as a record or a tool; its type stands beside it. */
export interface Thing {
  readonly id: string;
  /** What policies may look at when it is searched for. */
  readonly properties?: JsonObject | undefined;
}

/** The most things of one type that a resource server may name. */
export const MOST_THINGS = 5_000;

/** All things of one type, as they arrive. */
export const thingsInput = z.strictObject({ things: z.array(entity.omit({ type: true })).max(MOST_THINGS) });
/** A thing as the interface answers with it. */
export const thingBody = z.object({ id: z.string(), properties: z.record(z.string(), z.unknown()).optional() }).meta({ id: 'Thing' });
/** The type of things. */
export const thingType = entity.shape.type;
