import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/** The language. */
export type CedarLanguage = typeof Cedar;
/** A value as Cedar takes it in JSON. */
export type CedarValue = Cedar.CedarValueJson;
/** An entity as Cedar takes it in JSON. */
export type CedarEntity = Cedar.EntityJson;
/** A policy as a tree. */
export type PolicyTree = Cedar.PolicyJson;
/** What Cedar says is wrong, with places in the text. */
export type CedarFault = Cedar.DetailedError;
/** Type and id of an entity. */
export type EntityId = Cedar.TypeAndId;

/** Loads the language at its first use: most commands, and servers without policies, never need its four megabytes. */
export function openCedar(): Promise<CedarLanguage> {
  return import('@cedar-policy/cedar-wasm/nodejs');
}
