import { AppError } from '../platform/errors.ts';

const maxTags = 20;

function readTags(header: string): string[] {
  return header.split(',', maxTags).map((tag) => tag.trim().replace(/^W\//, ''));
}

/**
 * Whether an If-Match or If-None-Match header names this version (RFC 9110 §13.1, RFC 7644 §3.14). Compared weakly for both,
 * because SCIM versions are weak and RFC 7644 sends them in If-Match.
 */
export function namesVersion(header: string, version: string): boolean {
  return header.trim() === '*' || readTags(header).includes(version.replace(/^W\//, ''));
}

/** Refuses with `precondition_failed` when an If-Match header does not name the version. */
export function assertIfMatch(header: string, version: string): void {
  if (!namesVersion(header, version))
    throw new AppError('precondition_failed', 'The resource has changed: read it again and send its new version in If-Match.');
}
