/* A stub libcuda.so.1: replays "cuda.*" keys of the file that the NVML stub reads (answers.h).
 * "cuda.cuInit = error 100", "cuda.count = 2", "cuda.0.attr[16] = 132" ("cuda.*." for every device).
 *
 * Contexts, memory, copies and events exist as far as measuring needs them. The device's clock runs by what is enqueued:
 * "cuda.gbps = 2500" (a copy within the device counts twice), "cuda.link_gbps = 50". A call named in a key, without its
 * version ("cuda.cuMemcpyDtoDAsync = hang", "error 2", "segv", "after 3 1 || error 214"), is asked at each call and does
 * nothing when it fails. "cuda.free" is the free memory.
 *
 * It is stricter than the driver: whatever a client must not do (a call before cuInit, a handle that was never given or
 * is gone, a stream or event of another context, memory beyond its end, the time of an event that has not happened) fails
 * and is told. STUB_CUDA_LOG names a file with a line "held N bytes M" after everything that is made or given back, and a
 * line "wrong CALL: ..." for each of those mistakes.
 *
 * With STUB_REAL_CUDA_H it is compiled against NVIDIA's own cuda.h, so that the compiler compares the prototypes.
 */
#include <stddef.h>

#ifdef STUB_REAL_CUDA_H
#include <cuda.h>
#else
typedef int CUresult, CUdevice, CUdevice_attribute;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct { char bytes[16]; } CUuuid;
#endif
#include "answers.h"

enum { MOST = 1024, DISABLE_TIMING = 2, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100,
       INVALID_CONTEXT = 201, INVALID_PTX = 218, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600,
       ALREADY_ENABLED = 704, NOT_SUPPORTED = 801, TILE = 16384 };

struct CUctx_st { int device, retained, peers[64]; };
struct CUstream_st { CUcontext context; int alive; };
struct CUevent_st { CUcontext context; int alive, recorded, happened; unsigned flags; double at; };
static struct CUctx_st contexts[64];
static struct CUstream_st streams[MOST];
static struct CUevent_st events[MOST];
struct CUfunc_st { CUmodule module; int reads; };
struct CUmod_st { CUcontext context; int alive; struct CUfunc_st functions[2]; };
static struct CUmod_st modules[MOST];
static struct { u64 address; size_t size; CUcontext context; } blocks[MOST];
static struct { void *address; size_t size; } pinned[MOST];
static CUcontext current;
static int initialised, held;
static double device_clock_s;
static u64 in_use, next_address = 1ull << 32;

static void tell(const char *text) {
    const char *path = getenv("STUB_CUDA_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%s", text);
    fclose(file);
}
static void count(int change) {
    char text[80];
    held += change;
    snprintf(text, sizeof text, "held %d bytes %llu\n", held, in_use);
    tell(text);
}
static CUresult wrong(const char *call, const char *what, int code) {
    char text[200];
    snprintf(text, sizeof text, "wrong %s: %s\n", call, what);
    tell(text);
    return code;
}

static const char *ask(int device, const char *call, int *code) {
    char key[128];
    snprintf(key, sizeof key, "cuda.%d.%s", device, call);
    const char *value = find(key);
    if (!value) {
        snprintf(key, sizeof key, "cuda.*.%s", call);
        value = find(key);
    }
    return act(value, NOT_SUPPORTED, code);
}
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
static int devices(void) { return (int)number("cuda.count", 0); }

#define CALLED(NAME) do { if (!initialised) return wrong(NAME, "before cuInit", NOT_INITIALIZED); \
    int code_ = called(NAME); if (code_) return code_; } while (0)
#define DEVICE(NAME, DEVICE_) do { if ((DEVICE_) < 0 || (DEVICE_) >= devices()) return wrong(NAME, "no such device", 101); } while (0)
#define CURRENT(NAME) do { CALLED(NAME); if (!current) return wrong(NAME, "no current context", INVALID_CONTEXT); } while (0)
#define STREAM(NAME, S) do { CURRENT(NAME); \
    if ((S) < streams || (S) >= streams + MOST || !(S)->alive) return wrong(NAME, "no such stream", INVALID_HANDLE); \
    if ((S)->context != current) return wrong(NAME, "the stream is of another context", INVALID_HANDLE); } while (0)
