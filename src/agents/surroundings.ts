/** A word with a colour: green may or happened, amber waits, red stopped, blue the one thing to do. */
export interface State {
  readonly word: string;
  readonly tone: '' | 'yes' | 'wait' | 'stop' | 'info';
}

/** What ends with an agent, counted by whoever keeps it. */
export interface Falling {
  /** Agents below it that act or are under review: they stop with it, and everything here counts theirs too. */
  readonly below: number;
  readonly tokens: number;
  /** Other agents that hold something it handed on. */
  readonly handedOn: number;
  readonly approvals: number;
  readonly people: number;
}

/** Something an agent may reach, and through what. */
export interface ReachLine {
  readonly name: string;
  readonly words: string;
  readonly state: State;
}

/** A client an agent authenticates through, by what it proves itself. */
export interface CredentialLine {
  readonly clientId: string;
  readonly name: string;
  readonly detail: string;
  readonly lastUsedAt: Date | undefined;
}

/** The last token an agent got from another one; `hops` as views/partials/hops.eta takes them. */
export interface DelegationShown {
  readonly hops: readonly object[];
  readonly tokenId: string;
  readonly at: Date;
}

/** A budget somebody gave an agent, as views/partials/budget.eta takes it. */
export interface BudgetLine {
  readonly used: string;
  readonly window: string;
  readonly words: string;
  readonly percent: number;
}

/** What the page of an agent shows and other capabilities know. app.ts fills it. */
export interface Surroundings {
  readonly whatWouldFall: (agentId: string) => Promise<Falling>;
  readonly reachOf: (agentId: string) => Promise<readonly ReachLine[]>;
  readonly credentialsOf: (clientIds: readonly string[]) => Promise<readonly CredentialLine[]>;
  readonly budgetsOf: (agentId: string) => Promise<readonly BudgetLine[]>;
  readonly lastDelegationOf: (agentId: string) => Promise<DelegationShown | undefined>;
}
