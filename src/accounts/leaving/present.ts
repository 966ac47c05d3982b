/** Somebody who was named to take over. */
interface Successor {
  readonly name: string;
  readonly isAlive: boolean;
}

/** What moves when somebody leaves, for the page that asks first (views/console/confirm.eta: `falls` and `successor`). */
export function presentDeparture({ agents, successor }: { agents: number; successor: Successor | undefined }) {
  const heir = successor?.isAlive === true ? successor.name : undefined;
  const count = agents === 1 ? '1 agent' : `${agents} agents`;
  const stops = `Agents without anybody who takes over are stopped and wait for somebody to look at them. So are those of groups in which nobody else is left.`;
  return {
    falls: {
      headline: agents === 0 ? 'No agent of their own' : heir === undefined ? `${count} under review` : `${count} for ${heir}`,
      words: [...(heir === undefined || agents === 0 ? [] : [`They go on as they are; ${heir} answers for them.`]), stops],
    },
    successor: {
      hint:
        heir === undefined
          ? 'The address of somebody here. Empty: nobody.'
          : `The address of somebody here. Empty: ${heir}, as was said before.`,
    },
  };
}

/** Who takes over, in a sentence of the page about a person. */
export function successorWords(successor: Successor | undefined): string {
  if (successor === undefined) return 'Nobody takes over: their agents would be put under review.';
  return successor.isAlive
    ? `${successor.name} takes over their agents.`
    : 'Whoever was named is gone too: their agents would be put under review.';
}
