// Who may import whom. A folder of src/ stands on one shelf and imports only from shelves below it; a new folder is put on
// its shelf here. Process environment, clock and randomness are no imports: biome checks those (biome.json, lint/clock.grit).
const shelves = {
  flows: [
    'client-registration',
    'client-authentication',
    'sign-in',
    'approvals',
    'child-enrolment',
    'token-exchange',
    'access-evaluation',
    'identity-assertion',
    'refresh-tokens',
    'revocation',
    'budgets',
    'overview',
    'self-service',
    'operations',
  ],
  rules: ['policy', 'authorization-details'],
  records: ['accounts', 'agents', 'resource-servers', 'tokens', 'trust', 'proofs', 'audit'],
  rooms: ['oidc', 'scim'],
};
const capabilities = [...shelves.flows, ...shelves.rules, ...shelves.records];
const any = (folders) => `^src/(?:${folders.join('|')})/`;
const captured = (folders) => `^src/(${folders.join('|')})/`;
const packages = (...names) => `(?:^|/)node_modules/(?:${names.join('|')})/`;
const onlyIn = (name, comment, to, from) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: from },
  to: { path: to },
});
const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    never('no-cycles', 'Two files that need each other are one, or a third is missing.', {}, { circular: true }),
    never('resolvable', 'This import leads nowhere.', { path: '^src/' }, { couldNotResolve: true, pathNot: '^src/generated/' }),
    never(
      'on-a-shelf',
      'A folder of src/ that no shelf names: add it to .dependency-cruiser.cjs.',
      {
        path: '^src/[^/]+/',
        pathNot: [any([...capabilities, ...shelves.rooms, 'platform', 'sdk', 'generated'])],
      },
      {},
    ),

    never(
      'front-door',
      'Another capability is entered only through its index.ts.',
      { path: captured(capabilities) },
      {
        path: any(capabilities),
        pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'],
      },
    ),
    never(
      'front-door-of-the-page',
      'app.ts and main.ts enter a capability only through its index.ts.',
      { path: '^src/[^/]+\\.ts$' },
      {
        path: any(capabilities),
        pathNot: '^src/[^/]+/index\\.ts$',
      },
    ),
    never(
      'flow-imports-flow',
      'A flow never imports a flow: pass a hook in app.ts.',
      { path: captured(shelves.flows) },
      {
        path: any(shelves.flows),
        pathNot: '^src/$1/',
      },
    ),
    never('rule-goes-uphill', 'Rules do not know flows.', { path: any(shelves.rules) }, { path: any(shelves.flows) }),
    never(
      'details-know-no-policy',
      'policy imports authorization-details, not the other way round.',
      { path: '^src/authorization-details/' },
      {
        path: '^src/policy/',
      },
    ),
    never(
      'record-goes-uphill',
      'Records know neither rules nor flows: pass a hook in app.ts.',
      { path: any(shelves.records) },
      {
        path: any([...shelves.rules, ...shelves.flows]),
      },
    ),
    never(
      'record-imports-record',
      'A record knows no other record but audit, which every change is written to.',
      {
        path: captured(shelves.records),
      },
      { path: any(shelves.records), pathNot: ['^src/$1/', '^src/audit/'] },
    ),
    never('room-imports-capability', 'oidc and scim know no capability.', { path: any(shelves.rooms) }, { path: any(capabilities) }),
    never(
      'room-imports-room',
      'oidc and scim do not know each other.',
      { path: captured(shelves.rooms) },
      {
        path: any(shelves.rooms),
        pathNot: '^src/$1/',
      },
    ),
    never(
      'platform-stands-alone',
      'platform imports nothing of ours.',
      { path: '^src/platform/' },
      {
        path: '^src/',
        pathNot: ['^src/platform/', '^src/generated/'],
      },
    ),
    never(
      'sdk-stands-alone',
      'The SDK runs inside other servers: it imports nothing of ours.',
      { path: '^src/sdk/' },
      {
        path: '^src/',
        pathNot: '^src/sdk/',
      },
    ),
    never('sdk-is-for-others', 'The server does not import its own SDK.', { path: '^src/', pathNot: '^src/sdk/' }, { path: '^src/sdk/' }),
    never(
      'contract-knows-no-capability',
      'capability.ts holds types only.',
      { path: '^src/capability\\.ts$' },
      { path: any(capabilities) },
    ),
    never(
      'nobody-imports-the-page',
      'app.ts is imported by server.ts and main.ts alone.',
      { path: '^src/', pathNot: '^src/(?:main|server)\\.ts$' },
      {
        path: '^src/(?:app|main)\\.ts$',
      },
    ),
    never(
      'src-imports-no-test',
      'The server does not import tests or tools.',
      { path: '^src/' },
      { path: '^(?:test|bench|demo|scripts)/' },
    ),
    never(
      'no-development-package',
      'A package the server imports belongs in "dependencies".',
      { path: '^src/' },
      {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only', 'npm'],
      },
    ),

    onlyIn(
      'prisma-only-in-stores',
      'SQL lives in store.ts and platform/db.',
      [packages('@prisma', 'pg'), '^src/generated/'],
      ['/store\\.ts$', '^src/platform/db/', '^src/generated/'],
    ),
    onlyIn('engine-internals', "The engine's internals are reached in one file.", `${packages('oidc-provider')}lib/(?!index\\.js$)`, [
      '^src/oidc/grant-helpers\\.ts$',
    ]),
    onlyIn(
      'koa-only-at-the-edge',
      'HTTP lives in routes.ts.',
      packages('koa', 'koa-mount', 'koa-compose', '@koa', 'co-body', '@types/koa', '@types/koa-mount', '@types/co-body'),
      ['/routes\\.ts$', '^src/oidc/provider\\.ts$', '^src/platform/http/', '/session-guard\\.ts$'],
    ),
    onlyIn('argon2-only-in-password', 'Passwords are hashed in one file.', packages('argon2'), ['^src/accounts/password\\.ts$']),
    onlyIn('one-way-out', 'Every outgoing request goes through the guarded dispatcher.', packages('undici'), ['^src/platform/']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^src/generated/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
