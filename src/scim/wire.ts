/** Where SCIM lies below the issuer (contract: "Addresses"). */
export const root = '/scim/v2';

/** What SCIM bodies are called (RFC 7644 §3.1). */
export const mediaType = 'application/scim+json';
