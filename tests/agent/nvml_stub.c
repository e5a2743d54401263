/* A libnvidia-ml that says what a script tells it, so that the real binding is met in tests.
 *
 * Signatures and layouts are those of nvml.h (CUDA 13); a function that is not here is one that the
 * driver is too old for. LOTABOTS_NVML_STUB names the script, of lines:
 *
 *   gpus N                         how many there are
 *   driver TEXT                    the driver's version
 *   uuid GPU TEXT | pdi GPU HEX | vbios GPU TEXT
 *   mig GPU N                      MIG is on, with N slices in the even slots
 *   links GPU UP PRESENT           NVLinks
 *   cc ENVIRONMENT FEATURE DEVTOOLS MULTI
 *   chain GPU FILE | report GPU FILE
 *   nonce GPU HEX                  the only nonce for which there is a report
 *   xid GPU NUMBER                 an event that waits, once
 *   fail FUNCTION GPU CODE         GPU -1: all, and functions that are about none
 *   lose GPU CALLS                 it is lost after so many calls about it, until the next nvmlInit
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, TIMEOUT = 10, LOST = 15, UNKNOWN = 999 };
enum { GPUS = 8, SLICES = 8, RULES = 64, EVENTS = 16 };

typedef struct device {
	int index, slice; /* slice -1: the whole GPU */
	struct device *parent, *slices;
	char uuid[96], vbios[32], chain[512], report[512], nonce[65];
	unsigned long long pdi;
	int mig, up, present, calls, lose;
} device;

static struct { char function[64]; int gpu, code; } rules[RULES];
static struct { int gpu; unsigned long long xid; } events[EVENTS];
static device devices[GPUS], slices[GPUS][SLICES];
static int rule_count, event_count, event_next, gpu_count, was_read;
static unsigned cc[4];
static char driver[80] = "580.65.06";

static void clear(void)
{
	for (int i = 0; i < GPUS; i++) {
		device *d = &devices[i];
		d->index = i, d->slice = -1, d->parent = d, d->slices = slices[i], d->lose = -1;
		snprintf(d->uuid, sizeof d->uuid, "GPU-00000000-0000-0000-0000-00000000000%d", i);
		strcpy(d->vbios, "96.00.9F.00.01");
		d->pdi = 0x431d480fe5e87270ull + i;
		for (int j = 0; j < SLICES; j++) {
			slices[i][j] = *d;
			slices[i][j].slice = j;
			snprintf(slices[i][j].uuid, 96, "MIG-00000000-0000-0000-000%d-00000000000%d", i, j);
		}
	}
}

static void read_script(void)
{
	char line[1024], word[64], text[512];
	int gpu, a, b;
	unsigned long long n;
	const char *path = getenv("LOTABOTS_NVML_STUB");
	FILE *file = path ? fopen(path, "r") : NULL;
	clear();
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "gpus %d", &gpu_count) == 1) continue;
		if (sscanf(line, "driver %79s", driver) == 1) continue;
		if (sscanf(line, "cc %u %u %u %u", cc, cc + 1, cc + 2, cc + 3) == 4) continue;
		if (sscanf(line, "mig %d %d", &gpu, &a) == 2) { devices[gpu].mig = a; continue; }
		if (sscanf(line, "links %d %d %d", &gpu, &a, &b) == 3) { devices[gpu].up = a, devices[gpu].present = b; continue; }
		if (sscanf(line, "lose %d %d", &gpu, &a) == 2) { devices[gpu].lose = a; continue; }
		if (sscanf(line, "xid %d %llu", &gpu, &n) == 2) { events[event_count].gpu = gpu, events[event_count++].xid = n; continue; }
		if (sscanf(line, "pdi %d %llx", &gpu, &n) == 2) { devices[gpu].pdi = n; continue; }
		if (sscanf(line, "fail %63s %d %d", rules[rule_count].function, &rules[rule_count].gpu, &rules[rule_count].code) == 3) { rule_count++; continue; }
		if (sscanf(line, "%63s %d %511s", word, &gpu, text) == 3) {
			device *d = &devices[gpu];
			char *to = !strcmp(word, "uuid") ? d->uuid : !strcmp(word, "vbios") ? d->vbios : !strcmp(word, "chain") ? d->chain
				: !strcmp(word, "report") ? d->report : !strcmp(word, "nonce") ? d->nonce : NULL;
			if (to) { strcpy(to, text); continue; }
		}
		fprintf(stderr, "nvml_stub: what is: %s", line);
		abort();
	}
	if (file) fclose(file);
}

