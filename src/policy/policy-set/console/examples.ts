/** Policies to begin with: shown in the editor, explained in docs/guides/write-policies.md. */
export const policyExamples: readonly { readonly words: string; readonly text: string }[] = [
  {
    words: 'Payments above 200 EUR need the owner’s approval',
    text: `@id("large-payments")
@approval("owner")
@reason("Payments above 200 EUR need an approval.")
forbid (principal is Agent, action, resource)
when { context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("200.00")) };`,
  },
  {
    words: 'Agents of high risk do nothing at night',
    text: `@id("no-nights")
forbid (principal is Agent, action, resource)
when { principal.risk_level == "high" && (context.hour < 6 || context.hour >= 20) };`,
  },
  {
    words: 'Payroll is for the people of one group, and for their agents',
    text: `@id("payroll")
@reason("Only the payroll group reaches payroll.")
forbid (principal is Person, action, resource in ResourceServer::"https://payroll.example/api")
unless { principal in Group::"grp_0193f5a27c1e7b4a9d03c29a4181ee02" };`,
  },
  {
    words: 'Writing needs a second factor, not older than ten minutes',
    text: `@id("strong-writes")
@step_up("urn:behalf:acr:mfa")
@max_age("600")
forbid (principal is Person, action, resource)
when { context.scopes.contains("write") };`,
  },
  {
    words: 'A resource is closed to all but two agents',
    text: `@id("closed-bank")
@default("deny")
forbid (principal, action, resource in ResourceServer::"https://bank.example/mcp");`,
  },
];
