/* A stub libcuda.so.1: replays "cuda.*" keys of the file that the NVML stub reads (answers.h).
 * "cuda.cuInit = error 100", "cuda.count = 2", "cuda.0.attr[16] = 132" ("cuda.*." for every device).
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