#define ALIVE(NAME, E) do { \
    if ((E) < events || (E) >= events + MOST || !(E)->alive) return wrong(NAME, "no such event", INVALID_HANDLE); } while (0)
#define EVENT(NAME, E) do { CALLED(NAME); ALIVE(NAME, E); } while (0)

CUresult cuInit(unsigned flags) {
    int code = called("cuInit");
    if (flags) return wrong("cuInit", "flags", INVALID_VALUE);
    if (!code && !find("cuda.count")) return NO_DEVICE;
    initialised = !code;
    return code;
}
CUresult cuDriverGetVersion(int *out) {
    int code = called("cuDriverGetVersion");
    const char *v = code ? NULL : act(find("cuda.version"), 1, &code);
    if (v) *out = atoi(v);
    return code;
}
CUresult cuDeviceGetCount(int *out) {
    int code;
    CALLED("cuDeviceGetCount");
    const char *v = act(find("cuda.count"), NO_DEVICE, &code);
    if (v) *out = atoi(v);
    return code;
}
CUresult cuDeviceGet(CUdevice *out, int index) {
    int code;
    CALLED("cuDeviceGet");
    DEVICE("cuDeviceGet", index);
    const char *v = ask(index, "cuDeviceGet", &code);
    *out = index;
    return v || code == NOT_SUPPORTED ? 0 : code;
}
static CUresult text_of(const char *call, const char *key, char *out, int size, CUdevice device) {
    int code;
    CALLED(call);
    DEVICE(call, device);
    if (!out || size < 1) return wrong(call, "no room", INVALID_VALUE);
    const char *v = ask(device, key, &code);
    if (v) text_into(out, (size_t)size, v, device);
    return code;
}
CUresult cuDeviceGetName(char *out, int size, CUdevice device) { return text_of("cuDeviceGetName", "name", out, size, device); }
CUresult cuDeviceGetPCIBusId(char *out, int size, CUdevice device) { return text_of("cuDeviceGetPCIBusId", "bus_id", out, size, device); }
CUresult cuDeviceTotalMem_v2(size_t *out, CUdevice device) {
    int code;
    CALLED("cuDeviceTotalMem");
    DEVICE("cuDeviceTotalMem", device);
    const char *v = ask(device, "memory", &code);
    if (v) *out = strtoull(v, NULL, 10);
    return code;
}
CUresult cuDeviceGetUuid_v2(CUuuid *out, CUdevice device) {
    int code;
    CALLED("cuDeviceGetUuid");
    DEVICE("cuDeviceGetUuid", device);
    const char *v = ask(device, "uuid", &code);
    char text[64];
    if (!v) return code;
    text_into(text, sizeof text, v, device);
    int filled = 0;
    for (const char *p = text; *p && filled < 32; p++) {
        int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
        if (digit < 0) continue;
        char *byte = &out->bytes[filled / 2];
        *byte = (char)(filled % 2 ? *byte | digit : digit << 4);
        filled++;
    }
    return 0;
}
CUresult cuDeviceGetAttribute(int *out, CUdevice_attribute attribute, CUdevice device) {
    char call[32];
    int code;
    CALLED("cuDeviceGetAttribute");
    DEVICE("cuDeviceGetAttribute", device);
    snprintf(call, sizeof call, "attr[%d]", (int)attribute);
    const char *v = ask(device, call, &code);
    if (v) *out = atoi(v);
    return code == NOT_SUPPORTED ? INVALID_VALUE : code;
}
CUresult cuGetErrorName(CUresult code, const char **out) {
    switch ((int)code) {
    case 2: *out = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case 46: *out = "CUDA_ERROR_DEVICE_UNAVAILABLE"; break;
    case 100: *out = "CUDA_ERROR_NO_DEVICE"; break;
    case 214: *out = "CUDA_ERROR_ECC_UNCORRECTABLE"; break;
    case 221: *out = "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"; break;
    case 223: *out = "CUDA_ERROR_JIT_COMPILATION_DISABLED"; break;
    case 801: *out = "CUDA_ERROR_NOT_SUPPORTED"; break;
    case 802: *out = "CUDA_ERROR_SYSTEM_NOT_READY"; break;
    case 803: *out = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; break;
    case 999: *out = "CUDA_ERROR_UNKNOWN"; break;
    default: *out = "CUDA_ERROR_STUB";
    }
    return 0;
}

