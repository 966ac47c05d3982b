import { createAgentClient, discover, type TokenAnswer, type TokenRequest } from './agent-client.ts';
import type { Filling, Page, Person } from './person.ts';

/** Software whose client_id is the address of its metadata document, as it speaks to a server; it has no secret. */
export interface DocumentClient {
  /** The page a person comes to. */
  reach(person: Person, what: TokenRequest): Promise<Page>;
  /** A person lets it act for them; the token that follows. */
  connect(person: Person, what: TokenRequest, filling?: Filling): Promise<TokenAnswer>;
  refresh(refreshToken: unknown): Promise<TokenAnswer>;
}

/** A client at an issuer. `redirectUri` is where it waits for answers. */
export async function documentClient(issuer: string, clientId: string, redirectUri: string): Promise<DocumentClient> {
  const client = createAgentClient(await discover(issuer), { clientId, clientSecret: '' });
  return {
    reach: (person, what) => person.reachConsent(client.authorizationRequest(what, redirectUri).url),
    async connect(person, what, filling) {
      const pending = client.authorizationRequest(what, redirectUri);
      return client.redeem(pending, await person.authorize(pending.url, filling));
    },
    refresh: (refreshToken) => client.refresh(String(refreshToken)),
  };
}
