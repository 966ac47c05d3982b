import type { OidcContribution } from './oidc/index.ts';
import type { ApiCaller, Routes } from './platform/http/web.ts';
import type { Job } from './platform/jobs.ts';
import type { ScimResourceType } from './scim/index.ts';

/** A verb of the command line. */
export interface Command {
  readonly name: string;
  readonly about: string;
  /** Returns the exit code. Prints to `out`; `--json` and `--dry-run` arrive in `options`, options of its own in `settings`. */
  readonly run: (options: {
    readonly args: readonly string[];
    readonly json: boolean;
    readonly dryRun: boolean;
    readonly settings?: Readonly<Record<string, string>>;
    readonly out: (line: string) => void;
  }) => Promise<number>;
}

/** What a capability may add to the server. Everything is optional; app.ts collects the parts and composes them. */
export interface Capability {
  readonly name: string;
  readonly oidc?: OidcContribution;
  readonly scim?: readonly ScimResourceType<ApiCaller>[];
  readonly routes?: Routes;
  readonly jobs?: readonly Job[];
  readonly commands?: readonly Command[];
}
