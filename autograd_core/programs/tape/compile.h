/* From a recorded graph to a tape: dead nodes, constants, dots, layers, slots, instructions.
 *
 * The one rule is that no bit of any result changes.  Values are safe as long as every operation is kept; gradients are
 * safe as long as each target receives its contributions in the order of the eager sweep.  Every rewriting below
 * therefore looks at the list of a target's consumers, sorted by their place in that order, before it moves one. */

#include "graph.h"
#include "chains.h"
#include "layers.h"
#include "regions.h"
#include "stretches.h"
#include "emit.h"
