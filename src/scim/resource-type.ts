import type { AppError } from '../platform/errors.ts';
import type { ScimFilter, ScimSort } from './filter.ts';
import type { ScimDescription, ScimInput, ScimResource } from './schema.ts';

/** The version a writer expects, an exact `meta.version`; absent when any version will do. */
export interface ScimPrecondition {
  readonly ifMatch?: string;
}

/** One page of resources; `totalResults` may be left out only for a cursor (RFC 9865 §2.1). */
export interface ScimPage {
  readonly resources: readonly ScimResource[];
  readonly totalResults?: number;
  /** Where the next page begins, in the store's own words; the room makes an opaque cursor of it. */
  readonly nextPosition?: string;
}

/** Which page: by index, 1-based (RFC 7644 §3.4.2.4), or from a position on (RFC 9865); `count` is 0–200, or 1–200 by position. */
export type ScimPageRequest =
  | { readonly by: 'index'; readonly startIndex: number; readonly count: number }
  | { readonly by: 'position'; readonly position?: string; readonly count: number };

/** A parsed list request; see filter.ts for the two trees. */
export interface ScimListQuery {
  readonly filter?: ScimFilter;
  readonly sort?: ScimSort;
  readonly page: ScimPageRequest;
  /** Whether the client wants an attribute (RFC 7644 §3.9), by canonical path: what is costly need not be read for nobody. */
  readonly isShown?: (path: string) => boolean;
}

/** What the answer to a creation is made of when nobody reads the resource itself. */
export type ScimCreated = Pick<ScimResource, 'id' | 'meta'>;

/**
 * What a capability contributes: a described resource and five operations.
 *
 * Every operation may refuse with `AppError`; `get`, `replace` and `remove` refuse an unknown id, or one that `caller` may not
 * see, with `not_found`, and a version other than `ifMatch` with `precondition_failed`, compared in the same statement that
 * writes. A duplicate is `conflict` with scimType `uniqueness`. PATCH arrives as `replace` of the patched representation, so a
 * rule about who may change an attribute compares with what is stored instead of looking for its presence; a writeOnly
 * attribute that is absent from a replacement keeps its value.
 */
export interface ScimResourceType<Caller> extends ScimDescription {
  readonly description: string;
  /** `/Agents` */
  readonly endpoint: string;
  /** Members this type adds to ServiceProviderConfig, such as `{ agentExtension: { supported: true } }`; merged one level deep. */
  readonly serviceProviderConfig?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  create(input: ScimInput, caller: Caller): Promise<ScimResource>;
  /**
   * Several creations in one transaction, for a bulk request; left out: they are made one by one. Answers each input in order with
   * what `create` would have said of it: one that breaks a rule fails alone. When it throws, nothing of the batch is kept.
   */
  createMany?(inputs: readonly ScimInput[], caller: Caller): Promise<readonly (ScimCreated | AppError)[]>;
  get(id: string, caller: Caller): Promise<ScimResource>;
  list(query: ScimListQuery, caller: Caller): Promise<ScimPage>;
  /** `isPatched`: what is missing was taken out on purpose (PATCH), not left out (PUT). */
  replace(
    id: string,
    change: ScimPrecondition & { readonly input: ScimInput; readonly isPatched?: boolean },
    caller: Caller,
  ): Promise<ScimResource>;
  remove(id: string, precondition: ScimPrecondition, caller: Caller): Promise<void>;
}