static int failing(const char *function, int gpu)
{
	for (int i = 0; i < rule_count; i++)
		if (!strcmp(rules[i].function, function) && (rules[i].gpu == -1 || rules[i].gpu == gpu)) return rules[i].code;
	return 0;
}

static int about(device *d, const char *function)
{
	if (d->parent->lose >= 0 && d->parent->calls++ >= d->parent->lose) return LOST;
	return failing(function, d->index);
}

#define SYSTEM int failed_ = failing(__func__, -1); if (failed_) return failed_
#define ABOUT(d) int failed_ = about((d), __func__); if (failed_) return failed_
#define NUMBER(name, type, value) int name(device *d, type *out) { ABOUT(d); *out = (value); return 0; }
#define TEXT(name, value) int name(device *d, char *out, unsigned size) { ABOUT(d); return write_text(out, size, (value)); }

static int write_text(char *out, unsigned size, const char *text)
{
	if (strlen(text) >= size) return INSUFFICIENT_SIZE;
	strcpy(out, text);
	return 0;
}

int nvmlInitWithFlags(unsigned flags)
{
	(void)flags;
	if (!was_read++) read_script();
	else for (int i = 0; i < GPUS; i++) devices[i].lose = -1;
	SYSTEM;
	return 0;
}
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "as the stub was told"; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { SYSTEM; return write_text(out, size, driver); }
int nvmlSystemGetNVMLVersion(char *out, unsigned size) { SYSTEM; return write_text(out, size, "13.580.65.06"); }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { SYSTEM; *out = 13010; return 0; }
int nvmlDeviceGetCount_v2(unsigned *out) { SYSTEM; *out = gpu_count; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **out)
{
	*out = &devices[index];
	ABOUT(&devices[index]);
	return 0;
}

TEXT(nvmlDeviceGetUUID, d->uuid)
TEXT(nvmlDeviceGetName, d->slice < 0 ? "NVIDIA H100 80GB HBM3" : "NVIDIA H100 80GB HBM3 MIG 1g.10gb")
TEXT(nvmlDeviceGetSerial, "1650924017645")
TEXT(nvmlDeviceGetBoardPartNumber, "900-2G520-0000-000")
TEXT(nvmlDeviceGetVbiosVersion, d->vbios)
int nvmlDeviceGetGspFirmwareVersion(device *d, char *out) { ABOUT(d); return write_text(out, 64, driver); }
NUMBER(nvmlDeviceGetBrand, unsigned, 14)
NUMBER(nvmlDeviceGetArchitecture, unsigned, 9)
NUMBER(nvmlDeviceGetMinorNumber, unsigned, d->index)
NUMBER(nvmlDeviceGetNumGpuCores, unsigned, 16896)
NUMBER(nvmlDeviceGetComputeMode, unsigned, 0)
NUMBER(nvmlDeviceGetPersistenceMode, unsigned, 1)
NUMBER(nvmlDeviceGetVirtualizationMode, unsigned, 1)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, 5)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, unsigned, 16)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, 5)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, unsigned, 16)
NUMBER(nvmlDeviceGetPcieReplayCounter, unsigned, 3)
NUMBER(nvmlDeviceGetPowerUsage, unsigned, 118250)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, 700000)
NUMBER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, 9876543210ull)
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, 0x804)
NUMBER(nvmlDeviceGetRetiredPagesPendingStatus, unsigned, 0)
NUMBER(nvmlDeviceGetMaxMigDeviceCount, unsigned, 7)

int nvmlDeviceGetCudaComputeCapability(device *d, int *major, int *minor) { ABOUT(d); *major = 9, *minor = 0; return 0; }
int nvmlDeviceGetEccMode(device *d, unsigned *now, unsigned *next) { ABOUT(d); *now = *next = 1; return 0; }
int nvmlDeviceGetMigMode(device *d, unsigned *now, unsigned *next) { ABOUT(d); *now = *next = d->mig > 0; return 0; }
int nvmlDeviceGetClockInfo(device *d, unsigned type, unsigned *out) { ABOUT(d); *out = type == 1 ? 1980 : 2619; return 0; }
int nvmlDeviceGetTemperature(device *d, unsigned sensor, unsigned *out) { ABOUT(d); *out = sensor ? 0 : 41; return 0; }
int nvmlDeviceGetTotalEccErrors(device *d, unsigned type, unsigned counter, unsigned long long *out)
{
	ABOUT(d);
	*out = 10 * type + counter;
	return 0;
}
int nvmlDeviceGetRemappedRows(device *d, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed)
{
	ABOUT(d);
	*corrected = 1, *uncorrected = 2, *pending = 1, *failed = 0;
	return 0;
}
int nvmlDeviceGetUtilizationRates(device *d, unsigned out[2]) { ABOUT(d); out[0] = 97, out[1] = 60; return 0; }
int nvmlDeviceGetMemoryInfo(device *d, unsigned long long out[3]) { ABOUT(d); out[0] = 85520809984ull, out[1] = 85000000000ull, out[2] = 520809984ull; return 0; }

