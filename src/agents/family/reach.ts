/** What one client may ask for; undefined: anything that its resource servers offer. */
export interface ClientReach {
  /** Canonical resource indicators. */
  readonly resources: readonly string[] | undefined;
  readonly scopes: readonly string[] | undefined;
  readonly grantTypes: readonly string[];
  /** Types of authorization details (RFC 9396 §10). */
  readonly detailTypes: readonly string[] | undefined;
}

const holds = (allowed: readonly string[] | undefined, wanted: string | undefined) =>
  allowed === undefined || (wanted !== undefined && allowed.includes(wanted));

/** Whether one of these clients may ask for the scope at the resource: scopes are pairs (security rule R2). Undefined asks for any. */
export function mayHaveScope(clients: readonly ClientReach[], resource: string | undefined, scope: string | undefined): boolean {
  return clients.some(({ resources, scopes }) => holds(resources, resource) && holds(scopes, scope));
}

/** Whether one of these clients may ask for anything at the resource. */
export function mayHaveResource(clients: readonly ClientReach[], resource: string): boolean {
  return clients.some(({ resources }) => holds(resources, resource));
}

/** Whether one of these clients may ask for details of this type at the resource. */
export function mayHaveDetail(clients: readonly ClientReach[], resource: string, type: string): boolean {
  return clients.some(({ resources, detailTypes }) => holds(resources, resource) && holds(detailTypes, type));
}

const orAny = (values: readonly string[] | undefined): readonly (string | undefined)[] => values ?? [undefined];

/** The first thing that a client may ask for and none of `clients` may; undefined when there is none. Pure. */
export function beyond(clients: readonly ClientReach[], { resources, scopes, grantTypes, detailTypes }: ClientReach): string | undefined {
  const grant = grantTypes.find((type) => !clients.some((one) => one.grantTypes.includes(type)));
  if (grant !== undefined) return grant;
  for (const resource of orAny(resources)) {
    for (const scope of orAny(scopes)) {
      if (!mayHaveScope(clients, resource, scope)) return [resource ?? 'any resource', scope ?? 'any scope'].join(' ');
    }
    for (const type of orAny(detailTypes)) {
      const isHeld = clients.some((one) => holds(one.resources, resource) && holds(one.detailTypes, type));
      if (!isHeld) return [resource ?? 'any resource', type ?? 'any type of detail'].join(' ');
    }
  }
  return undefined;
}
