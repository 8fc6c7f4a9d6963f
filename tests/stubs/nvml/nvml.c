/* A stub libnvidia-ml.so.1: replays a text file (answers.h). Keys: "nvmlSystemGetDriverVersion" for the system,
 * "0.nvmlDeviceGetName" or "*.nvmlDeviceGetName" for a device, "0.mig1.nvmlDeviceGetName" for a slice, arguments in brackets:
 * "0.nvmlDeviceGetClockInfo[2]", "0.field[186]", "nvmlDeviceGetP2PStatus[0,1,2]"; "[*]" answers for all arguments.
 */
#include "answers.h"

enum { NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, VERSION_MISMATCH = 25, INVALID_ARGUMENT = 2 };

typedef struct { int index, mig; } device;
static device devices[64], slices[64][16];

static const char *ask(const device *d, const char *call, const char *args, int *code) {
    char key[256];
    const char *value = NULL;
    if (!d) {
        snprintf(key, sizeof key, "%s%s", call, args);
        value = find(key);
    } else if (d->mig >= 0) {
        snprintf(key, sizeof key, "%d.mig%d.%s%s", d->index, d->mig, call, args);
        value = find(key);
    } else {
        snprintf(key, sizeof key, "%d.%s%s", d->index, call, args);
        if (!(value = find(key))) {
            snprintf(key, sizeof key, "*.%s%s", call, args);
            value = find(key);
        }
    }
    if (!value && *args && strcmp(args, "[*]")) return ask(d, call, "[*]", code);
    return act(value, NOT_SUPPORTED, code);
}

static const char *ask1(const device *d, const char *call, u32 arg, int *code) {
    char args[32];
    snprintf(args, sizeof args, "[%u]", arg);
    return ask(d, call, args, code);
}

static const char *ask2(const device *d, const char *call, u32 a, u32 b, int *code) {
    char args[48];
    snprintf(args, sizeof args, "[%u,%u]", a, b);
    return ask(d, call, args, code);
}

static int numbers(const char *value, u64 *out, int most) {
    int n = 0;
    char *end;
    while (n < most) {
        long long sign = strtoll(value, &end, 0);
        u64 number = *value == '-' || strchr(value, '-') == value ? (u64)sign : strtoull(value, &end, 0);
        if (end == value) break;
        out[n++] = number;
        value = end + strspn(end, " ");
    }
    return n;
}

#define BEGIN(CALLED) int code; const char *value = CALLED; if (!value) return code; u64 n[16] = {0}; numbers(value, n, 16)
#define U32(NAME) int NAME(device *d, u32 *out) { BEGIN(ask(d, #NAME, "", &code)); *out = (u32)n[0]; return 0; }
#define U64(NAME) int NAME(device *d, u64 *out) { BEGIN(ask(d, #NAME, "", &code)); *out = n[0]; return 0; }
#define U32_OF(NAME) int NAME(device *d, u32 arg, u32 *out) { BEGIN(ask1(d, #NAME, arg, &code)); *out = (u32)n[0]; return 0; }
#define PAIR(NAME) int NAME(device *d, u32 *a, u32 *b) { BEGIN(ask(d, #NAME, "", &code)); *a = (u32)n[0]; *b = (u32)n[1]; return 0; }
#define TEXT(NAME) int NAME(device *d, char *out, u32 size) { \
    int code; const char *value = ask(d, #NAME, "", &code); if (!value) return code; \
    text_into(out, size, value, d->index); return 0; }

