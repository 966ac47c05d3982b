/** From the least to the most. */
export const RISKS = ['low', 'medium', 'high'] as const;

/** How much harm a token can do: for a whole resource server, for one of its scopes or tools. */
export type Risk = (typeof RISKS)[number];
