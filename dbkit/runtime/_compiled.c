/* Send a call, read its rows, and write sets of values: what is done most, in C.

   Everything here is done in Python beside it as well. This does the ordinary case; whatever is
   out of the ordinary it leaves to Python, which does it from the start, or tells what is wrong.
   It calls the libpq that psycopg loaded, found by `link`, and takes nothing but the addresses
   that psycopg gives: `pgconn_ptr` and `pgresult_ptr`. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <datetime.h>
#include <dlfcn.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <structmember.h>

/* ---------------------------------------------------------------------------------- libpq */

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

/* of `ExecStatusType` */
enum { BAD_RESPONSE = 5, FATAL_ERROR = 7, PIPELINE_ABORTED = 11 };
/* of `PGTransactionStatusType` */
enum { IDLE = 0, IN_TRANSACTION = 2, IN_ERROR = 3 };

static struct {
    int (*is_busy)(PGconn *);
    int (*consume_input)(PGconn *);
    int (*flush)(PGconn *);
    int (*socket)(const PGconn *);
    int (*pipeline_status)(const PGconn *);
    int (*transaction_status)(const PGconn *);
    const char *(*parameter_status)(const PGconn *, const char *);
    int (*send_query_prepared)(PGconn *, const char *, int, const char *const *, const int *,
                               const int *, int);
    int (*send_query_params)(PGconn *, const char *, int, const unsigned int *,
                             const char *const *, const int *, const int *, int);
    /* NULL before libpq 17 */
    int (*set_chunked_rows_mode)(PGconn *, int);
    int (*status)(const PGresult *);
    int (*ntuples)(const PGresult *);
    int (*nfields)(const PGresult *);
    char *(*fname)(const PGresult *, int);
    unsigned int (*ftype)(const PGresult *, int);
    char *(*getvalue)(const PGresult *, int, int);
    int (*getlength)(const PGresult *, int, int);
    int (*getisnull)(const PGresult *, int, int);
} libpq;

/* raised where the connection is lost */
static PyObject *lost_error;

/* object.__dict__ is not looked at: these are slots of uuid.UUID */
static struct {
    PyTypeObject *type;
    PyObject *is_safe;
    Py_ssize_t number_at;
    Py_ssize_t is_safe_at;
} uuids;

/* what is asked of Python's objects */
static PyObject *name_pgconn_ptr, *name_pgresult_ptr, *name_get_result, *name_notifies;
static PyObject *name_notify_handler, *name_autocommit, *name_own_autocommit;
static PyObject *name_fromutc, *name_utcoffset;

static PyObject *
refuse(const char *reason)
{
    PyErr_SetString(PyExc_ValueError, reason);
    return NULL;
}

/* The place of a name in a list of names; -1 with an error if it is not there. */
static int
place_of(PyObject *name, const char *const *names)
{
    for (int place = 0; names[place] != NULL; place++) {
        if (PyUnicode_CompareWithASCIIString(name, names[place]) == 0)
            return place;
    }
    PyErr_Format(PyExc_ValueError, "no kind is called %U", name);
    return -1;
}

/* Where a class keeps the value of a slot; -1 with an error if it is no slot of an object. */
static Py_ssize_t
slot_at(PyObject *type, PyObject *name)
{
    PyObject *found = PyObject_GetAttr(type, name);
    if (found == NULL)
        return -1;
    Py_ssize_t at = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDescrObject *member = (PyMemberDescrObject *)found;
        if (PyDescr_TYPE(member) == (PyTypeObject *)type && member->d_member->type == T_OBJECT_EX)
            at = member->d_member->offset;
    }
    Py_DECREF(found);
    if (at < 0)
        refuse("not a slot of this class itself");
    return at;
}

static PyObject *
link_libpq(PyObject *module, PyObject *arguments)
{
    const char *name;
    PyObject *lost;
    if (!PyArg_ParseTuple(arguments, "sO", &name, &lost))
        return NULL;
    /* the driver's own module: its libpq is found through it, whatever it is called */
    void *driver = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (driver == NULL) {
        PyErr_Format(PyExc_OSError, "%s is not loaded", name);
        return NULL;
    }
    const struct {
        const char *name;
        void *at;
    } wanted[] = {
        {"PQisBusy", &libpq.is_busy},
        {"PQconsumeInput", &libpq.consume_input},
        {"PQflush", &libpq.flush},
        {"PQsocket", &libpq.socket},
        {"PQpipelineStatus", &libpq.pipeline_status},
        {"PQtransactionStatus", &libpq.transaction_status},
        {"PQparameterStatus", &libpq.parameter_status},
        {"PQsendQueryPrepared", &libpq.send_query_prepared},
        {"PQsendQueryParams", &libpq.send_query_params},
        {"PQsetChunkedRowsMode", &libpq.set_chunked_rows_mode},
        {"PQresultStatus", &libpq.status},
        {"PQntuples", &libpq.ntuples},
        {"PQnfields", &libpq.nfields},
        {"PQfname", &libpq.fname},
        {"PQftype", &libpq.ftype},
        {"PQgetvalue", &libpq.getvalue},
        {"PQgetlength", &libpq.getlength},
        {"PQgetisnull", &libpq.getisnull},
    };
    /* the driver stays loaded as long as its module is, so the handle is kept */
    for (size_t each = 0; each < sizeof wanted / sizeof *wanted; each++) {
        void *function = dlsym(driver, wanted[each].name);
        if (function == NULL && wanted[each].at != &libpq.set_chunked_rows_mode) {
            PyErr_Format(PyExc_OSError, "%s has no %s", name, wanted[each].name);
            return NULL;
        }
        memcpy(wanted[each].at, &function, sizeof function);
    }
    Py_XSETREF(lost_error, Py_NewRef(lost));
    Py_RETURN_NONE;
}

/* The address that an attribute has; NULL without an error where the driver gave it back. */
static void *
address(PyObject *object, PyObject *attribute)
{
    PyObject *number = PyObject_GetAttr(object, attribute);
    if (number == NULL)
        return NULL;
    void *at = PyLong_Check(number) ? PyLong_AsVoidPtr(number) : NULL;
    Py_DECREF(number);
    return at;
}

/* Whether a result has these columns, each a name and the number of a type; -1 with an error. */
static int
matches(const PGresult *result, PyObject *columns)
{
    Py_ssize_t count = PyTuple_GET_SIZE(columns);
    if (libpq.nfields(result) != count)
        return 0;
    for (int number = 0; number < count; number++) {
        const char *name;
        unsigned int type;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(columns, number), "yI", &name, &type))
            return -1;
        if (libpq.ftype(result, number) != type || strcmp(libpq.fname(result, number), name) != 0)
            return 0;
    }
    return 1;
}

static PyObject *
has_columns(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_Check(arguments[1]))
        return refuse("has_columns(result, columns)");
    const PGresult *result = address(arguments[0], name_pgresult_ptr);
    if (result == NULL)
        return PyErr_Occurred() ? NULL : refuse("a result that is gone");
    int found = matches(result, arguments[1]);
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* ---------------------------------------------------------------------------------- numbers */

