/* Numbers as NumPy's PCG64 draws them (O'Neill 2014, PCG XSL RR 128/64), straight into rows of an array.
 *
 * state = state * m + c; two steps are one of the same form, so that two chains of them run side by side. */

#if defined(__SIZEOF_INT128__)
typedef unsigned __int128 Wide;

static inline double pcg64_double(Wide state) {
    uint64_t high = (uint64_t)(state >> 64), mixed = high ^ (uint64_t)state;
    unsigned turn = (unsigned)(high >> 58);
    return (double)(((mixed >> turn) | (mixed << (-turn & 63))) >> 11) * (1.0 / 9007199254740992.0);
}

/* pcg64(state, array, rows, width, first, count): fill these rows' entries from the `first` on, `count` in each, evenly from [0, 1), and
 * change the state: its lower and upper half, and those of the constant c. */
static PyObject *module_pcg64(PyObject *module, PyObject *args) {
    PyObject *state_object, *array_object, *rows_object;
    Py_buffer state, array, rows;
    long width, first, count, i, j, n, lanes;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOlll", &state_object, &array_object, &rows_object, &width, &first, &count)) return NULL;
    if (PyObject_GetBuffer(state_object, &state, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) return NULL;
    if (doubles(array_object, &array, 1, "the array") < 0) { PyBuffer_Release(&state); return NULL; }
    if (PyObject_GetBuffer(rows_object, &rows, PyBUF_C_CONTIGUOUS) < 0) { PyBuffer_Release(&state); PyBuffer_Release(&array); return NULL; }
    n = (long)rows.len / 8;
    lanes = width > 0 ? (long)(array.len / 8) / width : 0;
    if (state.len != 32 || rows.itemsize != 8 || width < 1 || first < 0 || count < 0 || first + count > width) {
        PyErr_SetString(PyExc_ValueError, "four halves of a state, and int64 rows of an array of that width");
        goto done;
    }
    for (i = 0; i < n; i++)
        if (((const int64_t *)rows.buf)[i] < 0 || ((const int64_t *)rows.buf)[i] >= lanes) {
            PyErr_SetString(PyExc_IndexError, "a row number is outside the array");
            goto done;
        }
    {
        uint64_t *halves = state.buf;
        const Wide m = ((Wide)0x2360ed051fc65da4ull << 64) | 0x4385df649fccf645ull;
        const Wide c = ((Wide)halves[3] << 64) | halves[2], m2 = m * m, c2 = c * (m + 1);
        Wide last = ((Wide)halves[1] << 64) | halves[0], a = last * m + c, b = a * m + c;
        for (i = 0; i < n; i++) {
            double *x = (double *)array.buf + ((const int64_t *)rows.buf)[i] * width + first;
            for (j = 0; j < count; j++) {
                x[j] = pcg64_double(a);
                last = a;
                a = b;
                b = last * m2 + c2;
            }
        }
        halves[0] = (uint64_t)last;
        halves[1] = (uint64_t)(last >> 64);
    }
    result = Py_None;
    Py_INCREF(result);
done:
    PyBuffer_Release(&state);
    PyBuffer_Release(&array);
    PyBuffer_Release(&rows);
    return result;
}
#endif
