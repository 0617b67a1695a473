/* One walk over marked nodes at a time, and pauses in long ones. sweep.py alone includes this file: its state is static. */
#ifndef AUTOGRAD_WALKING_H
#define AUTOGRAD_WALKING_H

#if defined(_WIN32)
#include <windows.h>
#define AD_NAP() Sleep(1)
#else
#include <unistd.h>
#define AD_NAP() usleep(200)
#endif

/* Read and written with the interpreter's lock held. A thread that pauses keeps it at 1: other threads that want to walk wait. */
static int ad_walking = 0;

static void begin_walk(void) {
    while (ad_walking) {
        Py_BEGIN_ALLOW_THREADS
        AD_NAP();
        Py_END_ALLOW_THREADS
    }
    ad_walking = 1;
}

static void end_walk(void) { ad_walking = 0; }

/* Let other threads run. No Python code runs in this one. */
static void let_others_run(void) {
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
}

/* Run the handler of a Ctrl-C that interrupt_waits() has told of: -1 if it raised. */
static int handle_interrupt(void) {
    PyErr_SetInterrupt();
    return PyErr_CheckSignals();
}

static int interrupt_waits(void) { return PyOS_InterruptOccurred(); }

#endif