static inline uint16_t
get16(const unsigned char *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t
get32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline uint64_t
get64(const unsigned char *from)
{
    return (uint64_t)get32(from) << 32 | get32(from + 4);
}

static inline void
put16(unsigned char *to, uint16_t value)
{
    to[0] = (unsigned char)(value >> 8);
    to[1] = (unsigned char)value;
}

static inline void
put32(unsigned char *to, uint32_t value)
{
    to[0] = (unsigned char)(value >> 24);
    to[1] = (unsigned char)(value >> 16);
    to[2] = (unsigned char)(value >> 8);
    to[3] = (unsigned char)value;
}

static inline void
put64(unsigned char *to, uint64_t value)
{
    put32(to, (uint32_t)(value >> 32));
    put32(to + 4, (uint32_t)value);
}

/* Find a value that stands in memory after its length, and what comes after it. */
static const unsigned char *
value_at(const unsigned char *at, const char **value, int *size)
{
    int is_null = get32(at) == UINT32_MAX;
    *size = is_null ? 0 : (int)get32(at);
    *value = is_null ? NULL : (const char *)at + 4;
    return at + 4 + *size;
}

/* -------------------------------------------------------------------------------- the calendar

   PostgreSQL counts from the first day of 2000, in days or microseconds. The two ways are those
   of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */

#define DAY_IN_MICROSECONDS INT64_C(86400000000)
/* from the first of March of the year 0 */
#define DAYS_TO_2000 730425

static int
date_of(int64_t days_since_2000, int *year, int *month, int *day)
{
    int64_t days = days_since_2000 + DAYS_TO_2000;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    int64_t whole = (int64_t)year_of_era + era * 400 + (shifted >= 10);
    if (whole < 1 || whole > 9999)
        return 0;
    *year = (int)whole;
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    return 1;
}

static int64_t
days_of(int year, int month, int day)
{
    int shifted_year = year - (month <= 2);
    int era = shifted_year / 400;
    int year_of_era = shifted_year - era * 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    return (int64_t)era * 146097 + of_era - DAYS_TO_2000;
}

/* A moment in the zone that is given, or one of no zone; the zone may be None. */
static PyObject *
read_moment(const unsigned char *from, PyObject *zone)
{
    int64_t since_2000 = (int64_t)get64(from);
    if (since_2000 == INT64_MAX || since_2000 == INT64_MIN)
        return refuse("a moment without end");
    int64_t days = since_2000 / DAY_IN_MICROSECONDS, rest = since_2000 % DAY_IN_MICROSECONDS;
    if (rest < 0) {
        rest += DAY_IN_MICROSECONDS;
        days--;
    }
    int year, month, day;
    if (!date_of(days, &year, &month, &day))
        return refuse("a year that Python does not have");
    int seconds = (int)(rest / 1000000);
    PyObject *moment = PyDateTimeAPI->DateTime_FromDateAndTime(
        year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(rest % 1000000),
        zone, PyDateTimeAPI->DateTimeType);
    if (moment == NULL || zone == Py_None || zone == PyDateTimeAPI->TimeZone_UTC)
        return moment;
    PyObject *there = PyObject_CallMethodOneArg(zone, name_fromutc, moment);
    Py_DECREF(moment);
    return there;
}

static PyObject *
read_date(const unsigned char *from)
{
    int32_t days = (int32_t)get32(from);
    int year, month, day;
    if (days == INT32_MAX || days == INT32_MIN || !date_of(days, &year, &month, &day))
        return refuse("a day that Python does not have");
    return PyDateTimeAPI->Date_FromDate(year, month, day, PyDateTimeAPI->DateType);
}

static PyObject *
read_time(const unsigned char *from)
{
    int64_t since_midnight = (int64_t)get64(from);
    if (since_midnight < 0 || since_midnight >= DAY_IN_MICROSECONDS)
        return refuse("a time that Python does not have");
    int seconds = (int)(since_midnight / 1000000);
    return PyDateTimeAPI->Time_FromTime(
        seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(since_midnight % 1000000), Py_None,
        PyDateTimeAPI->TimeType);
}

/* ----------------------------------------------------------------------------------- uuids */

static PyObject *
read_uuid(const unsigned char *from)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *number = PyLong_FromUnsignedNativeBytes(from, 16, Py_ASNATIVEBYTES_BIG_ENDIAN);
#else
    PyObject *number = _PyLong_FromByteArray(from, 16, 0, 0);
#endif
    if (number == NULL)
        return NULL;
    PyObject *uuid = uuids.type->tp_alloc(uuids.type, 0);
    if (uuid == NULL) {
        Py_DECREF(number);
        return NULL;
    }
    *(PyObject **)((char *)uuid + uuids.number_at) = number;
    *(PyObject **)((char *)uuid + uuids.is_safe_at) = Py_NewRef(uuids.is_safe);
    return uuid;
}

