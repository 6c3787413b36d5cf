/* Stands in for libnvidia-ml.so.1 in tests: the calls that the worker makes, by the signatures of nvml.h, and one device that it invents. */
#include <stddef.h>
#include <string.h>

#ifndef DRIVER
#define DRIVER 570.86.15
#endif
#define TEXT(name) TEXT_OF(name)
#define TEXT_OF(name) #name

typedef struct { int unused; } device_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct {
    unsigned int fieldId, scopeId;
    long long timestamp, latencyUsec;
    int valueType, nvmlReturn;
    union { double d; unsigned int ui; unsigned long long ull; } value;
} field_value_t;
typedef struct {
    device_t *device;
    unsigned long long eventType, eventData;
    unsigned int gpuInstanceId, computeInstanceId;
} event_data_t;

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMEOUT = 10 };

static device_t device;
static int set;
static int initialised;
static int registered;
static int events;

int nvmlInit_v2(void) { initialised = 1; return SUCCESS; }
int nvmlShutdown(void) { initialised = 0; return SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    if (!initialised || length < 10) return INVALID_ARGUMENT;
    strcpy(version, TEXT(DRIVER));
    return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *busId, device_t **found) {
    if (!initialised || strcmp(busId, "00000000:3B:00.0") != 0) return NOT_FOUND;
    *found = &device;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(device_t *of, int sensor, unsigned int *celsius) {
    if (of != &device || sensor != 0) return INVALID_ARGUMENT;
    *celsius = 63;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(device_t *of, unsigned int *milliwatts) {
    if (of != &device) return INVALID_ARGUMENT;
    *milliwatts = 412500;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(device_t *of, memory_t *memory) {
    if (of != &device) return INVALID_ARGUMENT;
    memory->total = 85899345920ULL;
    memory->used = 1073741824ULL;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(device_t *of, int errorType, int counterType, unsigned long long *count) {
    if (of != &device || errorType != 1 || counterType != 0) return INVALID_ARGUMENT;
    *count = 5000000002ULL;
    return SUCCESS;
}

int nvmlDeviceGetFieldValues(device_t *of, int count, field_value_t *values) {
    if (of != &device || count != 1) return INVALID_ARGUMENT;
    values[0].nvmlReturn = values[0].fieldId == 230 && values[0].scopeId == 0 ? SUCCESS : NOT_SUPPORTED;
    values[0].timestamp = -1;
    values[0].latencyUsec = -1;
    values[0].valueType = 1;
    values[0].value.ull = 0xFFFFFFFF00000004ULL; /* only the lower half is the value */
    return SUCCESS;
}

int nvmlEventSetCreate(int **made) { *made = &set; return SUCCESS; }
int nvmlEventSetFree(int *freed) { return freed == &set ? SUCCESS : INVALID_ARGUMENT; }

int nvmlDeviceRegisterEvents(device_t *of, unsigned long long types, int *into) {
    if (of != &device || types != 8 || into != &set) return INVALID_ARGUMENT;
    registered = 1;
    return SUCCESS;
}

/* Two errors, one after the other, between them an event of another kind. */
int nvmlEventSetWait_v2(int *from, event_data_t *data, unsigned int timeoutms) {
    static const unsigned long long types[] = { 8, 1, 8 }, values[] = { 48, 7, 45 };
    if (from != &set || timeoutms != 0) return INVALID_ARGUMENT;
    if (!registered || events == 3) return TIMEOUT;
    data->device = &device;
    data->eventType = types[events];
    data->eventData = values[events++];
    data->gpuInstanceId = data->computeInstanceId = 0xFFFFFFFFu;
    return SUCCESS;
}