/* What measuring calls. Device memory is an address that nobody reads. */
CUresult cuDeviceCanAccessPeer(int *out, CUdevice a, CUdevice b) {
    CALLED("cuDeviceCanAccessPeer");
    DEVICE("cuDeviceCanAccessPeer", a);
    DEVICE("cuDeviceCanAccessPeer", b);
    *out = a != b && number("cuda.peers", 1) > 0;
    return 0;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice device) {
    CALLED("cuDevicePrimaryCtxRetain");
    DEVICE("cuDevicePrimaryCtxRetain", device);
    int code;
    if (!ask(device, "cuDevicePrimaryCtxRetain", &code) && code != NOT_SUPPORTED) return code;
    contexts[device].device = device;
    contexts[device].retained++;
    *out = &contexts[device];
    return 0;
}
static int is_context(CUcontext context) { return context >= contexts && context < contexts + 64 && context->retained; }
CUresult cuCtxSetCurrent(CUcontext context) {
    CALLED("cuCtxSetCurrent");
    if (context && !is_context(context)) return wrong("cuCtxSetCurrent", "no such context", INVALID_CONTEXT);
    current = context;
    return 0;
}
CUresult cuCtxSynchronize(void) {
    CURRENT("cuCtxSynchronize");
    for (int i = 0; i < MOST; i++)
        if (events[i].recorded && events[i].context == current) events[i].happened = 1;
    return 0;
}
CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags) {
    if (!initialised || !current) return wrong("cuCtxEnablePeerAccess", "no current context", INVALID_CONTEXT);
    int code = called("cuCtxEnablePeerAccess");
    if (code && code != ALREADY_ENABLED) return code;
    if (flags) return wrong("cuCtxEnablePeerAccess", "flags", INVALID_VALUE);
    if (!is_context(peer) || peer == current) return wrong("cuCtxEnablePeerAccess", "no other context", 101);
    if (current->peers[peer->device]) code = ALREADY_ENABLED;
    current->peers[peer->device] = 1;
    return code;
}
CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    CURRENT("cuMemGetInfo");
    double all = number("cuda.free", 80.0 * (1ull << 30));
    *free_bytes = (size_t)all - in_use;
    *total = (size_t)all;
    return 0;
}
CUresult cuMemAlloc_v2(CUdeviceptr *out, size_t size) {
    CURRENT("cuMemAlloc");
    if (!size) return wrong("cuMemAlloc", "no bytes", INVALID_VALUE);
    if ((double)in_use + (double)size > number("cuda.free", 80.0 * (1ull << 30))) return OUT_OF_MEMORY;
    for (int i = 0; i < MOST; i++)
        if (!blocks[i].size) {
            blocks[i].address = *out = next_address;
            blocks[i].size = size;
            blocks[i].context = current;
            next_address += size + 4096;
            in_use += size;
            count(1);
            return 0;
        }
    return OUT_OF_MEMORY;
}
CUresult cuMemFree_v2(CUdeviceptr address) {
    CURRENT("cuMemFree");
    for (int i = 0; i < MOST; i++)
        if (blocks[i].size && blocks[i].address == address) {
            if (blocks[i].context != current) return wrong("cuMemFree", "memory of another context", INVALID_CONTEXT);
            in_use -= blocks[i].size;
            blocks[i].size = 0;
            count(-1);
            return 0;
        }
    return wrong("cuMemFree", "no such memory", INVALID_VALUE);
}
CUresult cuMemHostAlloc(void **out, size_t size, unsigned flags) {
    CURRENT("cuMemHostAlloc");
    if (!size || flags & ~7u) return wrong("cuMemHostAlloc", "size or flags", INVALID_VALUE);
    for (int i = 0; i < MOST; i++)
        if (!pinned[i].address) {
            *out = pinned[i].address = malloc(size);
            pinned[i].size = size;
            count(1);
            return 0;
        }
    return OUT_OF_MEMORY;
}
CUresult cuMemFreeHost(void *address) {
    CURRENT("cuMemFreeHost");
    for (int i = 0; i < MOST; i++)
        if (address && pinned[i].address == address) {
            free(address);
            pinned[i].address = NULL;
            count(-1);
            return 0;
        }
    return wrong("cuMemFreeHost", "no such memory", INVALID_VALUE);
}