static int
write_uuid(PyObject *uuid, unsigned char *to)
{
    PyObject *number = *(PyObject **)((char *)uuid + uuids.number_at);
    if (number == NULL || !PyLong_CheckExact(number)) {
        refuse("a uuid without its number");
        return -1;
    }
#if PY_VERSION_HEX >= 0x030D0000
    Py_ssize_t size = PyLong_AsNativeBytes(
        number, to, 16, Py_ASNATIVEBYTES_BIG_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
    if (size > 16)
        refuse("a uuid with a number too large");
    return size < 0 || size > 16 ? -1 : 0;
#else
    return _PyLong_AsByteArray((PyLongObject *)number, to, 16, 0, 0);
#endif
}

/* ------------------------------------------------------------------------------------ json */

/* an integer with fewer digits fits into 64 bits */
#define LONG_NUMBER 19

static inline int
is_digit(char character)
{
    return (unsigned char)(character - '0') < 10;
}

/* Whether json may have an integer beyond 64 bits; digits after a point do not matter. Of so many
   digits in a row, one is at each place that is looked at. */
static int
has_long_number(const char *from, Py_ssize_t size)
{
    Py_ssize_t at = LONG_NUMBER - 1;
    while (at < size) {
        if (!is_digit(from[at])) {
            at += LONG_NUMBER;
            continue;
        }
        Py_ssize_t start = at, end = at + 1;
        while (start > 0 && is_digit(from[start - 1]))
            start--;
        while (end < size && is_digit(from[end]))
            end++;
        if (end - start >= LONG_NUMBER && (start == 0 || from[start - 1] != '.'))
            return 1;
        at = end + LONG_NUMBER - 1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------ rows */

/* how a column is read */
enum reads {
    BY_LOADER,
    TEXT,
    BYTES,
    BOOL,
    INT2,
    INT4,
    INT8,
    OID,
    FLOAT4,
    FLOAT8,
    UUID,
    DATE,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    JSON,
    JSONB,
};

static const char *const names_of_reads[] = {
    "loader", "text", "bytes", "bool", "int2", "int4",      "int8",        "oid",  "float4",
    "float8", "uuid", "date",  "time", "timestamp", "timestamptz", "json", "jsonb", NULL,
};

typedef struct {
    enum reads kind;
    int may_be_null;
    /* in the object of a row, where that is filled slot by slot */
    Py_ssize_t slot;
    /* the loader's method, json's parser, or the zone of moments */
    PyObject *by;
    /* called with the value that was read, or with json that has to be read with care */
    PyObject *convert;
} Column;

typedef struct {
    PyObject_VAR_HEAD
    /* a class whose slots are filled, or what is called with the values; NULL where the value
       of the one column is the row */
    PyObject *row;
    int fills_slots;
    /* loaders have a state while they read */
    int is_reading;
    /* whether code of the caller's runs while it reads, which may call with the same connection */
    int calls_out;
    Column columns[];
} RowReader;

static PyObject *
read_value(const Column *column, const char *from, int size)
{
    const unsigned char *bytes = (const unsigned char *)from;
    switch (column->kind) {
    case TEXT:
        return PyUnicode_DecodeUTF8(from, size, NULL);
    case BYTES:
        return PyBytes_FromStringAndSize(from, size);
    case BOOL:
        if (size == 1)
            return PyBool_FromLong(bytes[0]);
        break;
    case INT2:
        if (size == 2)
            return PyLong_FromLong((int16_t)get16(bytes));
        break;
    case INT4:
        if (size == 4)
            return PyLong_FromLong((int32_t)get32(bytes));
        break;
    case INT8:
        if (size == 8)
            return PyLong_FromLongLong((int64_t)get64(bytes));
        break;
    case OID:
        if (size == 4)
            return PyLong_FromUnsignedLong(get32(bytes));
        break;
    case FLOAT4:
        if (size == 4) {
            uint32_t bits = get32(bytes);
            float value;
            memcpy(&value, &bits, sizeof value);
            return PyFloat_FromDouble(value);
        }
        break;
    case FLOAT8:
        if (size == 8) {
            uint64_t bits = get64(bytes);
            double value;
            memcpy(&value, &bits, sizeof value);
            return PyFloat_FromDouble(value);
        }
        break;
    case UUID:
        if (size == 16)
            return read_uuid(bytes);
        break;
    case DATE:
        if (size == 4)
            return read_date(bytes);
        break;
    case TIME:
        if (size == 8)
            return read_time(bytes);
        break;
    case TIMESTAMP:
        if (size == 8)
            return read_moment(bytes, Py_None);
        break;
    case TIMESTAMPTZ:
        if (size == 8)
            return read_moment(bytes, column->by);
        break;
    case JSON:
    case JSONB: {
        /* before jsonb stands the number of its form */
        int at = column->kind == JSONB;
        if (size < at)
            break;
        if (has_long_number(from + at, size - at))
            return PyObject_CallFunction(column->convert, "y#", from, (Py_ssize_t)size);
        PyObject *text = PyBytes_FromStringAndSize(from + at, size - at);
        if (text == NULL)
            return NULL;
        PyObject *value = PyObject_CallOneArg(column->by, text);
        Py_DECREF(text);
        return value;
    }
    case BY_LOADER: {
        PyObject *raw = PyBytes_FromStringAndSize(from, size);
        if (raw == NULL)
            return NULL;
        PyObject *value = PyObject_CallOneArg(column->by, raw);
        Py_DECREF(raw);
        return value;
    }
    }
    return refuse("a value of an unexpected size");
}

static PyObject *
read_field(const Column *column, const PGresult *result, int row, int number)
{
    int size = libpq.getlength(result, row, number);
    if (size == 0 && libpq.getisnull(result, row, number)) {
        if (!column->may_be_null)
            return refuse("a null where none can be");
        Py_RETURN_NONE;
    }
    PyObject *value = read_value(column, libpq.getvalue(result, row, number), size);
    if (value == NULL || column->convert == NULL || column->kind == JSON || column->kind == JSONB)
        return value;
    PyObject *converted = PyObject_CallOneArg(column->convert, value);
    Py_DECREF(value);
    return converted;
}

static PyObject *
fill_row(RowReader *self, const PGresult *result, int row)
{
    PyTypeObject *type = (PyTypeObject *)self->row;
    PyObject *made = type->tp_alloc(type, 0);
    if (made == NULL)
        return NULL;
    for (int number = 0; number < Py_SIZE(self); number++) {
        PyObject *value = read_field(&self->columns[number], result, row, number);
        if (value == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        *(PyObject **)((char *)made + self->columns[number].slot) = value;
    }
    return made;
}

static PyObject *
call_row(RowReader *self, const PGresult *result, int row)
{
    PyObject *values = PyTuple_New(Py_SIZE(self));
    if (values == NULL)
        return NULL;
    for (int number = 0; number < Py_SIZE(self); number++) {
        PyObject *value = read_field(&self->columns[number], result, row, number);
        if (value == NULL) {
            Py_DECREF(values);
            return NULL;
        }
        PyTuple_SET_ITEM(values, number, value);
    }
    PyObject *made = PyObject_Call(self->row, values, NULL);
    Py_DECREF(values);
    return made;
}

static PyObject *
read_rows(RowReader *self, const PGresult *result, int start, int end)
{
    if (self->is_reading)
        return refuse("it is reading, in another thread or further up");
    PyObject *rows = PyList_New(end - start);
    if (rows == NULL)
        return NULL;
    self->is_reading = 1;
    for (int row = start; row < end; row++) {
        PyObject *made = self->row == NULL  ? read_field(&self->columns[0], result, row, 0)
                         : self->fills_slots ? fill_row(self, result, row)
                                             : call_row(self, result, row);
        if (made == NULL) {
            Py_CLEAR(rows);
            break;
        }
        PyList_SET_ITEM(rows, row - start, made);
    }
    self->is_reading = 0;
    return rows;
}

static PyObject *
RowReader_read(RowReader *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3)
        return refuse("read(result, start, end)");
    const PGresult *result = address(arguments[0], name_pgresult_ptr);
    long start = PyLong_AsLong(arguments[1]), end = PyLong_AsLong(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    if (result == NULL || start < 0 || end < start || end > libpq.ntuples(result) ||
        libpq.nfields(result) != Py_SIZE(self))
        return refuse("not a result of this statement");
    return read_rows(self, result, (int)start, (int)end);
}

static int
RowReader_traverse(RowReader *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->row);
    for (Py_ssize_t number = 0; number < Py_SIZE(self); number++) {
        Py_VISIT(self->columns[number].by);
        Py_VISIT(self->columns[number].convert);
    }
    return 0;
}

static int
RowReader_clear(RowReader *self)
{
    Py_CLEAR(self->row);
    for (Py_ssize_t number = 0; number < Py_SIZE(self); number++) {
        Py_CLEAR(self->columns[number].by);
        Py_CLEAR(self->columns[number].convert);
    }
    return 0;
}

static void
RowReader_dealloc(RowReader *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    RowReader_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
RowReader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"row", "slots", "columns", "calls_out", NULL};
    PyObject *row, *slots, *columns;
    int calls_out;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO!p", names, &row, &slots,
                                     &PyTuple_Type, &columns, &calls_out))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(columns);
    int fills_slots = slots != Py_None;
    if (fills_slots) {
        if (!PyType_Check(row) || !PyTuple_Check(slots) || PyTuple_GET_SIZE(slots) != count)
            return refuse("a class, and a slot for each column");
        if (((PyTypeObject *)row)->tp_alloc != PyType_GenericAlloc)
            return refuse("a class that is made in a way of its own");
    }
    if (row == Py_None && count != 1)
        return refuse("one column where its value is the row");
    RowReader *self = (RowReader *)type->tp_alloc(type, count);
    if (self == NULL)
        return NULL;
    self->row = row == Py_None ? NULL : Py_NewRef(row);
    self->fills_slots = fills_slots;
    self->calls_out = calls_out;
    for (Py_ssize_t number = 0; number < count; number++) {
        Column *column = &self->columns[number];
        PyObject *name, *by, *convert;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(columns, number), "UOOp", &name, &by,
                              &convert, &column->may_be_null))
            goto failed;
        int kind = place_of(name, names_of_reads);
        if (kind < 0)
            goto failed;
        column->kind = (enum reads)kind;
        column->by = Py_NewRef(by);
        column->convert = convert == Py_None ? NULL : Py_NewRef(convert);
        if (((kind == JSON || kind == JSONB) && convert == Py_None) ||
            (kind == TIMESTAMPTZ && !PyTZInfo_Check(by))) {
            refuse("json needs what reads it with care, and a moment its zone");
            goto failed;
        }
        if (fills_slots) {
            column->slot = slot_at(row, PyTuple_GET_ITEM(slots, number));
            if (column->slot < 0)
                goto failed;
        }
    }
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

static PyMethodDef RowReader_methods[] = {
    {"read", (PyCFunction)(void (*)(void))RowReader_read, METH_FASTCALL, NULL},
    {NULL},
};

static PyType_Slot RowReader_slots[] = {
    {Py_tp_new, RowReader_new},           {Py_tp_dealloc, RowReader_dealloc},
    {Py_tp_traverse, RowReader_traverse}, {Py_tp_clear, RowReader_clear},
    {Py_tp_methods, RowReader_methods},   {0, NULL},
};

static PyType_Spec RowReader_spec = {
    .name = "dbkit.runtime._compiled.RowReader",
    .basicsize = offsetof(RowReader, columns),
    .itemsize = sizeof(Column),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = RowReader_slots,
};

/* ------------------------------------------------------------------------------------ sets */

/* how the values of a column are written */
enum writes {
    BY_FUNCTION,
    WRITES_BOOL,
    WRITES_INT2,
    WRITES_INT4,
    WRITES_INT8,
    WRITES_FLOAT8,
    WRITES_TEXT,
    WRITES_BYTES,
    WRITES_UUID,
    WRITES_DATE,
    WRITES_TIMESTAMP,
    WRITES_TIMESTAMPTZ,
    /* a null, whatever the value is: the text has no use for it */
    WRITES_NULL,
};

static const char *const names_of_writes[] = {
    "function", "bool", "int2", "int4",      "int8",        "float8", "text",
    "bytea",    "uuid", "date", "timestamp", "timestamptz", "null",   NULL,
};

typedef struct {
    enum writes kind;
    int may_be_null;
    /* gives the bytes of a value, and the one class that it is called with, or NULL for any */
    PyObject *by;
    PyObject *of;
} Parameter;

