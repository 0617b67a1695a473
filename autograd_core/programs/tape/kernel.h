/* The interpreter's loops.  `tape/module.c` includes this file once for each instruction set, with K(name) and VL (doubles in a
 * vector) defined.  Nothing here may reassociate or fuse: every build gives the same bits. */

typedef double K(Vec) __attribute__((vector_size(8 * VL), aligned(8), may_alias));
#define VEC K(Vec)
#define LOADV(p) (*(const VEC *)(p))
#define STOREV(p, v) (*(VEC *)(p) = (v))

#include "kernel_layers.h"
#include "kernel_operations.h"
#include "kernel_lanes.h"
#include "kernel_one.h"

#undef VEC
#undef LOADV
#undef STOREV
#undef EACH
#undef BINARY
#undef IN_PARTS
#undef EACH_OF_PART
#undef EXPONENTIALS
#undef VALUE_BY_EXP
#undef SLOPE_BY_EXP
#undef EACH_POWER
#undef SEND
#undef CHOSEN
#undef SEND_CHOSEN
#undef PULL3
#undef A_
#undef B_
#undef FOLD
#undef FOLD_ONE
#undef PART_ONE
#undef PART_EXP_ONE
#undef EACH_PART_ONE
#undef FOLD_EXP_ONE
#undef FOLD_EXP
#undef FINISH
#undef PART
#undef ONE
#undef TWO
#undef CHECK
#undef CHECK2
#undef TIMES
#undef PULL1
#undef PULL2
