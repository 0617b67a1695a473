// A layered layout: ranks by the longest path, order by medians, places by least squares within the order.
//
// layout(boxes, links): boxes have id, width, height; links have id, tail, head, and label (a width). The result
// has x and y of each box's centre, the points of each link, and the size of it all. Inputs stand at the left.

const LANES = 20_000; // beyond them the long links are straight: each lane is moved in every sweep
const BETWEEN = 16, RANK_GAP = 44, BEND = 10; // px between boxes of a rank, between ranks, of a link's own lane

export function layout(boxes, links) {
  const nodes = new Map(boxes.map((box) => [box.id, { ...box, real: true, before: [], after: [] }]));
  rank(nodes, links);
  const lanes = links.reduce((sum, link) => sum + Math.abs(nodes.get(link.head).rank - nodes.get(link.tail).rank), 0);
  const chains = links.map((link) => chainOf(nodes, link, lanes < LANES));
  const ranks = [];
  for (const node of nodes.values()) (ranks[node.rank] ??= []).push(node);
  order(ranks);
  place(ranks);
  return measured(ranks, links, chains, nodes);
}

function rank(nodes, links) {
  const waiting = new Map([...nodes.keys()].map((id) => [id, 0]));
  const heads = new Map();
  for (const { tail, head } of links) {
    waiting.set(head, waiting.get(head) + 1);
    heads.set(tail, [...(heads.get(tail) ?? []), head]);
  }
  const queue = [...nodes.keys()].filter((id) => waiting.get(id) === 0);
  for (const node of nodes.values()) node.rank = 0;
  const seen = new Set(queue);
  while (queue.length || seen.size < nodes.size) {
    if (!queue.length) {
      const left = [...nodes.keys()].filter((id) => !seen.has(id)); // groups form a circle: it begins where it is entered
      queue.push(left.find((id) => nodes.get(id).rank) ?? left[0]);
      seen.add(queue[0]);
    }
    const id = queue.shift();
    for (const head of heads.get(id) ?? []) {
      if (!seen.has(head)) nodes.get(head).rank = Math.max(nodes.get(head).rank, nodes.get(id).rank + 1);
      waiting.set(head, waiting.get(head) - 1);
      if (waiting.get(head) === 0 && !seen.has(head)) queue.push(head), seen.add(head);
    }
  }
  const sources = new Set(links.map((link) => link.head));
  for (const [id, node] of nodes) // an input stands right before its first user
    if (!sources.has(id) && heads.has(id)) node.rank = Math.max(0, Math.min(...heads.get(id).map((head) => nodes.get(head).rank)) - 1);
}

// The nodes that a link passes: its ends, and one lane in each rank between.
function chainOf(nodes, link, bends) {
  let [tail, head] = [nodes.get(link.tail), nodes.get(link.head)];
  const backward = tail.rank > head.rank;
  if (backward) [tail, head] = [head, tail];
  const chain = [tail];
  for (let level = tail.rank + 1; bends && level < head.rank; level++) {
    const lane = { id: `${link.id}/${level}`, width: 0, height: BEND, rank: level, before: [], after: [] };
    nodes.set(lane.id, lane);
    chain.push(lane);
  }
  chain.push(head);
  for (let k = 1; k < chain.length; k++) {
    if (chain[k - 1].rank === chain[k].rank) continue;
    chain[k - 1].after.push(chain[k]);
    chain[k].before.push(chain[k - 1]);
  }
  return backward ? chain.reverse() : chain;
}

function order(ranks) {
  const number = (row) => row.forEach((node, k) => (node.k = k));
  ranks.forEach(number);
  for (let sweep = 0; sweep < 14; sweep++) {
    const side = sweep % 2 ? "after" : "before";
    for (const row of sweep % 2 ? [...ranks].reverse() : ranks) {
      for (const node of row) node.key = node[side].length ? median(node[side].map((other) => other.k)) : node.k;
      row.sort((a, b) => a.key - b.key || a.k - b.k);
      number(row);
    }
  }
}

function median(values) {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

function place(ranks) {
  for (const row of ranks) {
    let y = 0;
    for (const node of row) (node.y = y + node.height / 2), (y += node.height + BETWEEN);
    row.forEach((node) => (node.y -= y / 2));
  }
  for (let sweep = 0; sweep < 24; sweep++)
    for (const row of sweep % 2 ? [...ranks].reverse() : ranks) settle(row, sweep < 16 ? (sweep % 2 ? ["after"] : ["before"]) : ["before", "after"]);
}

// Each node as near as the order allows to the middle of its neighbours: pool adjacent violators.
function settle(row, sides) {
  let offset = 0;
  const pools = [];
  row.forEach((node, k) => {
    if (k) offset += (row[k - 1].height + node.height) / 2 + (node.real || row[k - 1].real ? BETWEEN : 4);
    const near = sides.flatMap((side) => node[side]);
    const weight = (near.length ? 1 : 0.05) * (node.real ? 1 : 3);
    const wanted = (near.length ? near.reduce((sum, other) => sum + other.y, 0) / near.length : node.y) - offset;
    node.offset = offset;
    let pool = { sum: wanted * weight, weight, nodes: [node] };
    while (pools.length && pools.at(-1).sum / pools.at(-1).weight > pool.sum / pool.weight) {
      const last = pools.pop();
      pool = { sum: last.sum + pool.sum, weight: last.weight + pool.weight, nodes: [...last.nodes, ...pool.nodes] };
    }
    pools.push(pool);
  });
  for (const { sum, weight, nodes } of pools) for (const node of nodes) node.y = sum / weight + node.offset;
}

function measured(ranks, links, chains, nodes) {
  let x = 0;
  ranks.forEach((row, level) => {
    const width = Math.max(...row.map((node) => node.width));
    const label = Math.max(0, ...links.map((link, k) => (chains[k][0].rank === level ? link.label : 0)));
    for (const node of row) node.x = x + width / 2;
    x += width + RANK_GAP + label;
  });
  const all = [...nodes.values()];
  const top = Math.min(...all.map((node) => node.y - node.height / 2));
  for (const node of all) node.y -= top;
  const points = chains.map((chain) => {
    const forward = chain[0].rank <= chain.at(-1).rank;
    return chain.map((node, k) => {
      const edge = k === 0 ? 1 : k === chain.length - 1 ? -1 : 0;
      return [node.x + (edge * (forward ? 1 : -1) * node.width) / 2, node.y];
    });
  });
  const height = Math.max(...all.map((node) => node.y + node.height / 2));
  const width = Math.max(...all.map((node) => node.x + node.width / 2));
  return { boxes: new Map(all.filter((node) => node.real).map((node) => [node.id, node])), points, width, height };
}
