import type Koa from 'koa';
import { edgeState } from '../../src/platform/http/edge-state.ts';
import { errorBoundary, reportFailure } from '../../src/platform/http/error-boundary.ts';
import type { Failure } from '../../src/platform/http/failure.ts';
import { writeProblem } from '../../src/platform/http/problem.ts';
import { scimErrorFormat } from '../../src/scim/index.ts';

const logOf = (onUnknown: (error: unknown) => void) =>
  ({ error: ({ err }: { err: unknown }) => onUnknown(err), warn: () => undefined }) as never;

/** What SCIM is told about an error in the middle of a request; `onUnknown` as below. */
export function scimFailureOf(onUnknown: (error: unknown) => void): (ctx: Koa.Context, error: unknown) => Failure {
  return (ctx, error) => reportFailure(ctx, error, logOf(onUnknown));
}

/** Puts the server's own error boundary around the SCIM routes of `app`; `onUnknown` gets what only the log is told. */
export function useScimErrors(app: Koa, onUnknown: (error: unknown) => void): void {
  app.use((ctx, next) => {
    edgeState(ctx).requestId = 'req_1';
    return next();
  });
  app.use(errorBoundary({ basePath: '', formats: [scimErrorFormat], page: writeProblem, log: logOf(onUnknown) }));
}
