/*
 * A client of the coordinator's program protocol (docs/programs.md) in one file of C: linear regression by stochastic gradient descent.
 *
 *   gcc -O2 -ffp-contract=off -o linear linear.c -lm
 *   coordinator train --program linear --steps 100
 *
 * The state is the weights and the bias. Sample i is drawn from its number, so that there are no data to bring anywhere.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUTS = 16, PARAMETERS = INPUTS + 1, SAMPLES = 4096, STATE_BYTES = 128, MODEL_BYTES = 4 * PARAMETERS };
enum { DESCRIBE = 1, MEMORY = 2, READY = 3, COMPUTE = 10, COMPUTED = 11, CANCEL = 12, DROPPED = 13, APPLY = 20, APPLIED = 21, END = 50 };

struct memory { uint64_t total, gradient, indices, spare; };
struct compute { int64_t step, first; uint64_t key; uint32_t shard, flags, count, spare; };
struct apply { int64_t step; double squares; int64_t targets; uint32_t flags, spare; };

static int worker;

/* The end of the connection is the end of this process: nobody else has a use for what it computes. */
static void receive(void *to, size_t bytes)
{
    for (char *at = to; bytes > 0;) {
        ssize_t count = read(worker, at, bytes);
        if (count <= 0)
            exit(0);
        at += count;
        bytes -= (size_t)count;
    }
}

static void answer(uint32_t kind, const void *body, uint32_t bytes)
{
    char message[8 + 4096];
    memcpy(message, &bytes, 4);
    memcpy(message + 4, &kind, 4);
    if (bytes > 0)
        memcpy(message + 8, body, bytes);
    for (uint32_t sent = 0; sent < bytes + 8;) {
        ssize_t count = write(worker, message + sent, bytes + 8 - sent);
        if (count <= 0)
            exit(0);
        sent += (uint32_t)count;
    }
}

static void join(void)
{
    const char *path = getenv("COORDINATOR_PROGRAM_SOCKET"), *key = getenv("COORDINATOR_PROGRAM_KEY");
    if (!path || !key) {
        fprintf(stderr, "start this with: coordinator train --program linear\n");
        exit(2);
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    worker = socket(AF_UNIX, SOCK_STREAM, 0);
    if (worker < 0 || connect(worker, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(path);
        exit(1);
    }
    char text[1024];
    int length = snprintf(text, sizeof text,
        "{\"version\":1,\"key\":\"%s\",\"client\":\"linear.c\",\"device_class\":\"linear-1\",\"samples\":%d,\"gradient_elements\":%d,"
        "\"state_bytes\":%d,\"model_bytes\":%d,\"tensors\":["
        "{\"name\":\"weight\",\"dtype\":\"F32\",\"shape\":[1,%d],\"offset\":0,\"model\":true},"
        "{\"name\":\"bias\",\"dtype\":\"F32\",\"shape\":[1],\"offset\":%d,\"model\":true}]}",
        key, SAMPLES, PARAMETERS, STATE_BYTES, MODEL_BYTES, INPUTS, 4 * INPUTS);
    answer(DESCRIBE, text, (uint32_t)length);
}

/* The memory comes as an open file beside its message. */
static char *take_memory(struct memory *places)
{
    char bytes[8 + sizeof *places], control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = {bytes, sizeof bytes};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(worker, &header, 0);
    struct cmsghdr *file = count > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (!file)
        exit(0);
    receive(bytes + count, sizeof bytes - (size_t)count);
    memcpy(places, bytes + 8, sizeof *places);
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(file), sizeof descriptor);
    char *memory = mmap(NULL, places->total, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory == MAP_FAILED)
        exit(1);
    return memory;
}

/* Numbers between -1 and 1 that follow from a key alone (SplitMix64's finalizer). */
static float number(uint64_t key)
{
    key += 0x9E3779B97F4A7C15u;
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
    key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
    return (float)((double)((key ^ (key >> 31)) >> 40) / (1 << 23) - 1.0);
}

/* The sum of (w . x + b - y)^2 over the samples, and its gradient. */
static double gradient(const float *state, float *sum, const int64_t *indices, uint32_t count)
{
    double loss = 0;
    memset(sum, 0, MODEL_BYTES);
    for (uint32_t s = 0; s < count; s++) {
        float x[INPUTS], truth = 0.5f, guess = state[INPUTS];
        for (int i = 0; i < INPUTS; i++) {
            x[i] = number((uint64_t)indices[s] * INPUTS + (uint64_t)i);
            truth += number(0xFFFFFFFF00000000u + (uint64_t)i) * x[i];
            guess += state[i] * x[i];
        }
        float error = guess - truth;
        loss += (double)error * error;
        for (int i = 0; i < INPUTS; i++)
            sum[i] += 2 * error * x[i];
        sum[INPUTS] += 2 * error;
    }
    return loss;
}

int main(void)
{
    join();
    struct memory places;
    char *memory = take_memory(&places);
    float *state = (float *)memory, *sum = (float *)(memory + places.gradient);
    const int64_t *indices = (const int64_t *)(memory + places.indices);
    answer(READY, NULL, 0);
    for (;;) {
        uint32_t head[2];
        receive(head, sizeof head);
        if (head[1] == COMPUTE) {
            struct compute order;
            receive(&order, sizeof order);
            struct { double loss; int64_t targets; } result = {gradient(state, sum, indices, order.count), order.count};
            answer(COMPUTED, &result, sizeof result);
        } else if (head[1] == APPLY) {
            struct apply order;
            receive(&order, sizeof order);
            float scale = order.targets ? (float)(0.1 / (double)order.targets) : 0;
            for (int i = 0; i < PARAMETERS; i++)
                state[i] -= scale * sum[i];
            double norm = order.targets ? sqrt(order.squares) / (double)order.targets : 0;
            answer(APPLIED, &norm, sizeof norm);
        } else if (head[1] == END) {
            return 0;
        } else if (head[1] != CANCEL) {
            fprintf(stderr, "the worker sent message %u, which this client does not know\n", head[1]);
            return 1;
        }
    }
}
