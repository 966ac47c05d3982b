import { isDeepStrictEqual } from 'node:util';
import type { ApiCaller } from '../../platform/http/web.ts';
import { resourceOf, type ScimResourceType, wantedOf } from '../../scim/index.ts';
import { assertVersion, editorOf, governanceNeeded, scimBaseOf } from '../scim-caller.ts';
import type { Application, ApplicationDetails } from './application.ts';
import { applicationDefinition } from './definition.ts';
import type { ApplicationService } from './service.ts';
import type { ApplicationStore } from './store.ts';

/** What the resource type stands on. */
export interface ApplicationScimDeps {
  readonly service: ApplicationService;
  readonly store: Pick<ApplicationStore, 'page'>;
  readonly issuer: URL;
}

/** Security rule R7: OAuth configuration takes the governance right. Compared with what is stored. */
function assertGoverned(wanted: Pick<ApplicationDetails, 'oAuthConfiguration'>, caller: ApiCaller, current?: Application): void {
  if (caller.hasGovernance || isDeepStrictEqual(wanted.oAuthConfiguration, current?.oAuthConfiguration ?? [])) return;
  throw governanceNeeded('oAuthConfiguration');
}

/** Agentic applications over SCIM: POST, GET, PUT, PATCH, DELETE on `/AgenticApplications`. */
export function createApplicationResourceType({ service, store, issuer }: ApplicationScimDeps): ScimResourceType<ApiCaller> {
  const baseUrl = scimBaseOf(issuer);
  const show = (application: Application) => resourceOf(applicationDefinition, { application, baseUrl });
  return {
    ...applicationDefinition,
    serviceProviderConfig: { agentExtension: { agenticApplicationsSupported: true } },
    async create(input, caller) {
      const wanted = wantedOf(applicationDefinition, input);
      assertGoverned(wanted, caller);
      return show(await service.create({ ...wanted, source: `scim:${caller.clientId}` }, editorOf(caller)));
    },
    get: async (id) => show(await service.get(id)),
    async list(query) {
      const { rows, ...page } = await store.page(query);
      return { resources: rows.map(show), ...page };
    },
    async replace(id, { input, ...precondition }, caller) {
      const wanted = wantedOf(applicationDefinition, input);
      const change = (current: Application) => {
        assertVersion(current, precondition);
        assertGoverned(wanted, caller, current);
        return wanted;
      };
      return show(await service.update(id, change, editorOf(caller)));
    },
    remove(id, precondition, caller) {
      const assertMay = (current: Application) => {
        assertVersion(current, precondition);
        assertGoverned({ oAuthConfiguration: [] }, caller, current);
      };
      return service.remove(id, assertMay, editorOf(caller));
    },
  };
}