typedef struct {
    PyObject_VAR_HEAD
    /* a value of this class is written otherwise */
    PyObject *not_of;
    Parameter parameters[];
} SetWriter;

typedef struct {
    unsigned char *start;
    size_t size;
    size_t room;
    /* whether the memory is somebody else's, to begin with */
    int is_lent;
} Buffer;

/* Where the next bytes go; NULL with an error if there is no memory. */
static unsigned char *
room_for(Buffer *buffer, size_t size)
{
    if (buffer->room - buffer->size < size) {
        size_t room = buffer->room * 2 > buffer->size + size ? buffer->room * 2
                                                             : buffer->size + size + 4096;
        unsigned char *start = PyMem_Realloc(buffer->is_lent ? NULL : buffer->start, room);
        if (start == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        if (buffer->is_lent)
            memcpy(start, buffer->start, buffer->size);
        buffer->is_lent = 0;
        buffer->start = start;
        buffer->room = room;
    }
    unsigned char *at = buffer->start + buffer->size;
    buffer->size += size;
    return at;
}

/* Give room for a value of so many bytes, after its length. */
static unsigned char *
sized(Buffer *buffer, size_t size)
{
    if (size > INT32_MAX) {
        refuse("a value too large");
        return NULL;
    }
    unsigned char *at = room_for(buffer, 4 + size);
    if (at == NULL)
        return NULL;
    put32(at, (uint32_t)size);
    return at + 4;
}

static int
write_bytes(Buffer *buffer, const char *from, Py_ssize_t size)
{
    unsigned char *to = sized(buffer, (size_t)size);
    if (to == NULL)
        return -1;
    memcpy(to, from, (size_t)size);
    return 0;
}

static int
write_text(Buffer *buffer, PyObject *text)
{
    Py_ssize_t size;
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
        const char *from = PyUnicode_AsUTF8AndSize(text, &size);
        if (from == NULL)
            return -1;
        if (memchr(from, 0, (size_t)size) != NULL) {
            refuse("a text with a NUL");
            return -1;
        }
        return write_bytes(buffer, from, size);
    }
    /* not by the text itself, which would keep the bytes as long as it lives */
    PyObject *encoded = PyUnicode_AsUTF8String(text);
    if (encoded == NULL)
        return -1;
    const char *from = PyBytes_AS_STRING(encoded);
    size = PyBytes_GET_SIZE(encoded);
    int done = -1;
    if (memchr(from, 0, (size_t)size) != NULL)
        refuse("a text with a NUL");
    else
        done = write_bytes(buffer, from, size);
    Py_DECREF(encoded);
    return done;
}

static int
write_integer(Buffer *buffer, PyObject *value, int bits)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return -1;
    long long most = (long long)(UINT64_MAX >> (65 - bits));
    if (overflow || number > most || number < -most - 1) {
        refuse("an integer too large");
        return -1;
    }
    unsigned char *to = sized(buffer, (size_t)bits / 8);
    if (to == NULL)
        return -1;
    if (bits == 16)
        put16(to, (uint16_t)number);
    else if (bits == 32)
        put32(to, (uint32_t)number);
    else
        put64(to, (uint64_t)number);
    return 0;
}

/* Take what a moment is ahead of the zone of Greenwich, in microseconds. */
static int
offset_of(PyObject *moment, int64_t *microseconds)
{
    *microseconds = 0;
    if (PyDateTime_DATE_GET_TZINFO(moment) == PyDateTimeAPI->TimeZone_UTC)
        return 0;
    PyObject *offset = PyObject_CallMethodNoArgs(moment, name_utcoffset);
    if (offset == NULL)
        return -1;
    int done = -1;
    if (PyDelta_Check(offset)) {
        *microseconds = (PyDateTime_DELTA_GET_DAYS(offset) * INT64_C(86400) +
                         PyDateTime_DELTA_GET_SECONDS(offset)) *
                            1000000 +
                        PyDateTime_DELTA_GET_MICROSECONDS(offset);
        done = 0;
    }
    else
        refuse("a moment without a zone");
    Py_DECREF(offset);
    return done;
}

static int
write_moment(Buffer *buffer, PyObject *moment, int has_zone)
{
    if ((PyDateTime_DATE_GET_TZINFO(moment) != Py_None) != has_zone) {
        refuse("a moment with a zone, or without one");
        return -1;
    }
    int64_t ahead = 0;
    if (has_zone && offset_of(moment, &ahead) < 0)
        return -1;
    int64_t days = days_of(PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment),
                           PyDateTime_GET_DAY(moment));
    int64_t seconds = PyDateTime_DATE_GET_HOUR(moment) * 3600 +
                      PyDateTime_DATE_GET_MINUTE(moment) * 60 + PyDateTime_DATE_GET_SECOND(moment);
    unsigned char *to = sized(buffer, 8);
    if (to == NULL)
        return -1;
    put64(to, (uint64_t)(days * DAY_IN_MICROSECONDS + seconds * 1000000 +
                         PyDateTime_DATE_GET_MICROSECOND(moment) - ahead));
    return 0;
}

static int
write_by_function(Buffer *buffer, PyObject *function, PyObject *value)
{
    PyObject *written = PyObject_CallOneArg(function, value);
    if (written == NULL)
        return -1;
    Py_buffer view;
    int done = PyObject_GetBuffer(written, &view, PyBUF_SIMPLE);
    if (done == 0) {
        done = write_bytes(buffer, view.buf, view.len);
        PyBuffer_Release(&view);
    }
    Py_DECREF(written);
    return done;
}

static int
write_value(Buffer *buffer, SetWriter *self, const Parameter *parameter, PyObject *value)
{
    unsigned char *to;
    if (value == Py_None || parameter->kind == WRITES_NULL) {
        if (!parameter->may_be_null && parameter->kind != WRITES_NULL) {
            refuse("a None where none may be");
            return -1;
        }
        if ((to = room_for(buffer, 4)) == NULL)
            return -1;
        put32(to, UINT32_MAX);
        return 0;
    }
    PyTypeObject *type = Py_TYPE(value);
    switch (parameter->kind) {
    case BY_FUNCTION:
        if (parameter->of != NULL ? (PyObject *)type != parameter->of
                                  : PyObject_TypeCheck(value, (PyTypeObject *)self->not_of))
            break;
        return write_by_function(buffer, parameter->by, value);
    case WRITES_BOOL:
        if (type != &PyBool_Type)
            break;
        if ((to = sized(buffer, 1)) == NULL)
            return -1;
        *to = value == Py_True;
        return 0;
    case WRITES_INT2:
        if (type != &PyLong_Type)
            break;
        return write_integer(buffer, value, 16);
    case WRITES_INT4:
        if (type != &PyLong_Type)
            break;
        return write_integer(buffer, value, 32);
    case WRITES_INT8:
        if (type != &PyLong_Type)
            break;
        return write_integer(buffer, value, 64);
    case WRITES_FLOAT8: {
        if (type != &PyFloat_Type && type != &PyLong_Type)
            break;
        double number = PyFloat_AsDouble(value);
        if (number == -1.0 && PyErr_Occurred())
            return -1;
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        if ((to = sized(buffer, 8)) == NULL)
            return -1;
        put64(to, bits);
        return 0;
    }
    case WRITES_TEXT:
        if (type != &PyUnicode_Type)
            break;
        return write_text(buffer, value);
    case WRITES_BYTES:
        if (type != &PyBytes_Type)
            break;
        return write_bytes(buffer, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    case WRITES_UUID:
        if (type != uuids.type)
            break;
        if ((to = sized(buffer, 16)) == NULL)
            return -1;
        return write_uuid(value, to);
    case WRITES_DATE:
        if (type != PyDateTimeAPI->DateType)
            break;
        if ((to = sized(buffer, 4)) == NULL)
            return -1;
        put32(to, (uint32_t)days_of(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                                    PyDateTime_GET_DAY(value)));
        return 0;
    case WRITES_TIMESTAMP:
    case WRITES_TIMESTAMPTZ:
        if (type != PyDateTimeAPI->DateTimeType)
            break;
        return write_moment(buffer, value, parameter->kind == WRITES_TIMESTAMPTZ);
    case WRITES_NULL:
        break;
    }
    refuse("a value of another class");
    return -1;
}

/* Write the values of one call or row; there may be more, which only choose a text. */
static int
write_values(Buffer *buffer, SetWriter *self, PyObject *given, Py_ssize_t size)
{
    PyObject *values = PySequence_Fast(given, "values are a sequence");
    if (values == NULL)
        return -1;
    int done = 0;
    if (PySequence_Fast_GET_SIZE(values) != size) {
        refuse("another number of values");
        done = -1;
    }
    for (Py_ssize_t number = 0; number < Py_SIZE(self) && done == 0; number++) {
        /* what is called may change a list */
        if (number >= PySequence_Fast_GET_SIZE(values)) {
            refuse("another number of values");
            done = -1;
            break;
        }
        PyObject *value = Py_NewRef(PySequence_Fast_GET_ITEM(values, number));
        done = write_value(buffer, self, &self->parameters[number], value);
        Py_DECREF(value);
    }
    Py_DECREF(values);
    return done;
}

static int
write_set(Buffer *buffer, SetWriter *self, PyObject *set)
{
    unsigned char *to = room_for(buffer, 2);
    if (to == NULL)
        return -1;
    put16(to, (uint16_t)Py_SIZE(self));
    return write_values(buffer, self, set, Py_SIZE(self));
}

static PyObject *
SetWriter_write(SetWriter *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_CheckExact(arguments[0]) || !PyByteArray_CheckExact(arguments[1]))
        return refuse("write(list of sets, into a bytearray)");
    Buffer buffer = {NULL, 0, 0, 0};
    int done = 0;
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(arguments[0]) && done == 0; number++) {
        PyObject *set = Py_NewRef(PyList_GET_ITEM(arguments[0], number));
        done = write_set(&buffer, self, set);
        Py_DECREF(set);
    }
    if (done == 0 && buffer.size > 0) {
        PyObject *into = arguments[1];
        Py_ssize_t before = PyByteArray_GET_SIZE(into);
        done = PyByteArray_Resize(into, before + (Py_ssize_t)buffer.size);
        if (done == 0)
            memcpy(PyByteArray_AS_STRING(into) + before, buffer.start, buffer.size);
    }
    PyMem_Free(buffer.start);
    if (done < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int
SetWriter_traverse(SetWriter *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->not_of);
    for (Py_ssize_t number = 0; number < Py_SIZE(self); number++) {
        Py_VISIT(self->parameters[number].by);
        Py_VISIT(self->parameters[number].of);
    }
    return 0;
}

