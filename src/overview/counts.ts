/** The agents there are, by their state. */
export interface AgentCounts {
  readonly proposed: number;
  readonly active: number;
  readonly underReview: number;
  readonly suspended: number;
  readonly retired: number;
  /** Not retired and without a living owner. */
  readonly unowned: number;
  /** People and groups that own at least one. */
  readonly owners: number;
}

/** What is alive now: tokens, agents that hold them, people they speak for, resources they open. */
export interface LiveCounts {
  readonly tokens: number;
  readonly agents: number;
  readonly people: number;
  readonly resources: number;
}

/** A scope and how many live tokens carry it. */
export interface GrantedScope {
  readonly scope: string;
  readonly resourceName: string;
  readonly tokens: number;
}

/** A question that waits for somebody. */
export interface WaitingQuestion {
  readonly id: string;
  readonly title: string;
  readonly agentName: string;
  readonly personName: string;
  readonly resourceName: string | undefined;
  readonly expiresAt: Date;
}

/** Owners are asked to confirm agents by a date. */
export interface RunningCertification {
  readonly id: string;
  readonly name: string;
  readonly dueAt: Date;
  readonly open: number;
}

/** Where the numbers come from; app.ts asks the capabilities that keep them. */
export interface Counts {
  agents(): Promise<AgentCounts>;
  /** Software that came by itself for the first time since then. */
  newSoftware(since: Date): Promise<number>;
  live(): Promise<LiveCounts>;
  /** The most granted first. */
  scopes(limit: number): Promise<readonly GrantedScope[]>;
  /** How many grants of people are in force. */
  grants(): Promise<number>;
  /** The earliest date first. */
  certifications(limit: number): Promise<readonly RunningCertification[]>;
  waiting(limit: number): Promise<readonly WaitingQuestion[]>;
  waitingCount(): Promise<number>;
}
