/**
 * Why a metadata document does not count. `unreachable`: the host did not answer, which says nothing about the document;
 * `invalid`: it answered, and what it said is no document of this client_id.
 */
export type FaultKind = 'unreachable' | 'invalid';

/** A document that cannot be used. The message is a sentence for whoever made the client; nothing that the host sent stands in it. */
export class DocumentFault extends Error {
  override readonly name = 'DocumentFault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
