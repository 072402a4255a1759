/* Run the statements of bench/calls.py through libpq alone, and decode nothing: the floor.

   Usage: libpq URL. It prints the process id of its backend, and then answers each line
   "find COUNT" or "list COUNT NUMBER" on its standard input with the nanoseconds of CPU
   and of the clock that the calls took. */
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS "id, tenant_id, workflow_id, status, payload, note, created_at, finished_at"
#define MOST_KEYS 1000
#define UUID_BYTES 16
#define UUID_OID 2950
#define INT4_OID 23

static PGconn *connection;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
    exit(1);
}

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void prepare(const char *name, const char *text, Oid type)
{
    PGresult *result = PQprepare(connection, name, text, 1, &type);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("prepare");
    PQclear(result);
}

static int64_t call(const char *name, const char *value, int length)
{
    int format = 1;
    int64_t bytes = 0;
    PGresult *result = PQexecPrepared(connection, name, 1, &value, &length, &format, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail(name);
    for (int row = 0, rows = PQntuples(result); row < rows; row++)
        for (int column = 0, columns = PQnfields(result); column < columns; column++)
            bytes += PQgetlength(result, row, column);
    PQclear(result);
    return bytes;
}

int main(int argc, char **argv)
{
    char line[100], keys[MOST_KEYS][UUID_BYTES];
    if (argc != 2)
        return 2;
    connection = PQconnectdb(argv[1]);
    if (PQstatus(connection) != CONNECTION_OK)
        fail("connect");
    prepare("find", "select " COLUMNS " from runs where id = $1", UUID_OID);
    prepare("list", "select " COLUMNS " from runs where seq <= $1", INT4_OID);
    PGresult *found = PQexecParams(
        connection, "select id from runs where seq <= 1000", 0, NULL, NULL, NULL, NULL, 1);
    int number_of_keys = PQntuples(found);
    if (number_of_keys == 0)
        fail("keys");
    for (int row = 0; row < number_of_keys; row++)
        memcpy(keys[row], PQgetvalue(found, row, 0), UUID_BYTES);
    PQclear(found);
    printf("%d\n", PQbackendPID(connection));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        char what[10];
        int count, number = 0;
        if (sscanf(line, "%9s %d %d", what, &count, &number) < 2)
            return 2;
        unsigned char wanted[4] = {number >> 24, number >> 16, number >> 8, number};
        int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC), bytes = 0;
        for (int done = 0; done < count; done++)
            bytes += strcmp(what, "find") == 0
                ? call("find", keys[done % number_of_keys], UUID_BYTES)
                : call("list", (const char *)wanted, sizeof wanted);
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = now(CLOCK_MONOTONIC) - wall;
        printf("%lld %lld %lld\n", (long long)cpu, (long long)wall, (long long)bytes);
        fflush(stdout);
    }
    PQfinish(connection);
    return 0;
}
