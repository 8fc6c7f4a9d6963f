/* A stub libcuda.so.1: replays "cuda.*" keys of the file that the NVML stub reads (answers.h).
 * "cuda.cuInit = error 100", "cuda.count = 2", "cuda.0.attr[16] = 132" ("cuda.*." for every device).
 *
 * Contexts, memory, copies and events exist as far as measuring needs them. The device's clock runs by what is enqueued:
 * "cuda.gbps = 2500" (a copy within the device counts twice), "cuda.link_gbps = 50". A call named in a key
 * ("cuda.cuMemcpyDtoDAsync = hang", "error 2", "segv", "after 3 1 || error 214") is asked at each call. "cuda.free" is the
 * free memory; STUB_CUDA_LOG names a file that is told at the end what was not given back.
 */
#include "answers.h"

static const char *ask(int device, const char *call, int *code) {
    char key[128];
    snprintf(key, sizeof key, "cuda.%d.%s", device, call);
    const char *value = find(key);
    if (!value) {
        snprintf(key, sizeof key, "cuda.*.%s", call);
        value = find(key);
    }
    return act(value, 801, code);
}

int cuInit(unsigned flags) {
    (void)flags;
    int code;
    act(find("cuda.cuInit"), 0, &code);
    if (!code && !find("cuda.count")) return 100;
    return code;
}
int cuDriverGetVersion(int *out) { int code; const char *v = act(find("cuda.version"), 1, &code); if (v) *out = atoi(v); return code; }
int cuDeviceGetCount(int *out) { int code; const char *v = act(find("cuda.count"), 100, &code); if (v) *out = atoi(v); return code; }
int cuDeviceGet(int *out, int index) { int code; const char *v = ask(index, "cuDeviceGet", &code); *out = index; return v || code == 801 ? 0 : code; }
int cuDeviceGetName(char *out, int size, int device) { int code; const char *v = ask(device, "name", &code); if (v) text_into(out, (size_t)size, v, device); return code; }
int cuDeviceGetPCIBusId(char *out, int size, int device) { int code; const char *v = ask(device, "bus_id", &code); if (v) text_into(out, (size_t)size, v, device); return code; }
int cuDeviceTotalMem_v2(size_t *out, int device) { int code; const char *v = ask(device, "memory", &code); if (v) *out = strtoull(v, NULL, 10); return code; }
int cuDeviceGetUuid_v2(unsigned char *out, int device) {
    int code;
    const char *v = ask(device, "uuid", &code);
    char text[64];
    if (!v) return code;
    text_into(text, sizeof text, v, device);
    int filled = 0;
    for (const char *p = text; *p && filled < 32; p++) {
        int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
        if (digit < 0) continue;
        out[filled / 2] = (unsigned char)(filled % 2 ? out[filled / 2] | digit : digit << 4);
        filled++;
    }
    return 0;
}
int cuDeviceGetAttribute(int *out, int attribute, int device) {
    char call[32];
    int code;
    snprintf(call, sizeof call, "attr[%d]", attribute);
    const char *v = ask(device, call, &code);
    if (v) *out = atoi(v);
    return code == 801 ? 1 : code;
}
int cuGetErrorName(int code, const char **out) {
    *out = code == 100 ? "CUDA_ERROR_NO_DEVICE" : code == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : code == 999 ? "CUDA_ERROR_UNKNOWN" : "CUDA_ERROR_STUB";
    return 0;
}

/* What measuring calls. A context is 100 + device; device memory is an address that nobody reads. */
static int current = -1;
static double device_clock_s;
static unsigned long long in_use, next_address = 1ull << 32;
static int held;
static struct { u64 address; size_t size; int device; } blocks[256];