static int known(u64 address, size_t bytes, CUcontext context) {
    for (int i = 0; i < MOST; i++)
        if (blocks[i].size && address >= blocks[i].address && address + bytes <= blocks[i].address + blocks[i].size)
            return !context || blocks[i].context == context;
    return 0;
}
static CUresult spend(double bytes, double gbps) {
    device_clock_s += bytes / (gbps * 1e9);
    return 0;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t n, CUstream s) {
    STREAM("cuMemcpyHtoDAsync", s);
    if (!n || !known(to, n, current)) return wrong("cuMemcpyHtoDAsync", "beyond the memory", INVALID_VALUE);
    volatile const char *host = from; /* crashes where there is no such memory */
    (void)(host[0] + host[n - 1]);
    return spend((double)n, number("cuda.link_gbps", 50));
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t n, CUstream s) {
    STREAM("cuMemcpyDtoHAsync", s);
    if (!n || !known(from, n, current)) return wrong("cuMemcpyDtoHAsync", "beyond the memory", INVALID_VALUE);
    ((volatile char *)to)[0] = ((volatile char *)to)[n - 1] = 7;
    return spend((double)n, number("cuda.link_gbps", 50));
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) {
    STREAM("cuMemcpyDtoDAsync", s);
    if (!n || !known(to, n, current) || !known(from, n, current)) return wrong("cuMemcpyDtoDAsync", "beyond the memory", INVALID_VALUE);
    if (to < from + n && from < to + n) return wrong("cuMemcpyDtoDAsync", "overlap", INVALID_VALUE);
    return spend(2.0 * (double)n, number("cuda.gbps", 2500));
}
CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t n, CUstream s) {
    STREAM("cuMemcpyPeerAsync", s);
    if (!is_context(to_context) || !is_context(from_context) || to_context == from_context)
        return wrong("cuMemcpyPeerAsync", "not two contexts", INVALID_CONTEXT);
    if (!n || !known(to, n, to_context) || !known(from, n, from_context)) return wrong("cuMemcpyPeerAsync", "beyond the memory", INVALID_VALUE);
    if (!from_context->peers[to_context->device]) return wrong("cuMemcpyPeerAsync", "peer access is off: by the host", INVALID_VALUE);
    return spend((double)n, number("cuda.link_gbps", 50));
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned word, size_t n, CUstream s) {
    (void)word;
    STREAM("cuMemsetD32Async", s);
    if (!n || to % 4 || !known(to, 4 * n, current)) return wrong("cuMemsetD32Async", "beyond the memory", INVALID_VALUE);
    return spend(4.0 * (double)n, number("cuda.gbps", 2500));
}

