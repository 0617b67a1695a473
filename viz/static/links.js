// What the boxes of a picture are, and the lines between them.
export const isGroup = ({ members }) => members.length > 1;

// The lines between boxes: each edge between two single nodes, one line for all edges where a group takes part.
export function linksOf(graph, boxes) {
  const boxOf = new Map(boxes.flatMap((box) => box.members.map((i) => [i, box])));
  const links = new Map();
  graph.parents.forEach((row, i) => row.forEach((parent, k) => {
    const tail = boxOf.get(parent), head = boxOf.get(i);
    if (!tail || !head || tail === head) return;
    const id = tail.members.length + head.members.length === 2 ? `e${i}_${k}` : `e_${tail.id}_${head.id}`;
    if (links.has(id)) links.get(id).edges.push([i, k]);
    else links.set(id, { id, tail: tail.id, head: head.id, edges: [[i, k]], constant: graph.kinds[parent] === "constant" });
  }));
  return [...links.values()];
}
