/**
 * Authorization details (RFC 9396): which types exist, whether a detail is valid, whether one lies inside another, how it
 * reads to a human and how it is hashed. Owns the types that administrators register, and sees to it that a type means the same as
 * long as anything of it may be alive. Approvals, sign-in, token exchange and policy call it.
 */
import type { Capability } from '../capability.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import type { Logger } from '../platform/log.ts';
import { detailTypeConsole } from './console/routes.ts';
import type { DetailTypes } from './detail-type.ts';
import { createLoadedTypes } from './loaded-types.ts';
import { richAuthorizationRequests } from './oidc.ts';
import { createCompiler } from './registry.ts';
import { detailTypeApi } from './routes.ts';
import { createDetailTypeService, type DetailTypeService, type DetailTypeServiceDeps, TYPES_CHANNEL } from './service.ts';
import { createDetailTypeStore } from './store.ts';

export {
  BUDGET_WINDOWS,
  type Budget,
  budgetMember,
  budgetOf,
  budgetSubject,
  type BudgetWindow,
  COUNT,
  type DetailBudget,
  isSameBudget,
  quantityWords,
} from './budget.ts';
export { builtInDetailTypes, mcpToolCall } from './built-in-types.ts';
export { type Coverage, covers, inherit } from './covers.ts';
export { fromMinor, toMinor } from './currency.ts';
export { coversAll, type Derivation, unnamedIn } from './derivation.ts';
export type {
  AuthorizationDetail,
  DetailType,
  DetailTypeDefinition,
  DetailTypes,
  JsonObject,
  JsonValue,
  MemberSchema,
} from './detail-type.ts';
export { detailsHash } from './details-hash.ts';
export { type LocationCheck, locationsWithin } from './locations.ts';
export { createDetailTypes } from './registry.ts';
export { type Adjustable, adjustableIn, type Choices, makeSmaller, type Smaller } from './smaller.ts';
export { isWithinConstraint } from './value-constraint.ts';
export { detailLimits, parseDetails, type Validation, validateDetails } from './validation.ts';
export { createDetailWriter, type DetailWriter, type Shrunk } from './shrinkage.ts';
export { describeDetail, type DetailRow, type DetailWords } from './words.ts';

/** The types in force, their use cases and their contribution. */
export interface AuthorizationDetails extends DetailTypeService {
  /** One object for good; what it finds changes when administrators change types, on this server or another. */
  readonly types: DetailTypes;
  /** Reads the types that administrators registered; before the first engine is built. */
  load(): Promise<void>;
  readonly capability: Capability;
}

/** What the capability stands on. */
export interface AuthorizationDetailsDeps extends DetailTypeServiceDeps {
  readonly notifications: Pick<Notifications, 'notify' | 'on' | 'onReconnect'>;
  readonly log: Pick<Logger, 'error'>;
  readonly issuer: URL;
  /** There are other types than before: the engine is built again. */
  readonly onChanged: () => Promise<void>;
}

/** A word of another server may be lost with its connection: every server looks by itself, too. */
const LOOK_SECONDS = 5;

/** Builds the capability: the built-in types, and those of the database once `load` was called. */
export function createAuthorizationDetails(deps: AuthorizationDetailsDeps): AuthorizationDetails {
  const store = createDetailTypeStore(deps);
  const compile = createCompiler();
  const loaded = createLoadedTypes({ ...deps, store, compile });
  const service = createDetailTypeService({ ...deps, store, loaded, compile });
  const { types } = loaded;
  deps.notifications.on(TYPES_CHANNEL, () => void loaded.follow());
  deps.notifications.onReconnect(() => void loaded.follow());
  return {
    ...service,
    types,
    load: loaded.load,
    capability: {
      name: 'authorization-details',
      // read anew for every engine: its list of types is fixed when it is built
      get oidc() {
        return richAuthorizationRequests({ ...deps, ...service, types });
      },
      routes(router, web) {
        detailTypeApi(service, router, web);
        detailTypeConsole({ service, compile, issuer: deps.issuer }, router, web);
      },
      jobs: [{ name: 'detail-types', everySeconds: LOOK_SECONDS, onEveryServer: true, run: loaded.refresh }],
    },
  };
}