static int called(const char *call) {
    char key[128];
    int code;
    snprintf(key, sizeof key, "cuda.%s", call);
    act(find(key), 0, &code);
    return code;
}
static double number(const char *key, double otherwise) {
    const char *value = find(key);
    return value ? strtod(value, NULL) : otherwise;
}
static int known(u64 address, size_t bytes) {
    for (int i = 0; i < 256; i++)
        if (blocks[i].size && address >= blocks[i].address && address + bytes <= blocks[i].address + blocks[i].size) return 1;
    return 0;
}
static void tell(void) {
    const char *path = getenv("STUB_CUDA_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "held %d bytes %llu\n", held, in_use);
    fclose(file);
}

int cuDeviceCanAccessPeer(int *out, int a, int b) { *out = a != b && number("cuda.peers", 1) > 0; return 0; }
int cuDevicePrimaryCtxRetain(void **out, int device) { *out = (void *)(long)(100 + device); return called("cuDevicePrimaryCtxRetain"); }
int cuCtxSetCurrent(void *context) { current = (int)(long)context - 100; return current < 0 ? 201 : called("cuCtxSetCurrent"); }
int cuCtxSynchronize(void) { return called("cuCtxSynchronize"); }
int cuCtxEnablePeerAccess(void *peer, unsigned flags) { (void)flags; return (int)(long)peer - 100 == current ? 101 : called("cuCtxEnablePeerAccess"); }
int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    double all = number("cuda.free", 80.0 * (1ull << 30));
    *free_bytes = (size_t)all - in_use;
    *total = (size_t)all;
    return current < 0 ? 201 : called("cuMemGetInfo");
}
int cuMemAlloc_v2(u64 *out, size_t size) {
    int code = current < 0 ? 201 : called("cuMemAlloc");
    if (code) return code;
    for (int i = 0; i < 256; i++)
        if (!blocks[i].size) {
            blocks[i].address = *out = next_address;
            blocks[i].size = size;
            blocks[i].device = current;
            next_address += size + 4096;
            in_use += size;
            held++;
            return 0;
        }
    return 2;
}
int cuMemFree_v2(u64 address) {
    for (int i = 0; i < 256; i++)
        if (blocks[i].size && blocks[i].address == address) {
            in_use -= blocks[i].size;
            blocks[i].size = 0;
            held--;
            tell();
            return blocks[i].device == current ? 0 : 201;
        }
    return 1;
}
int cuMemHostAlloc(void **out, size_t size, unsigned flags) { (void)flags; held++; *out = malloc(size ? size : 1); return called("cuMemHostAlloc"); }
int cuMemFreeHost(void *address) { held--; free(address); return 0; }
static int spend(const char *call, double bytes, double gbps) {
    int code = current < 0 ? 201 : called(call);
    device_clock_s += bytes / (gbps * 1e9);
    usleep(20);
    return code;
}
int cuMemcpyHtoDAsync_v2(u64 to, void *from, size_t n, void *s) {
    if (!known(to, n) || !from || !s) return 1;
    return spend("cuMemcpyHtoDAsync", (double)n, number("cuda.link_gbps", 50));
}
int cuMemcpyDtoHAsync_v2(void *to, u64 from, size_t n, void *s) {
    if (!known(from, n) || !to || !s) return 1;
    return spend("cuMemcpyDtoHAsync", (double)n, number("cuda.link_gbps", 50));
}
int cuMemcpyDtoDAsync_v2(u64 to, u64 from, size_t n, void *s) {
    if (!known(to, n) || !known(from, n) || !s) return 1;
    return spend("cuMemcpyDtoDAsync", 2.0 * (double)n, number("cuda.gbps", 2500));
}
int cuMemcpyPeerAsync(u64 to, void *to_context, u64 from, void *from_context, size_t n, void *s) {
    if (!known(to, n) || !known(from, n) || to_context == from_context || !s) return 1;
    return spend("cuMemcpyPeerAsync", (double)n, number("cuda.link_gbps", 50));
}
int cuMemsetD32Async(u64 to, unsigned word, size_t n, void *s) {
    (void)word;
    if (!known(to, 4 * n) || !s) return 1;
    return spend("cuMemsetD32Async", 4.0 * (double)n, number("cuda.gbps", 2500));
}
int cuStreamCreate(void **out, unsigned flags) { (void)flags; held++; *out = malloc(1); return current < 0 ? 201 : 0; }
int cuStreamDestroy_v2(void *stream) { held--; free(stream); tell(); return 0; }
int cuEventCreate(void **out, unsigned flags) { (void)flags; held++; *out = calloc(1, sizeof(double)); return current < 0 ? 201 : 0; }
int cuEventDestroy_v2(void *event) { held--; free(event); return 0; }
int cuEventRecord(void *event, void *stream) { *(double *)event = device_clock_s; return stream ? 0 : 1; }
int cuEventSynchronize(void *event) { return event ? called("cuEventSynchronize") : 1; }
int cuEventElapsedTime(float *out, void *start, void *end) { *out = (float)(1e3 * (*(double *)end - *(double *)start)); return 0; }