int nvmlInitWithFlags(u32 flags) { (void)flags; int code; act(find("nvmlInit"), 0, &code); return code; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { static char text[64]; snprintf(text, sizeof text, "stub text of error %d", code); return text; }

int nvmlSystemGetDriverVersion(char *out, u32 size) { BEGIN(ask(NULL, "nvmlSystemGetDriverVersion", "", &code)); text_into(out, size, value, 0); return 0; }
int nvmlSystemGetNVMLVersion(char *out, u32 size) { BEGIN(ask(NULL, "nvmlSystemGetNVMLVersion", "", &code)); text_into(out, size, value, 0); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { BEGIN(ask(NULL, "nvmlSystemGetCudaDriverVersion_v2", "", &code)); *out = (int)n[0]; return 0; }
int nvmlSystemGetDriverBranch(u32 *info, u32 size) { BEGIN(ask(NULL, "nvmlSystemGetDriverBranch", "", &code)); text_into((char *)(info + 1), size, value, 0); return 0; }
int nvmlSystemGetConfComputeState(u32 *s) { BEGIN(ask(NULL, "nvmlSystemGetConfComputeState", "", &code)); for (int i = 0; i < 3; i++) s[i] = (u32)n[i]; return 0; }
int nvmlSystemGetConfComputeSettings(u32 *s) { BEGIN(ask(NULL, "nvmlSystemGetConfComputeSettings", "", &code)); for (int i = 0; i < 4; i++) s[i + 1] = (u32)n[i]; return 0; }
int nvmlSystemGetProcessName(u32 pid, char *out, u32 size) { int code; const char *v = ask1(NULL, "nvmlSystemGetProcessName", pid, &code); if (!v) return code; text_into(out, size, v, 0); return 0; }

int nvmlDeviceGetCount_v2(u32 *out) { BEGIN(ask(NULL, "nvmlDeviceGetCount", "", &code)); *out = (u32)n[0]; return 0; }
int nvmlDeviceGetHandleByIndex_v2(u32 index, device **out) {
    if (index >= 64) return INVALID_ARGUMENT;
    device *d = &devices[index];
    d->index = (int)index;
    d->mig = -1;
    int code;
    if (!ask(d, "nvmlDeviceGetHandleByIndex", "", &code) && code != NOT_SUPPORTED) return code;
    *out = d;
    return 0;
}

TEXT(nvmlDeviceGetName)
TEXT(nvmlDeviceGetUUID)
TEXT(nvmlDeviceGetSerial)
TEXT(nvmlDeviceGetBoardPartNumber)
TEXT(nvmlDeviceGetVbiosVersion)
TEXT(nvmlDeviceGetInforomImageVersion)
U32(nvmlDeviceGetBoardId)
U32(nvmlDeviceGetModuleId)
U32(nvmlDeviceGetMinorNumber)
U32(nvmlDeviceGetBrand)
U32(nvmlDeviceGetArchitecture)
U32(nvmlDeviceGetNumGpuCores)
U32(nvmlDeviceGetInforomConfigurationChecksum)
U32(nvmlDeviceGetBusType)
U32(nvmlDeviceGetAdaptiveClockInfoStatus)
U32(nvmlDeviceGetMemoryBusWidth)
U32(nvmlDeviceGetPerformanceState)
U32(nvmlDeviceGetPowerManagementDefaultLimit)
U32(nvmlDeviceGetPowerManagementLimit)
U32(nvmlDeviceGetEnforcedPowerLimit)
U32(nvmlDeviceGetPowerUsage)
U32(nvmlDeviceGetPowerSource)
U32(nvmlDeviceGetFanSpeed)
U32(nvmlDeviceGetDefaultEccMode)
U32(nvmlDeviceGetRetiredPagesPendingStatus)
U32(nvmlDeviceGetCurrPcieLinkGeneration)
U32(nvmlDeviceGetMaxPcieLinkGeneration)
U32(nvmlDeviceGetGpuMaxPcieLinkGeneration)
U32(nvmlDeviceGetCurrPcieLinkWidth)
U32(nvmlDeviceGetMaxPcieLinkWidth)
U32(nvmlDeviceGetPcieSpeed)
U32(nvmlDeviceGetPcieLinkMaxSpeed)
U32(nvmlDeviceGetPcieReplayCounter)
U32(nvmlDeviceGetC2cModeInfoV)
U32(nvmlDeviceGetNumaNodeId)
U32(nvmlDeviceGetPersistenceMode)
U32(nvmlDeviceGetComputeMode)
U32(nvmlDeviceGetDisplayActive)
U32(nvmlDeviceGetDisplayMode)
U32(nvmlDeviceGetAccountingMode)
U32(nvmlDeviceGetMaxMigDeviceCount)
U32(nvmlDeviceGetGpuInstanceId)
U32(nvmlDeviceGetComputeInstanceId)
U64(nvmlDeviceGetTotalEnergyConsumption)
U64(nvmlDeviceGetVirtualizationMode)
U64(nvmlDeviceGetCurrentClocksEventReasons)
U64(nvmlDeviceGetSupportedClocksEventReasons)
U64(nvmlDeviceGetCurrentClocksThrottleReasons)
U64(nvmlDeviceGetSupportedClocksThrottleReasons)
PAIR(nvmlDeviceGetCudaComputeCapability)
PAIR(nvmlDeviceGetPowerManagementLimitConstraints)
PAIR(nvmlDeviceGetEccMode)
PAIR(nvmlDeviceGetMigMode)
PAIR(nvmlDeviceGetGspFirmwareMode)
PAIR(nvmlDeviceGetEncoderUtilization)
PAIR(nvmlDeviceGetDecoderUtilization)
U32_OF(nvmlDeviceGetMaxClockInfo)
U32_OF(nvmlDeviceGetClockInfo)
U32_OF(nvmlDeviceGetApplicationsClock)
U32_OF(nvmlDeviceGetDefaultApplicationsClock)
U32_OF(nvmlDeviceGetMaxCustomerBoostClock)
U32_OF(nvmlDeviceGetTemperature)
U32_OF(nvmlDeviceGetTemperatureThreshold)
U32_OF(nvmlDeviceGetAPIRestriction)
U32_OF(nvmlDeviceGetNvLinkVersion)
U32_OF(nvmlDeviceGetNvLinkRemoteDeviceType)

int nvmlDeviceGetUtilizationRates(device *d, u32 *out) { BEGIN(ask(d, "nvmlDeviceGetUtilizationRates", "", &code)); out[0] = (u32)n[0]; out[1] = (u32)n[1]; return 0; }
int nvmlDeviceGetGspFirmwareVersion(device *d, char *out) { int code; const char *v = ask(d, "nvmlDeviceGetGspFirmwareVersion", "", &code); if (!v) return code; text_into(out, 64, v, d->index); return 0; }
int nvmlDeviceGetInforomVersion(device *d, u32 object, char *out, u32 size) { int code; const char *v = ask1(d, "nvmlDeviceGetInforomVersion", object, &code); if (!v) return code; text_into(out, size, v, d->index); return 0; }
int nvmlDeviceGetAddressingMode(device *d, u32 *info) { BEGIN(ask(d, "nvmlDeviceGetAddressingMode", "", &code)); info[1] = (u32)n[0]; return 0; }
int nvmlDeviceGetMarginTemperature(device *d, int *info) { BEGIN(ask(d, "nvmlDeviceGetMarginTemperature", "", &code)); info[1] = (int)n[0]; return 0; }
int nvmlDeviceGetTemperatureV(device *d, u32 *info) { BEGIN(ask1(d, "nvmlDeviceGetTemperatureV", info[1], &code)); info[2] = (u32)n[0]; return 0; }
int nvmlDeviceGetCurrentClockFreqs(device *d, u32 *info) { int code; const char *v = ask(d, "nvmlDeviceGetCurrentClockFreqs", "", &code); if (!v) return code; text_into((char *)(info + 1), 2048, v, d->index); return 0; }
int nvmlDeviceGetDramEncryptionMode(device *d, u32 *now, u32 *pending) { BEGIN(ask(d, "nvmlDeviceGetDramEncryptionMode", "", &code)); now[1] = (u32)n[0]; pending[1] = (u32)n[1]; return 0; }
int nvmlDeviceGetClockOffsets(device *d, int *info) { BEGIN(ask1(d, "nvmlDeviceGetClockOffsets", (u32)info[1], &code)); for (int i = 0; i < 3; i++) info[3 + i] = (int)n[i]; return 0; }

/* nvmlPciInfo_t from "00000000:1B:00.0 0x233010DE 0x16C110DE". */
typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char bus_id[32]; } pci;
static int fill_pci(const char *value, int index, pci *out) {
    char where[64] = "";
    text_into(where, sizeof where, value, index);
    memset(out, 0, sizeof *out);
    sscanf(where, "%31s %x %x", out->bus_id, &out->id, &out->subsystem);
    sscanf(out->bus_id, "%x:%x:%x", &out->domain, &out->bus, &out->device);
    snprintf(out->legacy, sizeof out->legacy, "%04X:%02X:%02X.0", out->domain, out->bus, out->device);
    return 0;
}
int nvmlDeviceGetPciInfo_v3(device *d, pci *out) { int code; const char *v = ask(d, "nvmlDeviceGetPciInfo", "", &code); return v ? fill_pci(v, d->index, out) : code; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(device *d, u32 link, pci *out) { int code; const char *v = ask1(d, "nvmlDeviceGetNvLinkRemotePciInfo", link, &code); return v ? fill_pci(v, d->index, out) : code; }

/* NVLinks: "0.links = 18" says how many there are; a state of its own may be given. */
int nvmlDeviceGetNvLinkState(device *d, u32 link, u32 *out) {
    int code;
    const char *v = ask(d, "links", "", &code);
    if (!v) return code;
    if (link >= strtoul(v, NULL, 10)) return INVALID_ARGUMENT;
    v = ask1(d, "nvmlDeviceGetNvLinkState", link, &code);
    if (!v && code != NOT_SUPPORTED) return code;
    *out = v ? (u32)strtoul(v, NULL, 10) : 1;
    return 0;
}

int nvmlDeviceGetMemoryInfo(device *d, u64 *m) { BEGIN(ask(d, "nvmlDeviceGetMemoryInfo", "", &code)); for (int i = 0; i < 3; i++) m[i] = n[i]; return 0; }
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2;
int nvmlDeviceGetMemoryInfo_v2(device *d, memory_v2 *m) {
    if (m->version != 0x02000028) return VERSION_MISMATCH;
    BEGIN(ask(d, "nvmlDeviceGetMemoryInfo_v2", "", &code));
    m->total = n[0]; m->reserved = n[1]; m->free = n[2]; m->used = n[3];
    return 0;
}
int nvmlDeviceGetBAR1MemoryInfo(device *d, u64 *m) { BEGIN(ask(d, "nvmlDeviceGetBAR1MemoryInfo", "", &code)); for (int i = 0; i < 3; i++) m[i] = n[i]; return 0; }
int nvmlDeviceGetTotalEccErrors(device *d, u32 type, u32 counter, u64 *out) { BEGIN(ask2(d, "nvmlDeviceGetTotalEccErrors", type, counter, &code)); *out = n[0]; return 0; }
int nvmlDeviceGetRemappedRows(device *d, u32 *a, u32 *b, u32 *c, u32 *e) { BEGIN(ask(d, "nvmlDeviceGetRemappedRows", "", &code)); *a = (u32)n[0]; *b = (u32)n[1]; *c = (u32)n[2]; *e = (u32)n[3]; return 0; }
int nvmlDeviceGetRowRemapperHistogram(device *d, u32 *h) { BEGIN(ask(d, "nvmlDeviceGetRowRemapperHistogram", "", &code)); for (int i = 0; i < 5; i++) h[i] = (u32)n[i]; return 0; }
int nvmlDeviceGetViolationStatus(device *d, u32 policy, u64 *v) { BEGIN(ask1(d, "nvmlDeviceGetViolationStatus", policy, &code)); v[0] = n[0]; v[1] = n[1]; return 0; }
typedef struct { u32 version; u64 counters[11]; u32 exceeded; } sram;
int nvmlDeviceGetSramEccErrorStatus(device *d, sram *s) { BEGIN(ask(d, "nvmlDeviceGetSramEccErrorStatus", "", &code)); s->exceeded = (u32)n[0]; s->counters[3] = n[1]; return 0; }
/* "state status clique health_mask summary" */
typedef struct { u32 version; unsigned char cluster[16]; u32 status, clique, state, mask; unsigned char summary; } fabric;
int nvmlDeviceGetGpuFabricInfoV(device *d, fabric *f) {
    BEGIN(ask(d, "nvmlDeviceGetGpuFabricInfoV", "", &code));
    if (find("fabric_v2_only") && f->version >> 24 != 2) return VERSION_MISMATCH;
    f->state = (u32)n[0]; f->status = (u32)n[1]; f->clique = (u32)n[2]; f->mask = (u32)n[3];
    if (f->version >> 24 == 3) f->summary = (unsigned char)n[4];
    return 0;
}

/* Enforced profiles as one word. */
int nvmlDeviceWorkloadPowerProfileGetCurrentProfiles(device *d, u32 *p) { BEGIN(ask(d, "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", "", &code)); p[17] = (u32)n[0]; return 0; }
/* "class subclass" */
int nvmlDeviceGetPciInfoExt(device *d, u32 *p) { BEGIN(ask(d, "nvmlDeviceGetPciInfoExt", "", &code)); p[6] = (u32)n[0]; p[7] = (u32)n[1]; return 0; }

/* Lists: the first call learns the size. */
int nvmlDeviceGetSupportedMemoryClocks(device *d, u32 *count, u32 *out) {
    int code;
    const char *v = ask(d, "nvmlDeviceGetSupportedMemoryClocks", "", &code);
    if (!v) return code;
    u64 n[16];
    u32 have = (u32)numbers(v, n, 16);
    if (!out || *count < have) { *count = have; return have ? INSUFFICIENT_SIZE : 0; }
    for (u32 i = 0; i < have; i++) out[i] = (u32)n[i];
    *count = have;
    return 0;
}
int nvmlDeviceGetRetiredPages(device *d, u32 cause, u32 *count, u64 *out) {
    int code;
    const char *v = ask1(d, "nvmlDeviceGetRetiredPages", cause, &code);
    if (!v) return code;
    u64 n[16];
    u32 have = (u32)numbers(v, n, 16);
    if (!out || *count < have) { *count = have; return have ? INSUFFICIENT_SIZE : 0; }
    memcpy(out, n, have * sizeof *n);
    *count = have;
    return 0;
}
/* "pid:bytes pid:bytes"; "-" is an empty list, bytes "?" are not available. */
typedef struct { u32 pid; u64 used; u32 gi, ci; } process;
static int processes(device *d, const char *call, u32 *count, process *out) {
    int code;
    const char *v = ask(d, call, "", &code);
    if (!v) return code;
    process found[64];
    u32 have = 0;
    for (const char *p = v; have < 64 && *p >= '0' && *p <= '9'; have++) {
        char *end;
        found[have] = (process){(u32)strtoul(p, &end, 10), ~0ull, ~0u, ~0u};
        if (*end == ':') {
            if (end[1] == '?') end += 2;
            else found[have].used = strtoull(end + 1, &end, 10);
        }
        p = end + strspn(end, " ");
    }
    if (!out || *count < have) { *count = have; return have ? INSUFFICIENT_SIZE : 0; }
    memcpy(out, found, have * sizeof *found);
    *count = have;
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(device *d, u32 *count, process *out) { return processes(d, "nvmlDeviceGetComputeRunningProcesses", count, out); }
int nvmlDeviceGetMPSComputeRunningProcesses_v3(device *d, u32 *count, process *out) { return processes(d, "nvmlDeviceGetMPSComputeRunningProcesses", count, out); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(device *d, u32 *count, process *out) { return processes(d, "nvmlDeviceGetGraphicsRunningProcesses", count, out); }

/* "0.field[186] = 345000", with a type name first if it is not unsigned long long: double uint ulong ullong sllong int ushort. */
typedef struct { u32 id, scope; long long stamp, latency; u32 type, code; union { double d; u64 u; long long s; u32 ui; int si; unsigned short us; } value; } field;
int nvmlDeviceGetFieldValues(device *d, int count, field *f) {
    static const char *types[] = {"double", "uint", "ulong", "ullong", "sllong", "int", "ushort"};
    int code;
    if (!ask(d, "nvmlDeviceGetFieldValues", "", &code) && code != NOT_SUPPORTED) return code;
    for (int i = 0; i < count; i++, f++) {
        const char *v = f->scope ? ask2(d, "field", f->id, f->scope, &code) : ask1(d, "field", f->id, &code);
        if (!v && code == NOT_SUPPORTED && f->id >= 161 && f->id <= 164) v = ask1(d, "field", f->id, &code);
        f->code = (u32)code;
        f->type = 3;
        f->value.u = 0xAAAAAAAAAAAAAAAAull; /* what a client must not look at */
        if (!v) continue;
        for (u32 type = 0; type < 7; type++) {
            size_t length = strlen(types[type]);
            if (!strncmp(v, types[type], length) && v[length] == ' ') { f->type = type; v += length + 1; break; }
        }
        if (!strncmp(v, "type ", 5)) { f->type = (u32)strtoul(v + 5, (char **)&v, 10); }
        switch (f->type) {
        case 0: f->value.d = strtod(v, NULL); break;
        case 1: f->value.ui = (u32)strtoull(v, NULL, 0); break;
        case 4: f->value.s = strtoll(v, NULL, 0); break;
        case 5: f->value.si = (int)strtol(v, NULL, 0); break;
        case 6: f->value.us = (unsigned short)strtoul(v, NULL, 0); break;
        default: f->value.u = strtoull(v, NULL, 0);
        }
    }
    return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(device *d, u32 index, device **out) {
    char key[64];
    int code;
    if (index >= 16) return INVALID_ARGUMENT;
    device *m = &slices[d->index][index];
    m->index = d->index;
    m->mig = (int)index;
    if (!ask(m, "nvmlDeviceGetMigDeviceHandleByIndex", "", &code) && code != NOT_SUPPORTED) return code;
    snprintf(key, sizeof key, "%d.mig%u.nvmlDeviceGetName", d->index, index);
    if (!find(key)) return NOT_FOUND;
    *out = m;
    return 0;
}
typedef struct { u32 sms, copy, decoders, encoders, jpeg, ofa, slices, compute_slices; u64 memory_mb; } attributes;
int nvmlDeviceGetAttributes_v2(device *d, attributes *a) {
    BEGIN(ask(d, "nvmlDeviceGetAttributes", "", &code)); /* SMs, GPU slices, compute slices, MiB */
    memset(a, 0, sizeof *a);
    a->sms = (u32)n[0]; a->slices = (u32)n[1]; a->compute_slices = (u32)n[2]; a->memory_mb = n[3];
    return 0;
}

static int pair(const char *call, device *a, device *b, long capability, u32 *out) {
    char key[96];
    int code, low = a->index < b->index ? a->index : b->index, high = a->index + b->index - low;
    if (capability < 0) snprintf(key, sizeof key, "%s[%d,%d]", call, low, high);
    else snprintf(key, sizeof key, "%s[%d,%d,%ld]", call, low, high, capability);
    const char *v = find(key);
    if (!v) {
        if (capability < 0) snprintf(key, sizeof key, "%s[*]", call);
        else snprintf(key, sizeof key, "%s[*,%ld]", call, capability);
        v = find(key);
    }
    v = act(v, NOT_SUPPORTED, &code);
    if (v) *out = (u32)strtoul(v, NULL, 10);
    return code;
}
int nvmlDeviceGetTopologyCommonAncestor(device *a, device *b, u32 *out) { return pair("nvmlDeviceGetTopologyCommonAncestor", a, b, -1, out); }
int nvmlDeviceGetP2PStatus(device *a, device *b, u32 capability, u32 *out) { return pair("nvmlDeviceGetP2PStatus", a, b, (long)capability, out); }

/* GPM: "0.nvmlGpmQueryDeviceSupport = 1", "0.gpm[2] = 61.5" (a percentage or a rate), "0.gpm[2] = span": as many hundreds as
 * seconds are between both samples, "gpm_most = 98": greater ids make the driver refuse the whole call. A sample remembers its device and time. */
typedef struct { device *d; double at; } gpm_sample;
typedef struct { u32 id; int code; double value; const char *names[3]; } gpm_metric;
typedef struct { u32 version, count; gpm_sample *first, *last; gpm_metric metrics[]; } gpm_request;
int nvmlGpmQueryDeviceSupport(device *d, u32 *s) {
    if (s[0] != 1) return VERSION_MISMATCH;
    BEGIN(ask(d, "nvmlGpmQueryDeviceSupport", "", &code)); s[1] = (u32)n[0]; return 0;
}
int nvmlGpmSampleAlloc(gpm_sample **out) { *out = calloc(1, sizeof **out); return 0; }
int nvmlGpmSampleFree(gpm_sample *s) { free(s); return 0; }
int nvmlGpmSampleGet(device *d, gpm_sample *s) {
    int code;
    if (!ask(d, "nvmlGpmSampleGet", "", &code) && code != NOT_SUPPORTED) return code;
    s->d = d;
    s->at = seconds();
    return 0;
}
int nvmlGpmMigSampleGet(device *d, u32 instance, gpm_sample *s) { (void)instance; return nvmlGpmSampleGet(d, s); }
int nvmlGpmMetricsGet(gpm_request *r) {
    const char *most = find("gpm_most");
    if (r->version != 1) return VERSION_MISMATCH;
    if (!r->first->d || !r->last->d || r->last->at - r->first->at < 0.1) return INVALID_ARGUMENT;
    for (u32 i = 0; i < r->count; i++)
        if (most && r->metrics[i].id > strtoul(most, NULL, 10)) return INVALID_ARGUMENT;
    for (u32 i = 0; i < r->count; i++) {
        int code;
        const char *v = ask1(r->last->d, "gpm", r->metrics[i].id, &code);
        r->metrics[i].code = code;
        r->metrics[i].value = !v ? -1 : !strcmp(v, "span") ? 100 * (r->last->at - r->first->at) : strtod(v, NULL);
    }
    return 0;
}
