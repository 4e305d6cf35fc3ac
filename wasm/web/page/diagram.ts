// A state diagram as a drawing: made once a flow, lit at every step.

import { svg } from "./dom.js";
import { type Diagram, DONE, type Edge, FAILED, type State } from "./flows.js";

const WIDTH = 104;
const HEIGHT = 36;
const COLUMN = 128;
const ROW = 68;
const MARGIN_X = 24;
/** Room for a loop above the first row. */
const TOP = 34;
const BOTTOM = 22;

/** How far from its node an arrow ends. */
const GAP = 5;

interface Point {
  x: number;
  y: number;
}

/** A diagram that shows where a run is. */
export class StateDiagram {
  readonly element: SVGSVGElement;
  readonly #diagram: Diagram;
  readonly #nodes = new Map<string, SVGGElement>();
  readonly #edges = new Map<string, SVGPathElement>();
  readonly #lines = svg("g");

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
    const columns = Math.max(...diagram.states.map(({ at }) => at[0]));
    const rows = Math.max(...diagram.states.map(({ at }) => at[1]));
    const box = `0 0 ${columns * COLUMN + WIDTH + 2 * MARGIN_X} ${rows * ROW + HEIGHT + TOP + BOTTOM}`;
    for (const edge of diagram.edges) this.#draw(edge, edge.main ? "edge main" : "edge");
    const nodes = diagram.states.map((state) => this.#node(state));
    this.element = svg("svg", { viewBox: box, role: "img", class: "diagram" }, markers(), this.#lines, ...nodes);
  }

  /** Lights the state that the last of `path` names, the way that led there, and where it may go from there. */
  light(path: readonly string[]): void {
    const current = path.at(-1) ?? "";
    for (const [id, node] of this.#nodes) {
      node.classList.toggle("current", id === current);
      node.classList.toggle("visited", path.includes(id));
    }
    const walked = path.slice(1).map((to, at) => name(path[at] ?? "", to));
    for (const way of walked) this.#ensure(way);
    for (const [way, line] of this.#edges) {
      const taken = way === walked.at(-1);
      line.classList.toggle("walked", walked.includes(way));
      line.classList.toggle("open", way.startsWith(name(current, "")));
      line.classList.toggle("taken", taken);
      line.setAttribute("marker-end", `url(#arrow${taken ? "-taken" : walked.includes(way) ? "-walked" : ""})`);
      if (taken) this.#lines.append(line);
    }
    this.element.setAttribute("aria-label", `${this.#diagram.title}: ${this.caption(path)}`);
  }

  /** The step that was just taken, in words. */
  caption(path: readonly string[]): string {
    const [from, to] = path.length > 1 ? [path.at(-2), path.at(-1)] : [undefined, path.at(-1)];
    const label = (id: string | undefined) => this.#diagram.states.find((state) => state.id === id)?.label ?? "?";
    const edge = this.#diagram.edges.find((edge) => edge.from === from && edge.to === to);
    return from === undefined ? label(to) : `${label(from)} → ${label(to)}${edge ? ` (${edge.label})` : ""}`;
  }

  /** Every state may fail: such a way is drawn when it is taken. */
  #ensure(way: string): void {
    const [from, to] = way.split(">");
    if (!this.#edges.has(way) && from && to) this.#draw({ from, to, label: "", bend: to === FAILED ? 12 : 0 }, "edge");
  }

  #draw(edge: Edge, className: string): void {
    const [from, to] = [edge.from, edge.to].map((id) => this.#diagram.states.find((state) => state.id === id));
    if (!from || !to) return;
    const d = from === to ? loop(center(from)) : curve(center(from), center(to), edge.bend ?? 0);
    const line = svg("path", { d, class: className, "marker-end": "url(#arrow)" });
    this.#edges.set(name(edge.from, edge.to), line);
    this.#lines.append(line);
  }

  #node(state: State): SVGGElement {
    const { x, y } = center(state);
    const kind = state.id === DONE ? "node done" : state.id === FAILED ? "node failed" : "node";
    const box = { x: String(x - WIDTH / 2), y: String(y - HEIGHT / 2), width: String(WIDTH), height: String(HEIGHT) };
    const rounded = String(kind === "node" ? 9 : HEIGHT / 2);
    const text = svg("text", { x: String(x), y: String(y), dy: "0.34em", "text-anchor": "middle" }, state.label);
    const node = svg("g", { class: kind }, svg("rect", { ...box, rx: rounded }), text);
    this.#nodes.set(state.id, node);
    return node;
  }
}

function name(from: string, to: string): string {
  return `${from}>${to}`;
}

function center({ at: [column, row] }: State): Point {
  return { x: MARGIN_X + WIDTH / 2 + column * COLUMN, y: TOP + HEIGHT / 2 + row * ROW };
}

function curve(from: Point, to: Point, bend: number): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  // A quadratic curve passes half as far from the chord as its control point lies.
  const away = { x: (to.y - from.y) * 2 * bend / length, y: (from.x - to.x) * 2 * bend / length };
  const control = { x: (from.x + to.x) / 2 + away.x, y: (from.y + to.y) / 2 + away.y };
  const start = border(from, control);
  const end = border(to, control);
  return `M${at(start)} Q${at(control)} ${at(end)}`;
}

/** Where the line from a node's center to a point leaves the node, and a little more. */
function border(from: Point, to: Point): Point {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const scale = Math.min((WIDTH / 2 + GAP) / Math.abs(x || 1e-9), (HEIGHT / 2 + GAP) / Math.abs(y || 1e-9));
  return { x: from.x + x * scale, y: from.y + y * scale };
}

function loop({ x, y }: Point): string {
  const top = y - HEIGHT / 2 - GAP + 2;
  return `M${at({ x: x + 12, y: top + 3 })} C${at({ x: x + 18, y: top - 22 })} ${at({ x: x + 44, y: top - 22 })} ${at({ x: x + 36, y: top })}`;
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}

function markers(): SVGDefsElement {
  const marker = (id: string) => {
    const shape = { viewBox: "0 0 10 10", refX: "8", refY: "5", markerWidth: "7", markerHeight: "7", orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" };
    return svg("marker", { id, ...shape }, svg("path", { d: "M1 1 9 5 1 9z", class: id }));
  };
  return svg("defs", {}, marker("arrow"), marker("arrow-walked"), marker("arrow-taken"));
}