static int
SetWriter_clear(SetWriter *self)
{
    Py_CLEAR(self->not_of);
    for (Py_ssize_t number = 0; number < Py_SIZE(self); number++) {
        Py_CLEAR(self->parameters[number].by);
        Py_CLEAR(self->parameters[number].of);
    }
    return 0;
}

static void
SetWriter_dealloc(SetWriter *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    SetWriter_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
SetWriter_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"not_of", "parameters", NULL};
    PyObject *not_of, *parameters;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!O!", names, &PyType_Type, &not_of,
                                     &PyTuple_Type, &parameters))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(parameters);
    if (count > INT16_MAX)
        return refuse("more values than a row can have");
    SetWriter *self = (SetWriter *)type->tp_alloc(type, count);
    if (self == NULL)
        return NULL;
    self->not_of = Py_NewRef(not_of);
    for (Py_ssize_t number = 0; number < count; number++) {
        Parameter *parameter = &self->parameters[number];
        PyObject *name, *by, *of;
        int kind = -1;
        if (PyArg_ParseTuple(PyTuple_GET_ITEM(parameters, number), "UOOp", &name, &by, &of,
                             &parameter->may_be_null))
            kind = place_of(name, names_of_writes);
        if (kind < 0) {
            Py_DECREF(self);
            return NULL;
        }
        parameter->kind = (enum writes)kind;
        parameter->by = Py_NewRef(by);
        parameter->of = of == Py_None ? NULL : Py_NewRef(of);
    }
    return (PyObject *)self;
}

static PyMethodDef SetWriter_methods[] = {
    {"write", (PyCFunction)(void (*)(void))SetWriter_write, METH_FASTCALL, NULL},
    {NULL},
};

static PyType_Slot SetWriter_slots[] = {
    {Py_tp_new, SetWriter_new},           {Py_tp_dealloc, SetWriter_dealloc},
    {Py_tp_traverse, SetWriter_traverse}, {Py_tp_clear, SetWriter_clear},
    {Py_tp_methods, SetWriter_methods},   {0, NULL},
};

static PyType_Spec SetWriter_spec = {
    .name = "dbkit.runtime._compiled.SetWriter",
    .basicsize = offsetof(SetWriter, parameters),
    .itemsize = sizeof(Parameter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = SetWriter_slots,
};

/* ----------------------------------------------------------------------------------- calls

   A call of a statement that is ready, sent and answered without a detour. */

/* more is sent bit by bit, which the driver does */
#define MOST_VALUES 64
#define MOST_BYTES 8000
#define MOST_SETTINGS 8
/* the values of most calls fit in here */
#define FEW_BYTES 1024
/* Python's garbage collector has nothing to find among more rows than this */
#define FEW_ROWS 50

typedef struct {
    PyObject_HEAD
    /* writes the values of a call: in C, or else in Python */
    SetWriter *writer;
    PyObject *bound;
    /* so many values come with a call */
    Py_ssize_t given;
    /* the name that the statement is prepared under, or None */
    PyObject *name;
    PyObject *text;
    /* settings that the server reports, and what they were */
    PyObject *settings;
    struct {
        const char *name;
        const char *value;
    } set[MOST_SETTINGS];
    PyObject *columns;
    /* NULL where nothing reads rows here */
    RowReader *reader;
    /* two numbers in memory that Python reads: calls by name, and calls without */
    Py_buffer counted;
    /* counts up with each use of any statement */
    unsigned long long used;
    /* whether the server holds the statement to columns that were compared */
    int is_held;
    int may_write;
    int result_format;
    int portion;
    int count;
    int formats[MOST_VALUES];
    unsigned int types[MOST_VALUES];
} StraightCall;

typedef struct {
    PyObject_HEAD
    StraightCall *call;
    PyObject *pgconn;
    /* the last result, or the one that failed; None as long as there is none */
    PyObject *last;
    /* what was read of the rows, and the results of which nothing was */
    PyObject *rows;
    PyObject *unread;
    /* whether all has come, with the connection at rest */
    char is_whole;
    /* whether the last result is one that the statement was typed for */
    char is_good;
    /* whether no transaction was open before */
    char was_outside;
} Answer;

static PyTypeObject *answer_type;

/* Whether the settings that the server reports are what they were. */
static int
are_set(const StraightCall *self, const PGconn *conn)
{
    for (Py_ssize_t each = 0; each < PyTuple_GET_SIZE(self->settings); each++) {
        const char *now = libpq.parameter_status(conn, self->set[each].name);
        const char *expected = self->set[each].value;
        if (now == NULL || expected == NULL ? now != expected : strcmp(now, expected) != 0)
            return 0;
    }
    return 1;
}

/* Send the values to a connection, and return whether that was done; else the driver does it. */
static int
send_values(const StraightCall *self, PGconn *conn, const char *const *values, const int *sizes)
{
    Py_ssize_t all = self->name == Py_None ? PyBytes_GET_SIZE(self->text) : 0;
    for (int number = 0; number < self->count; number++)
        all += sizes[number];
    if (all > MOST_BYTES)
        return 0;
    if (self->name == Py_None)
        return libpq.send_query_params(conn, PyBytes_AS_STRING(self->text), self->count,
                                       self->types, values, sizes, self->formats,
                                       self->result_format);
    return libpq.send_query_prepared(conn, PyBytes_AS_STRING(self->name), self->count, values,
                                     sizes, self->formats, self->result_format);
}

/* Send the values that Python wrote. */
static int
send_written(const StraightCall *self, PGconn *conn, PyObject *written)
{
    const char *values[MOST_VALUES];
    int sizes[MOST_VALUES];
    if (!PyTuple_CheckExact(written) || PyTuple_GET_SIZE(written) != self->count)
        return 0;
    for (int number = 0; number < self->count; number++) {
        PyObject *value = PyTuple_GET_ITEM(written, number);
        if (value != Py_None && (!PyBytes_CheckExact(value) || PyBytes_GET_SIZE(value) > MOST_BYTES))
            return 0;
        values[number] = value == Py_None ? NULL : PyBytes_AS_STRING(value);
        sizes[number] = value == Py_None ? 0 : (int)PyBytes_GET_SIZE(value);
    }
    return send_values(self, conn, values, sizes);
}

/* Send values that stand in memory, each after its length. */
static int
send_buffer(const StraightCall *self, PGconn *conn, const Buffer *buffer)
{
    const char *values[MOST_VALUES];
    int sizes[MOST_VALUES];
    if (buffer->size > MOST_BYTES)
        return 0;
    const unsigned char *at = buffer->start;
    for (int number = 0; number < self->count; number++)
        at = value_at(at, &values[number], &sizes[number]);
    return send_values(self, conn, values, sizes);
}

/* Write the values of a call and send them: 1 then, 0 where Python has to, -1 with an error. */
static int
write_and_send(const StraightCall *self, PGconn *conn, PyObject *given)
{
    int sent = 0;
    if (self->writer != NULL) {
        unsigned char room[FEW_BYTES];
        Buffer buffer = {room, 0, sizeof room, 1};
        if (write_values(&buffer, self->writer, given, self->given) == 0)
            sent = send_buffer(self, conn, &buffer);
        if (!buffer.is_lent)
            PyMem_Free(buffer.start);
    }
    else {
        PyObject *written = PyObject_CallOneArg(self->bound, given);
        if (written != NULL)
            sent = send_written(self, conn, written);
        Py_XDECREF(written);
    }
    if (PyErr_Occurred()) {
        /* whatever it is, Python tells it by the parameter's name */
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear();
        return 0;
    }
    return sent;
}

/* Whether each statement is committed by itself; -1 with an error. */
static int
commits_each(PyObject *connection)
{
    /* the property would run Python's code */
    PyObject *autocommit = PyObject_GetAttr(connection, name_own_autocommit);
    if (autocommit == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        autocommit = PyObject_GetAttr(connection, name_autocommit);
    }
    Py_XDECREF(autocommit);
    return autocommit == NULL ? -1 : autocommit == Py_True;
}

/* Send the rest of what was sent. So little always goes at once, but for a network that stands
   still; what is wrong is found again where the answer is read. -1 with an error. */
static int
send_rest(PyObject *pgconn, PGconn **conn)
{
    while (libpq.flush(*conn) == 1) {
        struct pollfd watched = {.fd = libpq.socket(*conn), .events = POLLIN | POLLOUT};
        Py_BEGIN_ALLOW_THREADS
        poll(&watched, 1, -1);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0)
            return -1;
        *conn = address(pgconn, name_pgconn_ptr);
        if (*conn == NULL)
            return PyErr_Occurred() ? -1 : 0;
        /* the server may be waiting for somebody to read */
        if (watched.revents & POLLIN && !libpq.consume_input(*conn))
            return 0;
    }
    return 0;
}