typedef struct { unsigned version; unsigned long long value; } pdi;
int nvmlDeviceGetPdi(device *d, pdi *out) { ABOUT(d); out->value = d->pdi; return 0; }

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci;
int nvmlDeviceGetPciInfo_v3(device *d, pci *out)
{
	ABOUT(d);
	out->id = 0x233010de;
	snprintf(out->bus_id, sizeof out->bus_id, "00000000:%02X:00.0", 0x18 + d->index);
	return 0;
}

int nvmlDeviceGetNvLinkState(device *d, unsigned link, unsigned *up)
{
	ABOUT(d);
	if ((int)link >= d->present) return d->present ? 2 : NOT_SUPPORTED;
	*up = (int)link < d->up;
	return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned slot, device **out)
{
	ABOUT(d);
	if (slot % 2 || (int)slot / 2 >= d->mig) return NOT_FOUND;
	*out = &d->slices[slot / 2];
	return 0;
}
typedef struct { unsigned counts[8]; unsigned long long mebibytes; } attributes;
int nvmlDeviceGetAttributes_v2(device *d, attributes *out) { ABOUT(d); out->mebibytes = 9984; return 0; }

typedef struct { uint32_t id, scope; int64_t at, latency; unsigned type, status; union { unsigned number; uint64_t wide; } value; } field;
int nvmlDeviceGetFieldValues(device *d, int count, field *fields)
{
	ABOUT(d);
	for (int i = 0; i < count; i++) {
		fields[i].status = fields[i].id == 230 ? 0 : NOT_SUPPORTED;
		fields[i].value.number = 1;
	}
	return 0;
}

int nvmlEventSetCreate(void **out) { SYSTEM; *out = events; return 0; }
int nvmlEventSetFree(void *set) { (void)set; return 0; }
int nvmlDeviceRegisterEvents(device *d, unsigned long long types, void *set) { (void)set; ABOUT(d); return types == 8 ? 0 : NOT_SUPPORTED; }
typedef struct { device *device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } event;
int nvmlEventSetWait_v2(void *set, event *out, unsigned milliseconds)
{
	(void)set, (void)milliseconds;
	SYSTEM;
	if (event_next >= event_count) return TIMEOUT;
	out->device = &devices[events[event_next].gpu], out->type = 8, out->data = events[event_next].xid;
	event_next++;
	return 0;
}

typedef struct { unsigned environment, feature, devtools; } cc_state;
int nvmlSystemGetConfComputeState(cc_state *out) { SYSTEM; out->environment = cc[0], out->feature = cc[1], out->devtools = cc[2]; return 0; }
typedef struct { unsigned version, environment, feature, devtools, multi; } cc_settings;
int nvmlSystemGetConfComputeSettings(cc_settings *out) { SYSTEM; if (out->version != 0x1000014) return 25; out->multi = cc[3]; return 0; }
int nvmlSystemGetConfComputeGpusReadyState(unsigned *out) { SYSTEM; *out = 1; return 0; }

static int read_bytes(const char *path, uint8_t *to, size_t size, unsigned *length)
{
	FILE *file = *path ? fopen(path, "rb") : NULL;
	if (!file) return NOT_SUPPORTED;
	*length = fread(to, 1, size, file);
	fclose(file);
	return 0;
}
typedef struct { unsigned short_size, size; uint8_t short_chain[0x1000], chain[0x1400]; } certificates;
int nvmlDeviceGetConfComputeGpuCertificate(device *d, certificates *out)
{
	ABOUT(d);
	return read_bytes(d->chain, out->chain, sizeof out->chain, &out->size);
}
typedef struct { unsigned has_cec, size, cec_size; uint8_t nonce[32], report[0x2000], cec[0x1000]; } report;
int nvmlDeviceGetConfComputeGpuAttestationReport(device *d, report *out)
{
	char nonce[65];
	ABOUT(d);
	for (int i = 0; i < 32; i++) sprintf(nonce + 2 * i, "%02x", out->nonce[i]);
	if (*d->nonce && strcmp(nonce, d->nonce)) return UNKNOWN;
	return read_bytes(d->report, out->report, sizeof out->report, &out->size);
}
