// A program in C that is one of a gang: rank 0 listens on MASTER_PORT, every step all ranks add a number and get the sum, and each tenth step rank 0 saves.
// It knows nothing of the coordinator but the line that tells its step. cc -O1 -o ring ring.c
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int rank, world;
static int peers[1024];

static void fail(const char *what) { perror(what); exit(3); }

static int number(const char *name) { const char *text = getenv(name); return text ? atoi(text) : 0; }

static void all(int fd, void *data, size_t size, int out)
{
    for (char *at = data; size > 0;)
    {
        ssize_t count = out ? send(fd, at, size, MSG_NOSIGNAL) : recv(fd, at, size, 0);
        if (count <= 0) { fprintf(stderr, "rank %d: Connection closed by peer\n", rank); exit(4); }
        at += count; size -= (size_t)count;
    }
}

static void join(void)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
    if (getaddrinfo(getenv("MASTER_ADDR"), getenv("MASTER_PORT"), &hints, &found)) fail("MASTER_ADDR");
    int one = 1;
    if (rank == 0)
    {
        int door = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(door, found->ai_addr, found->ai_addrlen)) fail("bind");
        if (listen(door, 1024)) fail("listen");
        for (int i = 1; i < world; i++)
        {
            int fd = accept(door, NULL, NULL), who;
            if (fd < 0) fail("accept");
            all(fd, &who, sizeof who, 0);
            peers[who] = fd;
        }
        close(door);
        return;
    }
    for (int tries = 0; ; tries++)
    {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (!connect(fd, found->ai_addr, found->ai_addrlen)) { peers[0] = fd; break; }
        close(fd);
        if (tries == 600) fail("connect");
        usleep(50000);
    }
    all(peers[0], &rank, sizeof rank, 1);
}

static int64_t sum(int64_t mine)
{
    if (rank != 0) { all(peers[0], &mine, sizeof mine, 1); all(peers[0], &mine, sizeof mine, 0); return mine; }
    for (int i = 1; i < world; i++) { int64_t theirs; all(peers[i], &theirs, sizeof theirs, 0); mine += theirs; }
    for (int i = 1; i < world; i++) all(peers[i], &mine, sizeof mine, 1);
    return mine;
}

/* Without a step: that it runs. */
static void note(int64_t step)
{
    static FILE *record;
    char name[64];
    snprintf(name, sizeof name, "record-%d-%d", rank, getpid());
    if (!record && !(record = fopen(name, "a"))) fail(name);
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    const char *generation = getenv("COORDINATOR_GENERATION");
    if (!generation) generation = getenv("TORCHELASTIC_RESTART_COUNT");
    fprintf(record, "%s %.3f", generation, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    fprintf(record, step > 0 ? " %lld\n" : "\n", (long long)step);
    fflush(record);
}

static void save(const char *name, int64_t step, int64_t state)
{
    char part[64];
    snprintf(part, sizeof part, "%s.new", name);
    FILE *file = fopen(part, "w");
    if (!file || fprintf(file, "%lld %lld\n", (long long)step, (long long)state) < 0 || fclose(file) || rename(part, name)) fail(name);
}

int main(void)
{
    rank = number("RANK"); world = number("WORLD_SIZE");
    int64_t steps = number("GANG_STEPS"), step = 0, state = 0;
    if (chdir(getenv("GANG_FOLDER"))) fail("GANG_FOLDER");
    note(0);
    join();
    FILE *saved = rank == 0 ? fopen("saved", "r") : NULL;
    if (saved) { long long s, v; if (fscanf(saved, "%lld %lld", &s, &v) == 2) { step = s; state = v; } fclose(saved); }
    step = sum(rank == 0 ? step : 0);
    state = sum(rank == 0 ? state : 0);
    while (step < steps)
    {
        step++;
        state = (int64_t)((uint64_t)state * 31u + (uint64_t)sum((rank + 1) * step));
        if (rank == 0 && (step % 10 == 0 || step == steps)) save("saved", step, state);
        note(step);
        if (rank == 0) { printf("COORDINATOR_STEP=%lld\n", (long long)step); fflush(stdout); }
        usleep(100000);
    }
    char name[64];
    snprintf(name, sizeof name, "result-%d", rank);
    save(name, step, state);
    return 0;
}