static unsigned long long uses;

/* Give the next number of a use, of a statement that Python sends. */
static PyObject *
next_use(PyObject *module, PyObject *nothing)
{
    return PyLong_FromUnsignedLongLong(++uses);
}

static void
clear_answer(Answer *self)
{
    Py_CLEAR(self->call);
    Py_CLEAR(self->pgconn);
    Py_CLEAR(self->last);
    Py_CLEAR(self->rows);
    Py_CLEAR(self->unread);
}

/* Make an object of an answer, or clear it. */
static PyObject *
hand_out(Answer *answer)
{
    Answer *object = PyObject_New(Answer, answer_type);
    if (object == NULL) {
        clear_answer(answer);
        return NULL;
    }
    size_t head = offsetof(Answer, call);
    memcpy((char *)object + head, (char *)answer + head, sizeof(Answer) - head);
    return (PyObject *)object;
}

/* Send a call: 1 then, 0 if nothing was sent, as this call needs more than itself, -1 with an error.
   Whoever sends has the connection for itself. */
static int
send_call(StraightCall *self, PyObject *const *arguments, Py_ssize_t count, Answer *answer,
          PGconn **found)
{
    if (count != 4) {
        refuse("send or call(connection, pgconn, values, portions)");
        return -1;
    }
    PGconn *conn = *found = address(arguments[1], name_pgconn_ptr);
    if (conn == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int status = libpq.transaction_status(conn);
    if (libpq.pipeline_status(conn) != 0 ||
        (status != IDLE && status != IN_TRANSACTION && status != IN_ERROR))
        return 0;
    if (status == IDLE) {
        int is_whole = commits_each(arguments[0]);
        if (is_whole < 0)
            return -1;
        if (!is_whole || (self->may_write && !self->is_held))
            return 0;
    }
    if (!are_set(self, conn))
        return 0;
    int sent = write_and_send(self, conn, arguments[2]);
    if (sent <= 0)
        return sent;
    self->used = ++uses;
    ((unsigned long long *)self->counted.buf)[self->name == Py_None]++;
    if (arguments[3] == Py_True && libpq.set_chunked_rows_mode != NULL)
        libpq.set_chunked_rows_mode(conn, self->portion);
    answer->call = (StraightCall *)Py_NewRef(self);
    answer->pgconn = Py_NewRef(arguments[1]);
    answer->last = Py_NewRef(Py_None);
    answer->rows = NULL;
    answer->unread = NULL;
    answer->is_whole = answer->is_good = 0;
    answer->was_outside = status == IDLE;
    if (send_rest(arguments[1], found) < 0) {
        clear_answer(answer);
        return -1;
    }
    return 1;
}

static int read_answer(Answer *self, PGconn *conn, int waits);

/* send(connection, pgconn, values, portions): what comes of the call, or None if nothing was
   sent. */
static PyObject *
StraightCall_send(StraightCall *self, PyObject *const *arguments, Py_ssize_t count)
{
    Answer answer;
    PGconn *conn;
    int sent = send_call(self, arguments, count, &answer, &conn);
    if (sent < 0)
        return NULL;
    return sent ? hand_out(&answer) : Py_NewRef(Py_None);
}

/* call(connection, pgconn, values, portions): the same, and waits for the answer; where all of it is
   rows that were read, it gives them alone. `portions` is None where no rows are wanted. */
static PyObject *
StraightCall_call(StraightCall *self, PyObject *const *arguments, Py_ssize_t count)
{
    Answer answer;
    PGconn *conn;
    int sent = send_call(self, arguments, count, &answer, &conn);
    if (sent < 0)
        return NULL;
    if (sent == 0)
        Py_RETURN_NONE;
    if (conn != NULL && read_answer(&answer, conn, 1) < 0) {
        clear_answer(&answer);
        return NULL;
    }
    if (arguments[3] == Py_None || !answer.is_whole || !answer.is_good || answer.unread != NULL)
        return hand_out(&answer);
    PyObject *rows = answer.rows == NULL ? PyList_New(0) : Py_NewRef(answer.rows);
    clear_answer(&answer);
    return rows;
}

static void
StraightCall_dealloc(StraightCall *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->writer);
    Py_CLEAR(self->bound);
    Py_CLEAR(self->name);
    Py_CLEAR(self->text);
    Py_CLEAR(self->settings);
    PyBuffer_Release(&self->counted);
    Py_CLEAR(self->columns);
    Py_CLEAR(self->reader);
    type->tp_free(self);
    Py_DECREF(type);
}

static int
StraightCall_traverse(StraightCall *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->writer);
    Py_VISIT(self->bound);
    Py_VISIT(self->reader);
    return 0;
}

static int
StraightCall_clear(StraightCall *self)
{
    Py_CLEAR(self->writer);
    Py_CLEAR(self->bound);
    Py_CLEAR(self->reader);
    return 0;
}

static PyTypeObject *row_reader_type, *set_writer_type;

