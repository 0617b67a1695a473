# The numbers of flags.py as constants of C (a test compares the two).

cdef enum:
    CONSTANT = 1
    SWEPT = 2
    REACHED = 4
    SELECTING = 8
    INDEX_1 = 16
    FRESH = 32
    TARGET = 64
    NEEDED = 128
    IN_TABLE = 256
    ASSIGNED = 512
    RECORDED = 1024
    LASTING = 50719
    INPUT = 2048
    PLAIN_0 = 4096
    PLAIN_1 = 8192
    BRANCHED = 16384
    LENIENT = 32768

    INDEPENDENT = 1
    DEPENDENT = 2

    NO_GRAD = 1
    DIAGNOSE = 2
    RECORDING = 4
    RULE = 8
    IEEE = 16
    HELD = 32
