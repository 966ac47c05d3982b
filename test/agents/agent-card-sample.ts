/** A card in the shape of A2A v1.0 §4.4.1. */
export const v1 = {
  name: 'Route planner',
  description: 'Plans routes.\nKnows the traffic.',
  supportedInterfaces: [
    { url: 'https://geo.test/a2a/v1', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    { url: 'https://geo.test/a2a/grpc', protocolBinding: 'GRPC', protocolVersion: '1.0' },
  ],
  provider: { organization: 'Example Geo', url: 'https://www.geo.test' },
  version: '1.2.0',
  capabilities: { streaming: true },
  securitySchemes: {
    google: { openIdConnectSecurityScheme: { openIdConnectUrl: 'https://accounts.test/.well-known/openid-configuration' } },
  },
  skills: [{ id: 'route', name: 'Optimise routes', description: 'Finds the best way.', tags: ['maps'] }],
  signatures: [
    {
      protected: Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'key-1', jku: 'https://geo.test/jwks.json' })).toString('base64url'),
      signature: 'QFdk',
    },
  ],
};