CUresult cuStreamCreate(CUstream *out, unsigned flags) {
    CURRENT("cuStreamCreate");
    if (flags > 1) return wrong("cuStreamCreate", "flags", INVALID_VALUE);
    for (CUstream s = streams; s < streams + MOST; s++)
        if (!s->context) { /* a handle that is gone is never given again */
            *s = (struct CUstream_st){current, 1};
            *out = s;
            count(1);
            return 0;
        }
    return OUT_OF_MEMORY;
}
CUresult cuStreamDestroy_v2(CUstream s) {
    STREAM("cuStreamDestroy", s);
    s->alive = 0;
    count(-1);
    return 0;
}
CUresult cuEventCreate(CUevent *out, unsigned flags) {
    CURRENT("cuEventCreate");
    for (CUevent e = events; e < events + MOST; e++)
        if (!e->context) {
            *e = (struct CUevent_st){.context = current, .alive = 1, .flags = flags};
            *out = e;
            count(1);
            return 0;
        }
    return OUT_OF_MEMORY;
}
CUresult cuEventDestroy_v2(CUevent e) {
    EVENT("cuEventDestroy", e);
    e->alive = 0;
    count(-1);
    return 0;
}
CUresult cuEventRecord(CUevent e, CUstream s) {
    EVENT("cuEventRecord", e);
    if (s < streams || s >= streams + MOST || !s->alive || s->context != e->context || e->context != current)
        return wrong("cuEventRecord", "the stream is gone or of another context", INVALID_HANDLE);
    e->at = device_clock_s;
    e->recorded = 1;
    e->happened = 0;
    return 0;
}
CUresult cuEventSynchronize(CUevent e) {
    EVENT("cuEventSynchronize", e);
    if (!e->recorded) return wrong("cuEventSynchronize", "never recorded", INVALID_HANDLE);
    for (int i = 0; i < MOST; i++) /* one stream: what lies before has happened, too */
        if (events[i].recorded && events[i].context == e->context && events[i].at <= e->at) events[i].happened = 1;
    return 0;
}
CUresult cuEventElapsedTime(float *out, CUevent start, CUevent end) {
    EVENT("cuEventElapsedTime", start);
    ALIVE("cuEventElapsedTime", end);
    if (!start->recorded || !end->recorded || (start->flags | end->flags) & DISABLE_TIMING)
        return wrong("cuEventElapsedTime", "no time was recorded", INVALID_HANDLE);
    if (!start->happened || !end->happened) return wrong("cuEventElapsedTime", "not yet", NOT_READY);
    *out = (float)(1e3 * (end->at - start->at));
    return 0;
}

CUresult cuModuleLoadData(CUmodule *out, const void *image) {
    CURRENT("cuModuleLoadData");
    const char *ptx = image; /* as the driver takes it: text that ends with a zero byte */
    if (strncmp(ptx, ".version ", 9) || !strstr(ptx, ".address_size 64")) return wrong("cuModuleLoadData", "no PTX", INVALID_PTX);
    for (CUmodule m = modules; m < modules + MOST; m++)
        if (!m->context) { /* a handle that is gone is never given again */
            *m = (struct CUmod_st){current, 1, {{m, 0}, {m, 1}}};
            *out = m;
            count(1);
            return 0;
        }
    return OUT_OF_MEMORY;
}
#define MODULE(NAME, M) do { CURRENT(NAME); \
    if ((M) < modules || (M) >= modules + MOST || !(M)->alive) return wrong(NAME, "no such module", INVALID_HANDLE); } while (0)
CUresult cuModuleUnload(CUmodule module) {
    MODULE("cuModuleUnload", module);
    module->alive = 0;
    count(-1);
    return 0;
}
CUresult cuModuleGetFunction(CUfunction *out, CUmodule module, const char *name) {
    MODULE("cuModuleGetFunction", module);
    int reads = !strcmp(name, "parity_read");
    if (!reads && strcmp(name, "parity_nothing")) return wrong("cuModuleGetFunction", name, NOT_FOUND);
    *out = &module->functions[reads];
    return 0;
}
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream s, void **given, void **extra) {
    STREAM("cuLaunchKernel", s);
    CUmodule module = NULL;
    for (CUmodule m = modules; m < modules + MOST; m++)
        if (f == &m->functions[0] || f == &m->functions[1]) module = m;
    if (!module || !module->alive || module->context != current) return wrong("cuLaunchKernel", "no such kernel", INVALID_HANDLE);
    if (!gx || gx > 2147483647u || gy != 1 || gz != 1 || !bx || bx > 1024 || by != 1 || bz != 1 || shared || extra)
        return wrong("cuLaunchKernel", "the shape", INVALID_VALUE);
    if (!f->reads) return spend(number("cuda.launch_us", 2.5) * 1e3, 1); /* nanoseconds: bytes at 1 GB/s */
    u64 from = *(u64 *)given[0], tiles = *(u64 *)given[1], out = *(u64 *)given[2];
    if (bx * 64 != TILE) return wrong("cuLaunchKernel", "not 256 threads", INVALID_VALUE);
    if (!tiles || from % 16 || !known(from, tiles * TILE, current) || !known(out, 4, current))
        return wrong("cuLaunchKernel", "beyond the memory", 700);
    return spend((double)tiles * TILE, number("cuda.gbps", 2500));
}