/* Keep the settings where C reads them; the tuple has their memory. */
static int
keep_settings(StraightCall *self, PyObject *settings)
{
    if (PyTuple_GET_SIZE(settings) > MOST_SETTINGS) {
        refuse("too many settings");
        return -1;
    }
    for (Py_ssize_t each = 0; each < PyTuple_GET_SIZE(settings); each++) {
        PyObject *name, *value;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(settings, each), "SO", &name, &value))
            return -1;
        if (value != Py_None && !PyBytes_Check(value)) {
            refuse("a setting that is no bytes");
            return -1;
        }
        self->set[each].name = PyBytes_AS_STRING(name);
        self->set[each].value = value == Py_None ? NULL : PyBytes_AS_STRING(value);
    }
    self->settings = Py_NewRef(settings);
    return 0;
}

static PyObject *
StraightCall_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"writer",  "given",   "bound",         "name",    "text",
                            "types",   "formats", "reader",        "columns", "result_format",
                            "is_held", "may_write", "portion",     "settings", "counted", NULL};
    PyObject *writer, *bound, *name, *text, *types, *formats, *reader, *columns, *settings,
        *counted;
    Py_ssize_t given;
    int result_format, is_held, may_write, portion;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "OnOOSO!O!OO!ippiO!O", names, &writer, &given, &bound, &name,
            &text, &PyTuple_Type, &types, &PyTuple_Type, &formats, &reader, &PyTuple_Type,
            &columns, &result_format, &is_held, &may_write, &portion, &PyTuple_Type, &settings,
            &counted))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(types);
    if (count > MOST_VALUES || PyTuple_GET_SIZE(formats) != count)
        return refuse("too many values, or not a format for each");
    if ((name != Py_None && !PyBytes_Check(name)) ||
        (reader != Py_None && !Py_IS_TYPE(reader, row_reader_type)))
        return refuse("a name in bytes, and a reader of rows");
    if (writer != Py_None &&
        (!Py_IS_TYPE(writer, set_writer_type) || Py_SIZE(writer) != count || given < count))
        return refuse("a writer of as many values");
    StraightCall *self = (StraightCall *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    if (PyObject_GetBuffer(counted, &self->counted, PyBUF_WRITABLE) < 0 ||
        keep_settings(self, settings) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (self->counted.len != 2 * sizeof(unsigned long long)) {
        Py_DECREF(self);
        return refuse("two numbers to count with");
    }
    self->writer = writer == Py_None ? NULL : (SetWriter *)Py_NewRef(writer);
    self->given = given;
    self->bound = Py_NewRef(bound);
    self->name = Py_NewRef(name);
    self->text = Py_NewRef(text);
    self->columns = Py_NewRef(columns);
    self->reader = reader == Py_None ? NULL : (RowReader *)Py_NewRef(reader);
    self->is_held = is_held;
    self->may_write = may_write;
    self->result_format = result_format;
    self->portion = portion;
    self->count = (int)count;
    for (Py_ssize_t number = 0; number < count; number++) {
        self->types[number] = (unsigned int)PyLong_AsUnsignedLong(PyTuple_GET_ITEM(types, number));
        self->formats[number] = (int)PyLong_AsLong(PyTuple_GET_ITEM(formats, number));
    }
    if (PyErr_Occurred())
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyMemberDef StraightCall_members[] = {
    {"used", T_ULONGLONG, offsetof(StraightCall, used), READONLY, NULL},
    {NULL},
};

static PyMethodDef StraightCall_methods[] = {
    {"send", (PyCFunction)(void (*)(void))StraightCall_send, METH_FASTCALL, NULL},
    {"call", (PyCFunction)(void (*)(void))StraightCall_call, METH_FASTCALL, NULL},
    {NULL},
};

static PyType_Slot StraightCall_slots[] = {
    {Py_tp_new, StraightCall_new},           {Py_tp_dealloc, StraightCall_dealloc},
    {Py_tp_traverse, StraightCall_traverse}, {Py_tp_clear, StraightCall_clear},
    {Py_tp_methods, StraightCall_methods},   {Py_tp_members, StraightCall_members},
    {0, NULL},
};

static PyType_Spec StraightCall_spec = {
    .name = "dbkit.runtime._compiled.StraightCall",
    .basicsize = sizeof(StraightCall),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = StraightCall_slots,
};

/* Wait until something has come and was read: 1 then, 0 where the driver has to tell what is
   wrong, and -1 with an error. Another thread may close the connection meanwhile. */
static int
wait_for_more(Answer *self, PGconn **conn)
{
    struct pollfd watched = {.fd = libpq.socket(*conn), .events = POLLIN};
    int came = 0;
    while (came <= 0) {
        if (watched.fd < 0)
            return 0;
        Py_BEGIN_ALLOW_THREADS
        came = poll(&watched, 1, -1);
        Py_END_ALLOW_THREADS
        /* a signal's handler may raise, also that of one that came just before */
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
    *conn = address(self->pgconn, name_pgconn_ptr);
    if (*conn == NULL)
        return PyErr_Occurred() ? -1 : 0;
    return libpq.consume_input(*conn);
}

static int
hand_on_notifies(PyObject *pgconn)
{
    for (;;) {
        PyObject *notify = PyObject_CallMethodNoArgs(pgconn, name_notifies);
        if (notify == NULL || notify == Py_None) {
            Py_XDECREF(notify);
            return notify == NULL ? -1 : 0;
        }
        PyObject *handler = PyObject_GetAttr(pgconn, name_notify_handler);
        PyObject *done = handler == NULL      ? NULL
                         : handler == Py_None ? Py_NewRef(Py_None)
                                              : PyObject_CallOneArg(handler, notify);
        Py_XDECREF(handler);
        Py_DECREF(notify);
        if (done == NULL)
            return -1;
        Py_DECREF(done);
    }
}

/* Read the rows of a result: 1 then, 0 where Python has to, -1 with an error. */
static int
read_result(Answer *self, const PGresult *result)
{
    StraightCall *call = self->call;
    int count = libpq.ntuples(result);
    if (call->reader == NULL || call->reader->calls_out || self->unread != NULL ||
        count > call->portion)
        return 0;
    int fits = call->is_held ? libpq.nfields(result) == Py_SIZE(call->reader)
                             : matches(result, call->columns);
    if (fits <= 0)
        return fits;
    int was_enabled = count > FEW_ROWS && PyGC_Disable();
    PyObject *rows = read_rows(call->reader, result, 0, count);
    if (was_enabled)
        PyGC_Enable();
    if (rows == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear();
        return 0;
    }
    if (self->rows == NULL) {
        self->rows = rows;
        return 1;
    }
    Py_ssize_t end = PyList_GET_SIZE(self->rows);
    int done = PyList_SetSlice(self->rows, end, end, rows);
    Py_DECREF(rows);
    return done < 0 ? -1 : 1;
}

/* Take a result: its rows are read, or it is kept for whoever reads them. */
static int
take_result(Answer *self, PyObject *result)
{
    const PGresult *at = address(result, name_pgresult_ptr);
    if (at == NULL) {
        if (!PyErr_Occurred())
            refuse("a result that is gone");
        return -1;
    }
    int status = libpq.status(at);
    int is_bad = status == BAD_RESPONSE || status == FATAL_ERROR || status == PIPELINE_ABORTED;
    int is_first = self->last == Py_None;
    /* after an error, another tells less */
    if (is_first || self->is_good) {
        Py_SETREF(self->last, Py_NewRef(result));
        self->is_good = !is_bad;
    }
    if (is_bad || libpq.ntuples(at) == 0)
        return 0;
    int read = read_result(self, at);
    if (read != 0)
        return read < 0 ? -1 : 0;
    if (self->unread == NULL && (self->unread = PyList_New(0)) == NULL)
        return -1;
    return PyList_Append(self->unread, result);
}

/* Read what has come: 1 when that is all, 0 when it is not, -1 with an error. */
static int
read_answer(Answer *self, PGconn *conn, int waits)
{
    for (;;) {
        if (libpq.is_busy(conn)) {
            int came = waits ? wait_for_more(self, &conn) : 0;
            if (came <= 0)
                return came;
            continue;
        }
        PyObject *result = PyObject_CallMethodNoArgs(self->pgconn, name_get_result);
        if (result == NULL)
            return -1;
        int is_end = result == Py_None;
        int done = is_end ? hand_on_notifies(self->pgconn) : take_result(self, result);
        Py_DECREF(result);
        if (done < 0)
            return -1;
        if (is_end)
            break;
        /* Python's code may have run */
        conn = address(self->pgconn, name_pgconn_ptr);
        if (conn == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetString(lost_error, "the connection is closed");
            return -1;
        }
    }
    if (self->last == Py_None) {
        PyErr_SetString(lost_error, "the connection is lost");
        return -1;
    }
    if (self->is_good && !self->call->is_held) {
        const PGresult *last = address(self->last, name_pgresult_ptr);
        int found = last == NULL ? -1 : matches(last, self->call->columns);
        if (found < 0)
            return -1;
        self->is_good = (char)found;
    }
    self->is_whole = 1;
    return 1;
}

/* read(waits): whether all has come. If it waits and gives False, the driver has to tell what is
   wrong. */
static PyObject *
Answer_read(Answer *self, PyObject *waits)
{
    PGconn *conn = address(self->pgconn, name_pgconn_ptr);
    if (conn == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(lost_error, "the connection is closed");
        return NULL;
    }
    int all = read_answer(self, conn, waits == Py_True);
    return all < 0 ? NULL : PyBool_FromLong(all);
}

/* The rows that were read. */
static PyObject *
Answer_rows(Answer *self, void *closure)
{
    if (self->rows == NULL && (self->rows = PyList_New(0)) == NULL)
        return NULL;
    return Py_NewRef(self->rows);
}

static PyGetSetDef Answer_attributes[] = {
    {"rows", (getter)Answer_rows, NULL, NULL, NULL},
    {NULL},
};

static void
Answer_dealloc(Answer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    clear_answer(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef Answer_methods[] = {
    {"read", (PyCFunction)Answer_read, METH_O, NULL},
    {NULL},
};

static PyMemberDef Answer_members[] = {
    {"last", T_OBJECT, offsetof(Answer, last), READONLY, NULL},
    {"unread", T_OBJECT, offsetof(Answer, unread), READONLY, NULL},
    {"is_whole", T_BOOL, offsetof(Answer, is_whole), READONLY, NULL},
    {"is_good", T_BOOL, offsetof(Answer, is_good), READONLY, NULL},
    {"was_outside", T_BOOL, offsetof(Answer, was_outside), READONLY, NULL},
    {NULL},
};

static PyType_Slot Answer_slots[] = {
    {Py_tp_dealloc, Answer_dealloc},
    {Py_tp_methods, Answer_methods},
    {Py_tp_members, Answer_members},
    {Py_tp_getset, Answer_attributes},
    {0, NULL},
};

static PyType_Spec Answer_spec = {
    .name = "dbkit.runtime._compiled.Answer",
    .basicsize = sizeof(Answer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = Answer_slots,
};

/* ---------------------------------------------------------------------------------- module */

/* send_sets(pgconn, written, result format): send each set of values that a writer wrote
   to the statement without a name, in a pipeline; how many were sent, and whether one was not. */
static PyObject *
send_sets(PyObject *module, PyObject *arguments)
{
    PyObject *pgconn, *written;
    int result_format;
    if (!PyArg_ParseTuple(arguments, "OO!i", &pgconn, &PyByteArray_Type, &written, &result_format))
        return NULL;
    PGconn *conn = address(pgconn, name_pgconn_ptr);
    if (conn == NULL)
        return PyErr_Occurred() ? NULL : refuse("a connection that is closed");
    const unsigned char *at = (const unsigned char *)PyByteArray_AS_STRING(written);
    const unsigned char *end = at + PyByteArray_GET_SIZE(written);
    /* all sets have as many values */
    int count = end - at < 2 ? 0 : get16(at);
    size_t room = count > 0 ? (size_t)count : 1;
    const char **values = PyMem_New(const char *, room);
    int *sizes = PyMem_New(int, room), *formats = PyMem_New(int, room);
    long sent = 0;
    if (values == NULL || sizes == NULL || formats == NULL)
        PyErr_NoMemory();
    else {
        for (int number = 0; number < count; number++)
            formats[number] = 1;
        for (; at < end; sent++) {
            const unsigned char *next = at + 2;
            for (int number = 0; number < count; number++)
                next = value_at(next, &values[number], &sizes[number]);
            if (!libpq.send_query_prepared(conn, "", count, values, sizes, formats, result_format))
                break;
            at = next;
        }
    }
    PyMem_Free(values);
    PyMem_Free(sizes);
    PyMem_Free(formats);
    return PyErr_Occurred() ? NULL : Py_BuildValue("lN", sent, PyBool_FromLong(at < end));
}

static PyMethodDef functions[] = {
    {"link", link_libpq, METH_VARARGS, NULL},
    {"next_use", next_use, METH_NOARGS, NULL},
    {"send_sets", send_sets, METH_VARARGS, NULL},
    {"has_columns", (PyCFunction)(void (*)(void))has_columns, METH_FASTCALL, NULL},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "dbkit.runtime._compiled",
    .m_size = -1,
    .m_methods = functions,
};

/* Take what is needed of `uuid`, whose objects are made and read here without its own code. */
static int
learn_uuids(void)
{
    PyObject *module = PyImport_ImportModule("uuid");
    if (module == NULL)
        return -1;
    PyObject *type = PyObject_GetAttrString(module, "UUID");
    PyObject *safety = PyObject_GetAttrString(module, "SafeUUID");
    Py_DECREF(module);
    PyObject *number = PyUnicode_InternFromString("int");
    PyObject *is_safe = PyUnicode_InternFromString("is_safe");
    int done = -1;
    if (type != NULL && safety != NULL && number != NULL && is_safe != NULL &&
        PyType_Check(type) && ((PyTypeObject *)type)->tp_alloc == PyType_GenericAlloc) {
        uuids.type = (PyTypeObject *)Py_NewRef(type);
        uuids.is_safe = PyObject_GetAttrString(safety, "unknown");
        uuids.number_at = slot_at(type, number);
        uuids.is_safe_at = uuids.number_at < 0 ? -1 : slot_at(type, is_safe);
        done = uuids.is_safe != NULL && uuids.is_safe_at >= 0 ? 0 : -1;
    }
    if (done < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ImportError, "uuid.UUID is not made as it is known here");
    Py_XDECREF(type);
    Py_XDECREF(safety);
    Py_XDECREF(number);
    Py_XDECREF(is_safe);
    return done;
}

PyMODINIT_FUNC
PyInit__compiled(void)
{
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL || learn_uuids() < 0)
        return NULL;
    const struct {
        PyObject **at;
        const char *text;
    } names[] = {
        {&name_pgconn_ptr, "pgconn_ptr"},
        {&name_pgresult_ptr, "pgresult_ptr"},
        {&name_get_result, "get_result"},
        {&name_notifies, "notifies"},
        {&name_notify_handler, "notify_handler"},
        {&name_autocommit, "autocommit"},
        {&name_own_autocommit, "_autocommit"},
        {&name_fromutc, "fromutc"},
        {&name_utcoffset, "utcoffset"},
    };
    for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
        *names[each].at = PyUnicode_InternFromString(names[each].text);
        if (*names[each].at == NULL)
            return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
    PyObject *row_reader = PyType_FromSpec(&RowReader_spec);
    PyObject *call = PyType_FromSpec(&StraightCall_spec);
    PyObject *answer = PyType_FromSpec(&Answer_spec);
    PyObject *set_writer = PyType_FromSpec(&SetWriter_spec);
    if (row_reader == NULL || call == NULL || answer == NULL || set_writer == NULL ||
        PyModule_AddObjectRef(module, "RowReader", row_reader) < 0 ||
        PyModule_AddObjectRef(module, "StraightCall", call) < 0 ||
        PyModule_AddObjectRef(module, "SetWriter", set_writer) < 0 ||
        PyModule_AddIntMacro(module, MOST_VALUES) < 0)
        Py_CLEAR(module);
    Py_XDECREF(call);
    /* kept for as long as the process lives */
    row_reader_type = (PyTypeObject *)row_reader;
    answer_type = (PyTypeObject *)answer;
    set_writer_type = (PyTypeObject *)set_writer;
    return module;
}
