"""The bits of a node's flags and of a thread's modes; `flags.pxd` gives them to the compiled modules."""

# Flags of a node. All 16 bits are in use: the next flag may take one of the 6 that the field `_known` has
# left (there is no other room in a node's 96 bytes).
CONSTANT = 1  # a leaf that takes no gradient
SWEPT = 2  # a sweep came by
REACHED = 4  # some contribution arrived in the last sweep
SELECTING = 8  # its operation selects: an operand whose partial is 0 was not chosen
INDEX_1 = 16  # an indexed node of at most two parents has index 1
FRESH = 32  # a leaf made while recording: its number may be read
TARGET = 64  # during a sweep: a leaf that is asked for
NEEDED = 128  # during a sweep: the node takes part
IN_TABLE = 256  # part of a table that is being pickled
ASSIGNED = 512  # its number was assigned: what was made of it may be out of date
RECORDED = 1024  # made for a Program that is being recorded: an input of it, or a result
LASTING = 50719  # the flags that are copied with a node
INPUT = 2048  # an input that is being differentiated, while the function is called
PLAIN_0 = 4096  # compiled: operand 0 is a plain number, whose node nobody has asked for
PLAIN_1 = 8192  # operand 1 is
BRANCHED = 16384  # a derivative for which a user's rule compared numbers: for others it may be another graph
LENIENT = 32768  # made within ieee(): infinities and NaN where floats raise

# What is known of the inputs that a node depends on: its field `_known`, see derivatives.py.
INDEPENDENT = 1  # on none of a call that is at work, or will be
DEPENDENT = 2  # on some of a call that is at work

# Modes of a thread.
NO_GRAD = 1
DIAGNOSE = 2
RECORDING = 4
RULE = 8  # a user's rule is being differentiated
IEEE = 16  # infinities and NaN instead of exceptions
HELD = 32  # a generator or coroutine holds a mode or scope: which is in force depends on what runs now
