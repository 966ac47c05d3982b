import type Koa from 'koa';
import { edgeState } from '../../src/platform/http/edge-state.ts';
import { errorBoundary } from '../../src/platform/http/error-boundary.ts';
import { writeProblem } from '../../src/platform/http/problem.ts';
import { scimErrorFormat } from '../../src/scim/index.ts';

/** Puts the server's own error boundary around the SCIM routes of `app`; `onUnknown` gets what only the log is told. */
export function useScimErrors(app: Koa, onUnknown: (error: unknown) => void): void {
  const log = { error: ({ err }: { err: unknown }) => onUnknown(err), warn: () => undefined };
  app.use((ctx, next) => {
    edgeState(ctx).requestId = 'req_1';
    return next();
  });
  app.use(errorBoundary({ basePath: '', formats: [scimErrorFormat], page: writeProblem, log: log as never }));
}
