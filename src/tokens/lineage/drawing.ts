import { Graph, layout } from '@dagrejs/dagre';
import type { LineageNode } from './present.ts';

/** A text at a place. */
interface Line {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** A box of the drawing: whoever it began with, a token, or what is left out. Places are of the corner at the top left. */
export interface DrawnNode {
  readonly kind: 'beginning' | 'token' | 'more';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly isFocus: boolean;
  readonly href?: string;
  readonly mark?: { readonly kind: string; readonly initials: string };
  readonly name: string;
  readonly words?: string;
  readonly state?: { readonly word: string; readonly tone: string; readonly when: string };
}

/** The way from one box to the next, with what shrank on it. */
export interface DrawnEdge {
  readonly d: string;
  /** What the lines stand on, so that the way does not run through them. */
  readonly ground: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly lines: readonly Line[];
}

/** A lineage as views/partials/lineage-drawing.eta prints it: numbers and texts, no styles. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

const SIZES = {
  beginning: { width: 216, height: 58 },
  token: { width: 216, height: 78 },
  more: { width: 150, height: 32 },
} as const;
const MARGIN = 6;
const LINE = 17;
/** Inter at 12 px is narrower than this on average; a line that is wider would be cut by its neighbour. */
const CHARACTER = 6.4;
const MOST_LINES = 4;
const LONGEST = { name: 22, words: 27, label: 30 } as const;

const cut = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`);

type Placed = Omit<DrawnNode, 'x' | 'y' | 'width' | 'height'>;

function tokenBox({ party, words, state, ends, href, isFocus }: LineageNode): Placed {
  return {
    kind: state === undefined ? 'beginning' : 'token',
    isFocus,
    ...(href === undefined ? {} : { href }),
    mark: { kind: party.kind, initials: party.initials },
    name: cut(party.name, LONGEST.name),
    words: cut(words, LONGEST.words),
    ...(state === undefined ? {} : { state: { ...state, when: ends?.text ?? '' } }),
  };
}

function labelOf({ hop }: LineageNode): readonly string[] {
  const lines = hop?.short ?? [];
  const shown = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES - 1), `and ${lines.length - MOST_LINES + 1} more`] : lines;
  return shown.map((line) => cut(line, LONGEST.label));
}

/** The part of a dagre graph that is used here; its own types are not found from ECMAScript modules. */
interface Plan {
  setGraph(label: Readonly<Record<string, string | number>>): void;
  graph(): { readonly width?: number; readonly height?: number };
  setNode(id: string, node: Placed & { readonly width: number; readonly height: number }): void;
  node(id: string): Placed & { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number };
  nodes(): readonly string[];
  setEdge(from: string, to: string, label: Label): void;
  edges(): readonly object[];
  edge(edge: object): Label;
}

interface Label {
  readonly text: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly labelpos: 'c';
  readonly x?: number;
  readonly y?: number;
  readonly points?: readonly { readonly x: number; readonly y: number }[];
}

/** Puts a node and all below it into the plan; ids are places in the tree: `0`, `0.1`, `0.1.0`. */
function plan(graph: Plan, node: LineageNode, id: string): void {
  const box = tokenBox(node);
  graph.setNode(id, { ...box, ...SIZES[box.kind] });
  const link = (to: string, text: readonly string[]) => {
    const width = Math.max(0, ...text.map((line) => line.length)) * CHARACTER;
    graph.setEdge(id, to, { text, width, height: text.length * LINE, labelpos: 'c' });
  };
  for (const [index, child] of node.children.entries()) {
    plan(graph, child, `${id}.${index}`);
    link(`${id}.${index}`, labelOf(child));
  }
  if (node.more === undefined) return;
  const { href, words } = node.more;
  const more: Placed = { kind: 'more', isFocus: false, name: words, ...(href === undefined ? {} : { href }) };
  graph.setNode(`${id}.more`, { ...more, ...SIZES.more });
  link(`${id}.more`, []);
}

const rounded = (value: number) => Math.round(value * 10) / 10;

/** A line that leaves and arrives upright. */
function pathThrough(points: NonNullable<Label['points']>): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let at = first;
  const parts = rest.map((point) => {
    const middle = rounded((at.y + point.y) / 2);
    const part = `C${rounded(at.x)} ${middle} ${rounded(point.x)} ${middle} ${rounded(point.x)} ${rounded(point.y)}`;
    at = point;
    return part;
  });
  return [`M${rounded(first.x)} ${rounded(first.y)}`, ...parts].join(' ');
}

function drawnEdge({ points = [], text, width, height, x = 0, y = 0 }: Label): DrawnEdge {
  const ground = { x: rounded(x - width / 2), y: rounded(y - height / 2), width: rounded(width), height };
  const top = y - ((text.length - 1) * LINE) / 2;
  return {
    d: pathThrough(points),
    ground,
    lines: text.map((line, index) => ({ x: rounded(x), y: rounded(top + index * LINE), text: line })),
  };
}

/** Lays a tree out from the top down. Pure: the same tree is drawn the same way. */
export function draw(tree: LineageNode): Drawing {
  const graph = new Graph() as Plan;
  graph.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 26, edgesep: 12, marginx: MARGIN, marginy: MARGIN });
  plan(graph, tree, '0');
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: graph.nodes().map((id) => {
      const { x = 0, y = 0, ...node } = graph.node(id);
      return { ...node, x: rounded(x - node.width / 2), y: rounded(y - node.height / 2) };
    }),
    edges: graph.edges().map((edge) => drawnEdge(graph.edge(edge))),
  };
}
